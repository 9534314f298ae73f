/** What complex-vector attention has learned: delta and b of each head and plane, and the angles that are read. */
import { cmha } from '../../mechanisms/cmha/cmha';
import type { ModuleCall, Tensors } from '../../module';
import type { Chart, HeatMap, Picture, PictureTable } from '../../picture';
import type { Tensor } from '../../tensors/tensor';
import { mechanismOf, shapeOf, weightsAndAngles, type ComplexParameters } from './definition';

/** [heads][planes]. */
export interface Planes {
  readonly delta: readonly (readonly number[])[];
  readonly b: readonly (readonly number[])[];
}

const rows = ({ data, shape }: Tensor): readonly (readonly number[])[] => {
  const width = shape.at(-1)!;
  return Array.from({ length: data.length / width }, (_, at) =>
    Array.from(data.subarray(at * width, (at + 1) * width)),
  );
};

export function planesOf(weights: Tensors): Planes | undefined {
  const [delta, b] = [weights['delta_params'], weights['bias_params']];
  return delta && b ? { delta: rows(delta), b: rows(b) } : undefined;
}

/** |delta| below which a plane counts as positional, and |delta - 1| below which it counts as rotary. */
const positionalBelow = 0.1;
const rotaryWithin = 0.25;

const headNames = (count: number): readonly string[] => Array.from({ length: count }, (_, h) => `head ${h}`);
const planeNames = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `${i}`);

interface Named {
  readonly id?: string;
  readonly title?: string;
}

export const deltaMap = (
  { delta }: Planes,
  { id = 'delta', title = 'Weight δ of the angle in each plane' }: Named = {},
): HeatMap => ({
  kind: 'heat-map',
  id,
  title,
  caption:
    'How much the angle between query and key counts. 1 is RoPE; at 0 the plane asks for a position alone, whatever query and key hold; below 0 the angle counts the other way round.',
  unit: '',
  definition: 'δ of cos(δ (angle of q - angle of k) + b + distance times frequency)',
  scale: 'diverging',
  rows: { title: 'Head', labels: headNames(delta.length) },
  columns: { title: 'Plane, from the fastest', labels: planeNames(delta[0]?.length ?? 0) },
  values: delta,
});

/** Middles of bins of half a unit; what lies beyond is counted in the outer ones. */
const middles = Array.from({ length: 9 }, (_, at) => -2 + at / 2);

