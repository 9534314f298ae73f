/** Serving as tables: parts of a prompt and a token beside each other, and every operator of one of them. */
import { html, type TemplateResult } from 'lit';
import type {
  ServingAnswer,
  ServingCostView,
  ServingDeviceView,
  ServingOperatorView,
} from '../../../protocol/language/serving';
import { countColumn, table, textColumn, type Column } from '../../ui/table';
import { partSymbol, phaseTitles, type PhaseName } from './serving-charts';
import { boundWords, bytesWords, duration, timeWords } from './serving-words';
import { percent } from './split';
import { operations } from './units';

export interface PartRow {
  readonly part: string;
  readonly prefill?: number;
  readonly prefillShare?: number;
  readonly decode?: number;
  readonly decodeShare?: number;
}

function partRows({ prefill, decode }: ServingCostView): readonly PartRow[] {
  const names = [...new Set([...prefill.parts, ...decode.parts].map(({ part }) => part))];
  return names.map((part) => {
    const of = (phase: PhaseName, { parts, seconds }: ServingCostView['prefill']): Partial<PartRow> => {
      const own = parts.find((each) => each.part === part);
      return own === undefined ? {} : { [phase]: own.seconds, [`${phase}Share`]: own.seconds / seconds };
    };
    return { part, ...of('prefill', prefill), ...of('decode', decode) };
  });
}

const time = (id: PhaseName): Column<PartRow> =>
  countColumn(id, phaseTitles[id], (row) => row[id], {
    text: (row) => (row[id] === undefined ? '–' : duration(row[id])),
  });
const share = (id: `${PhaseName}Share`): Column<PartRow> =>
  countColumn(id, 'Share', (row) => row[id], { text: (row) => (row[id] === undefined ? '–' : percent(row[id])) });

/** `compact`: times alone; the shares are in the bars above. */
export const partTable = (cost: ServingCostView, dark: boolean, compact: boolean): TemplateResult =>
  table({
    caption: 'Time of a prompt and of a token by part',
    columns: [
      textColumn<PartRow>('part', 'Part', ({ part }) => part, {
        cell: ({ part }) => html`<span class="part-name">${partSymbol(part, dark)} ${part}</span>`,
      }),
      ...(compact
        ? [time('prefill'), time('decode')]
        : [time('prefill'), share('prefillShare'), time('decode'), share('decodeShare')]),
    ],
    rows: partRows(cost),
    key: ({ part }) => part,
  });

const bytes = (id: string, title: string, of: (row: ServingOperatorView) => number): Column<ServingOperatorView> =>
  countColumn(id, title, of, { text: (row) => (of(row) === 0 ? '–' : bytesWords(of(row))) });

export const operatorColumns = (device: ServingDeviceView | undefined): readonly Column<ServingOperatorView>[] => [
  textColumn('name', 'Operator', ({ name }) => name),
  textColumn('part', 'Part', ({ part }) => part),
  countColumn('seconds', 'Time', ({ seconds }) => seconds, {
    text: ({ seconds }) => duration(seconds),
    cell: (row) =>
      device === undefined
        ? duration(row.seconds)
        : html`<span title=${timeWords(row, device)}>${duration(row.seconds)}</span>`,
  }),
  textColumn('bound', 'Bound by', ({ bound }) => boundWords[bound]),
  countColumn('flops', 'FLOPs', ({ flops }) => flops, { text: ({ flops }) => (flops === 0 ? '–' : operations(flops)) }),
  bytes('weightBytes', 'Weights', ({ weightBytes }) => weightBytes),
  bytes('cacheBytes', 'Cache', ({ cacheBytes }) => cacheBytes),
  bytes('activationBytes', 'Activations', ({ activationBytes }) => activationBytes),
  bytes('networkBytes', 'Sent', ({ networkBytes }) => networkBytes),
  countColumn('count', 'Times', ({ count }) => count, { hint: 'Layers that have it' }),
];

/** `compact`: without the part, so that the time of an operator is in sight beside its name. */
export function operatorTable(
  { device }: ServingAnswer,
  cost: ServingCostView,
  phase: PhaseName,
  compact: boolean,
): TemplateResult {
  const rows = cost[phase].operators;
  const sends = rows.some(({ networkBytes }) => networkBytes > 0);
  return table({
    caption: `Operators of a ${phaseTitles[phase].toLowerCase()}`,
    columns: operatorColumns(device).filter(
      ({ id }) => (sends || id !== 'networkBytes') && !(compact && id === 'part'),
    ),
    rows,
    key: ({ part, name }) => `${part} ${name}`,
  });
}
