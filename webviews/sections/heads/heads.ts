import { nothing as none } from 'lit';
import type { HeadsSection } from '../../../protocol/sections/heads';
import { headName } from '../../ui/head-names';
import { significant } from '../../ui/numbers';
import { logChoice } from '../log-colours';
import { remembered } from '../remembered';
import { chosenNumber, twinColumn, type PictureKind, type TwinRow } from '../section-kind';
import { headClasses } from './heads-classes';
import { headsPicture, parse } from './heads-picture';

const picture = remembered(headsPicture);

export const headsKind: PictureKind<HeadsSection> = {
  drawn: 'picture',
  numbers: ({ numbers }) => numbers,
  isEmpty: ({ numbers }) => !numbers.some(({ values }) => values.some((row) => row.length > 0)),
  picture: (section, view) => {
    const number = chosenNumber(section.numbers, view);
    return picture(section, number ?? nothing, view.log);
  },
  controls: ({ section: { numbers }, view, actions }) => {
    const number = chosenNumber(numbers, view);
    return number ? logChoice(number.scale, number.values.flat(), view, actions) : none;
  },
  place: ({ numbers }, cursor) => {
    const { layer, head } = parse(cursor);
    return numbers.some(({ values }) => values[layer]?.[head] !== undefined)
      ? { kind: 'head', layer, head }
      : undefined;
  },
  cursorOf: ([, layer, head]) => `${layer ?? ''}.${head ?? ''}`,
  twin: (section) => {
    const { numbers, cell = 'head', marked = [] } = section;
    const classes = headClasses(section);
    const wide = numbers.flatMap((number) => [
      { number, name: number.name, title: number.title, of: number.values },
      ...(number.low ? [{ number, name: `${number.name}_low`, title: `${number.title}, low`, of: number.low }] : []),
      ...(number.high
        ? [{ number, name: `${number.name}_high`, title: `${number.title}, high`, of: number.high }]
        : []),
    ]);
    const layers = Math.max(0, ...numbers.map(({ values }) => values.length));
    const rows: TwinRow[] = [];
    for (let layer = 0; layer < layers; layer += 1) {
      const heads = Math.max(0, ...numbers.map(({ values }) => values[layer]?.length ?? 0));
      for (let head = 0; head < heads; head += 1) {
        const of = classes.of.get(`${layer}.${head}`) ?? [];
        rows.push([
          headName(layer, head),
          layer,
          head,
          ...wide.map((one) => one.of[layer]?.[head]),
          of.map(({ title }) => title).join('; '),
          classes.marked.has(`${layer}.${head}`) ? 'yes' : '',
        ]);
      }
    }
    const whole = (value: number): string => String(value);
    return {
      columns: [
        twinColumn(0, 'name', cell === 'head' || cell === 'query head' ? 'Head' : cell),
        twinColumn(1, 'layer', 'Layer', { text: whole }),
        twinColumn(2, 'head', 'Place', { text: whole, hint: 'Place within the layer, from 0.' }),
        ...wide.map(({ number, name, title }, at) =>
          twinColumn(3 + at, name, title, {
            unit: number.unit,
            hint: name === number.name ? number.definition : (number.interval ?? 'End of the interval.'),
            text: (value) => significant(value),
          }),
        ),
        ...(classes.all.length > 0
          ? [
              twinColumn(3 + wide.length, 'classes', 'Classes', {
                hint: classes.all.map(({ title, definition }) => `${title}: ${definition}`).join(' '),
              }),
            ]
          : []),
        ...(marked.length > 0 ? [twinColumn(4 + wide.length, 'in_finding', 'In the finding')] : []),
      ],
      rows,
    };
  },
};

const nothing: HeadsSection['numbers'][number] = {
  name: '',
  title: '',
  unit: '',
  definition: '',
  scale: { kind: 'sequential' },
  values: [],
};