export function histogramOf(delta: readonly number[]): readonly number[] {
  const counts = new Array<number>(middles.length).fill(0);
  for (const value of delta) {
    const at = Math.min(counts.length - 1, Math.max(0, Math.floor((value + 2.25) * 2)));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

export const deltaHistogram = (
  { delta }: Planes,
  { id = 'delta-histogram', title = 'How δ is spread' }: Named = {},
): Chart => ({
  kind: 'chart',
  id,
  title,
  caption:
    'Planes of each head by their δ, a quarter to either side of the number; the outer bars hold what lies beyond. RoPE has all of them at 1.',
  x: {
    title: 'δ',
    unit: '',
    scale: 'category',
    categories: middles.map(String),
  },
  y: { title: 'planes', unit: '', scale: 'linear' },
  series: delta.map((values, head) => ({
    title: `head ${head}`,
    mark: 'bars',
    points: histogramOf(values).map((y, x) => ({ x, y })),
  })),
});

export interface PlaneSummary {
  readonly meanDelta: number;
  readonly positional: number;
  readonly rotary: number;
  readonly meanPhase: number;
}

/** For one head: mean |delta|, the planes with |delta| < 0.1 and with |delta - 1| < 0.25, and mean |b| within half a turn. */
export function summaryOf(delta: readonly number[], b: readonly number[]): PlaneSummary {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return {
    meanDelta: mean(delta.map(Math.abs)),
    positional: delta.filter((value) => Math.abs(value) < positionalBelow).length,
    rotary: delta.filter((value) => Math.abs(value - 1) < rotaryWithin).length,
    meanPhase: mean(b.map((phase) => Math.abs(phase - 2 * Math.PI * Math.round(phase / (2 * Math.PI))))),
  };
}

export const planeTable = (
  { delta, b }: Planes,
  { id = 'planes', title = 'What the planes of a head do' }: Named = {},
): PictureTable => ({
  kind: 'table',
  id,
  title,
  caption: `Of ${delta[0]?.length ?? 0} planes a head.`,
  columns: [
    { title: 'Head', kind: 'text' },
    { title: 'Mean |δ|', kind: 'number', unit: '', definition: 'Over its planes; 1 for RoPE.' },
    {
      title: 'Positional',
      kind: 'text',
      definition: `Planes with |δ| < ${positionalBelow}: they ask for a position, whatever query and key hold.`,
    },
    {
      title: 'Positional planes',
      kind: 'text',
      definition: 'Their numbers, from the fastest.',
    },
    { title: 'Like RoPE', kind: 'text', definition: `Planes with |δ - 1| < ${rotaryWithin}.` },
    { title: 'Mean |b|', kind: 'number', unit: 'rad', definition: 'Constant phase, within half a turn.' },
  ],
  rows: delta.map((values, head) => {
    const { meanDelta, positional, rotary, meanPhase } = summaryOf(values, b[head] ?? []);
    const which = values.flatMap((value, i) => (Math.abs(value) < positionalBelow ? [`${i}`] : []));
    return [`head ${head}`, meanDelta, `${positional}`, which.join(', '), `${rotary}`, meanPhase];
  }),
});

const angleBins = 12;

/**
 * [heads * planes][bins of the angle]: mean weight of the pairs whose angle AS lies in the bin, over that of all pairs of the head; NaN
 * where no pair does. Each weight is taken times the keys that its query reads, so that even attention is 1 everywhere.
 */
export function anglePreference(call: ModuleCall, parameters: ComplexParameters): readonly (readonly number[])[] {
  return weightsAndAngles(call, parameters).flatMap((queries) => {
    const planes = queries[0]?.[0]?.angles.length ?? 0;
    const sums = Array.from({ length: planes }, () => new Float64Array(angleBins));
    const counts = Array.from({ length: planes }, () => new Float64Array(angleBins));
    let all = 0;
    let pairs = 0;
    for (const keys of queries) {
      for (const { weight, angles } of keys) {
        const relative = weight * keys.length;
        all += relative;
        pairs += 1;
        angles.forEach((angle, i) => {
          const bin = Math.min(angleBins - 1, Math.floor(((angle + Math.PI) / (2 * Math.PI)) * angleBins));
          sums[i]![bin]! += relative;
          counts[i]![bin]! += 1;
        });
      }
    }
    return sums.map((own, i) =>
      Array.from(own, (sum, bin) => (counts[i]![bin] === 0 ? Number.NaN : sum / counts[i]![bin]! / (all / pairs))),
    );
  });
}

/** Rows are planes of heads, columns the angle between query and key from -180 to 180 degrees. */
function angleMap(call: ModuleCall, parameters: ComplexParameters): HeatMap {
  const values = anglePreference(call, parameters);
  const planes = values.length / parameters.heads;
  const step = 360 / angleBins;
  return {
    kind: 'heat-map',
    id: 'angles',
    title: 'Angles that are read',
    caption:
      'Weight by the angle between query and key in each plane, over the mean of the head: 1 everywhere is a plane whose angle does not matter. A plane of RoPE is brightest at the angle that its distance asks for.',
    unit: '',
    definition: 'mean over pairs in the bin of weight times keys of the query, over that of all pairs',
    scale: 'sequential',
    rows: {
      title: 'Head and plane',
      labels: values.map((_, at) => `${Math.floor(at / planes)}.${at % planes}`),
    },
    columns: {
      title: 'Angle of q less angle of k (degrees)',
      labels: Array.from({ length: angleBins }, (_, bin) => `${-180 + step * (bin + 0.5)}`),
    },
    values,
  };
}

/** What both forms of the same scores hold at once. */
function memoryChart(parameters: ComplexParameters): Chart {
  const lengths = [64, 256, 1024, 4096];
  return {
    kind: 'chart',
    id: 'memory',
    title: 'Memory of the two forms',
    caption:
      'Bytes held at once by the cost model of the mechanism. The authors’ code makes the cosine of every pair and plane, eight queries at a time; remapped queries and keys run in plain attention.',
    x: { title: 'tokens', unit: '', scale: 'log2' },
    y: { title: 'memory', unit: 'MB', scale: 'log10' },
    series: (['naive', 'factored'] as const).map((form) => ({
      title: form,
      mark: 'line',
      points: lengths.map((tokens) => ({
        x: tokens,
        y: cmha.cost(shapeOf({ ...parameters, tokens }), { ...mechanismOf(parameters), form }).peakBytes / 1e6,
      })),
    })),
  };
}

export function complexPictures(call: ModuleCall, parameters: ComplexParameters): readonly Picture[] {
  const planes = planesOf(call.weights);
  return [
    ...(planes ? [deltaMap(planes), deltaHistogram(planes), planeTable(planes)] : []),
    angleMap(call, parameters),
    memoryChart(parameters),
  ];
}
