/** The numbers of all heads as a table: a row for each. */
import type { HeadsSection } from '../../../protocol/sections/heads';
import { headKey, headName } from '../../ui/head-names';
import { significant } from '../../ui/numbers';
import type { CellValue } from '../../ui/table';
import { twinColumn, type Twin, type TwinRow } from '../section-kind';
import { headClasses } from './heads-classes';

interface Field {
  readonly id: string;
  readonly title: string;
  readonly more?: Parameters<typeof twinColumn>[3];
  readonly value: (layer: number, head: number) => CellValue;
}

const whole = (value: number): string => String(value);

/** The layer and the place within it stand in the second and the third column. */
export function headsTwin(section: HeadsSection): Twin {
  const { numbers } = section;
  const fields = fieldsOf(section);
  const rows: TwinRow[] = [];
  const layers = Math.max(0, ...numbers.map(({ values }) => values.length));
  for (let layer = 0; layer < layers; layer += 1) {
    const heads = Math.max(0, ...numbers.map(({ values }) => values[layer]?.length ?? 0));
    for (let head = 0; head < heads; head += 1) rows.push(fields.map(({ value }) => value(layer, head)));
  }
  return { columns: fields.map(({ id, title, more }, at) => twinColumn(at, id, title, more)), rows };
}

function fieldsOf(section: HeadsSection): readonly Field[] {
  const { numbers, cell = 'query head', marked = [] } = section;
  const classes = headClasses(section);
  const ofClass = (layer: number, head: number) => classes.of.get(headKey(layer, head)) ?? [];
  const scored = section.classes?.some(({ scores }) => scores !== undefined) === true;
  return [
    { id: 'name', title: cell === 'query head' || cell === 'head' ? 'Head' : cell, value: headName },
    { id: 'layer', title: 'Layer', more: { text: whole }, value: (layer) => layer },
    {
      id: 'head',
      title: 'Place',
      more: { text: whole, hint: 'Place within the layer, from 0.' },
      value: (_, head) => head,
    },
    ...numbers.flatMap(numberFields),
    ...(classes.all.length > 0
      ? [
          {
            id: 'classes',
            title: 'Classes',
            more: { hint: classes.all.map(({ title, definition }) => `${title}: ${definition}`).join(' ') },
            value: (layer: number, head: number) =>
              ofClass(layer, head)
                .map((one) => one.class.title)
                .join('; '),
          },
        ]
      : []),
    ...(scored
      ? [
          {
            id: 'scores',
            title: 'Scores',
            more: { hint: 'Of its classes, in their order.' },
            value: (layer: number, head: number) =>
              ofClass(layer, head)
                .map(({ score }) => (score === undefined ? '' : significant(score)))
                .join('; '),
          },
        ]
      : []),
    ...modelFields(section),
    ...(marked.length > 0
      ? [
          {
            id: 'in_finding',
            title: 'In the finding',
            value: (layer: number, head: number) => (classes.marked.has(headKey(layer, head)) ? 'yes' : ''),
          },
        ]
      : []),
  ];
}

function numberFields(number: HeadsSection['numbers'][number]): readonly Field[] {
  const { name, title, unit, definition, values, low, high, interval = 'End of the interval.' } = number;
  const field = (id: string, words: string, hint: string, of: typeof values): Field => ({
    id,
    title: words,
    more: { unit, hint, text: (value) => significant(value) },
    value: (layer, head) => of[layer]?.[head],
  });
  return [
    field(name, title, definition, values),
    ...(low ? [field(`${name}_low`, `${title}, low`, interval, low)] : []),
    ...(high ? [field(`${name}_high`, `${title}, high`, interval, high)] : []),
  ];
}

/** What is known of the head beside its numbers. */
function modelFields({ numbers, kvHeads, windows = [], gains = [] }: HeadsSection): readonly Field[] {
  const heads = Math.max(1, ...numbers.flatMap(({ values }) => values.map((row) => row.length)));
  const scaled = new Map(gains.map(({ layer, head, gain }) => [headKey(layer, head), gain]));
  return [
    ...(kvHeads === undefined
      ? []
      : [
          {
            id: 'kv_head',
            title: 'Key/value head',
            more: { text: whole },
            value: (_: number, head: number) => Math.floor(head / (heads / kvHeads)),
          },
        ]),
    ...(windows.some((window) => window !== null)
      ? [
          {
            id: 'window',
            title: 'Window',
            more: { text: whole, unit: 'tokens' },
            value: (layer: number) => windows[layer] ?? undefined,
          },
        ]
      : []),
    ...(gains.length > 0
      ? [
          {
            id: 'gain',
            title: 'Gain',
            more: { text: (value: number) => significant(value) },
            value: (layer: number, head: number) => scaled.get(headKey(layer, head)) ?? 1,
          },
        ]
      : []),
  ];
}
