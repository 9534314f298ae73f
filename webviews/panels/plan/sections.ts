/** What is said of a plan beside its map, as sections, so that each has its table, its picture and its exports. Pure. */
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import { heldOf, rowsHeld } from '../../../protocol/plans/held';
import { lengthsWithin } from '../../../protocol/plans/lengths';
import { planBytes } from '../../../protocol/plans/plan-bytes';
import type { Compared } from '../../../protocol/panels/opened-file';
import type { Plan } from '../../../protocol/plans/plan-file';
import { planClasses, planClassNames, planClassOf } from '../../../protocol/plans/plan-words';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';

type Heads = Plan['heads'];

/** Positions of the chart: powers of two around what caches are planned for, as far as the model reads. */
const lengths = Array.from({ length: 11 }, (_, at) => 2 ** (at + 7));

/** Tokens of the prompt, as a plan counts them at a length. */
export const promptAt = ({ prompt }: Pick<Plan, 'prompt'>, length: number): number =>
  Math.min(prompt ?? length, length);

export const bytesAt = (plan: Pick<Plan, 'prompt' | 'model'>, heads: Heads, length: number) =>
  planBytes(heads, plan.model.headDim, length, { prompt: promptAt(plan, length) });

export const planSections = (plan: Plan, heads: Heads, length: number, other?: Compared<Plan>): readonly Section[] => [
  bytesChart(plan, heads, length, other),
  heldByHead(plan, heads, length),
  ...(plan.measured && plan.measured.length > 0 ? [measuredTable(plan.measured)] : []),
  originTable(plan),
];

/** Bytes of the keys and values of all layers over the length, of the plan and of the full cache (plan-bytes.ts). */
function bytesChart(plan: Plan, heads: Heads, length: number, other: Compared<Plan> | undefined): ChartSection {
  const within = lengthsWithin(lengths, plan.model.contextLength);
  const at = [...new Set([...within, length])].filter((one) => one > 0).sort((a, b) => a - b);
  const megabytes = (bytes: number): number => bytes / 1e6;
  const line = (id: string, title: string, of: (positions: number) => number): ChartSection['series'][number] => ({
    id,
    title,
    mark: 'line',
    points: at.map((x) => ({ x, y: megabytes(of(x)) })),
  });
  return {
    kind: 'chart',
    id: 'bytes',
    title: 'Cache over length',
    caption:
      'Keys and values of all layers, as 4-byte numbers; the mean of dropped positions counts as one position. Windows of the model itself are not counted in.',
    x: { title: 'Positions', unit: 'tokens', scale: 'log2' },
    y: { title: 'Cache', unit: 'MB', scale: 'log10' },
    series: [
      line('full', 'Full cache', (x) => bytesAt(plan, heads, x).full),
      line('plan', 'This plan', (x) => bytesAt(plan, heads, x).plan),
      ...(other ? [line('other', other.name, (x) => bytesAt(other.result, other.result.heads, x).plan)] : []),
    ],
  };
}

function heldByHead(plan: Plan, heads: Heads, length: number): HeadsSection {
  const prompt = promptAt(plan, length);
  const held = (keep: HeadPlan): number => rowsHeld(heldOf(keep, prompt), prompt, length);
  const { scores } = plan.origin;
  return {
    kind: 'heads',
    id: 'held',
    title: `Held at ${length.toLocaleString('en-US')} tokens`,
    cell: 'key/value head',
    numbers: [
      {
        name: 'positions',
        title: 'Positions held',
        unit: 'positions',
        definition: `Keys that the head's cache holds after ${length.toLocaleString('en-US')} positions; the mean of the dropped ones counts as one.`,
        scale: { kind: 'sequential', min: 0, max: length },
        values: heads.map((layer) => layer.map(held)),
      },
      ...(scores
        ? [
            {
              name: 'score',
              title: 'Score',
              unit: '',
              definition: `What ${plan.origin.method} ranked the heads by; the larger, the more a head needs of the past.`,
              scale: { kind: 'sequential' as const },
              values: scores,
            },
          ]
        : []),
    ],
    classes: planClassNames.flatMap((name) => {
      const of = heads.flatMap((layer, index) =>
        layer.flatMap((keep, head) => (planClassOf(keep) === name ? [{ layer: index, head }] : [])),
      );
      const { title, definition } = planClasses[name];
      return of.length === 0 ? [] : [{ name, title, definition, heads: of }];
    }),
  };
}

function measuredTable(measured: NonNullable<Plan['measured']>): TableSection {
  return {
    kind: 'table',
    id: 'measured',
    title: 'Measured',
    caption: 'What the plan was measured to do, beside the full cache. A change by hand takes these rows away.',
    columns: [
      { name: 'what', title: 'What', kind: 'text' },
      { name: 'score', title: 'Plan', kind: 'number', definition: 'Score of the plan, on average.' },
      { name: 'low', title: 'Low', kind: 'number', definition: 'End of the interval.' },
      { name: 'high', title: 'High', kind: 'number', definition: 'End of the interval.' },
      { name: 'full', title: 'Full cache', kind: 'number', definition: 'The same with the full cache.' },
      { name: 'n', title: 'n', kind: 'number', digits: 7, definition: 'Prompts.' },
      {
        name: 'bytes',
        title: 'Cache',
        kind: 'number',
        unit: 'MB',
        definition: 'Keys and values of all layers at the end of the prompts, on average.',
      },
      {
        name: 'share',
        title: 'Of the full cache',
        kind: 'number',
        unit: '%',
        definition: 'Bytes of the plan / bytes of the full cache.',
      },
    ],
    rows: measured.map(({ what, score, low, high, full, n, bytes, bytesFull }) => [
      what,
      score,
      low,
      high,
      full,
      n,
      bytes / 1e6,
      (100 * bytes) / bytesFull,
    ]),
  };
}

function originTable({ origin, model, prompt }: Plan): TableSection {
  const { method, settings, seed, created, headscope, note } = origin;
  return {
    kind: 'table',
    id: 'origin',
    title: 'Origin',
    columns: [
      { name: 'name', title: '', kind: 'text' },
      { name: 'value', title: '', kind: 'text' },
    ],
    rows: [
      ['Method', method],
      ...(note === undefined ? [] : [['Note', note]]),
      ...Object.entries(settings).map(([name, value]) => [name, String(value)]),
      ['Seed', String(seed)],
      ['Model', `${model.name}, ${model.heads} query heads a layer, head dimension ${model.headDim}`],
      ['Hash of the model', model.hash],
      ...(prompt === undefined ? [] : [['For a prompt of', `${prompt} tokens`]]),
      ['Made', `${created}, Headscope ${headscope}`],
    ],
  };
}
