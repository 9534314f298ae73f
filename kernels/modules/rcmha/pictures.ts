/** What relative convolutional attention has learned, and what its heads read. */
import { convolvedTensors, rcmhaRows } from '../../mechanisms/rcmha/definition';
import type { ModuleCall, Tensors } from '../../module';
import type { Chart, HeatMap, Picture } from '../../picture';
import { allRows } from '../../reference/softmax';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import {
  mechanismOf,
  mechanismWeights,
  projected,
  projections,
  shapeOf,
  type Projection,
  type RelativeParameters,
} from './definition';

/** Taps of each convolution, [channels][taps], the tap of the own position last. */
export type Taps = Readonly<Record<Projection, readonly (readonly number[])[]>>;

const rows = ({ data, shape }: Tensor): readonly (readonly number[])[] => {
  const width = shape.at(-1)!;
  return Array.from({ length: data.length / width }, (_, at) =>
    Array.from(data.subarray(at * width, (at + 1) * width)),
  );
};

export const tapsOf = (weights: Tensors): Taps | undefined => {
  const [query, key, value] = projections.map((name) => weights[`${name}.1.conv.weight`]);
  return query && key && value ? { query: rows(query), key: rows(key), value: rows(value) } : undefined;
};

/** [heads][distance] from 0: beta / sqrt(d), what is added to the score of a key at that distance. */
export function biasesOf(weights: Tensors, { width, heads, maxDistance, tokens, memory }: RelativeParameters) {
  const bias = weights['key_pos_bias'];
  if (!bias) return undefined;
  const root = Math.sqrt(width / heads);
  return Array.from({ length: heads }, (_, head) =>
    Array.from({ length: tokens + memory }, (__, r) => bias.data[(maxDistance - r) * heads + head]! / root),
  );
}

const tapName = (back: number): string => (back === 0 ? 't' : `t-${back}`);

/** A row for each channel, the taps of queries, keys and values beside each other. */
export function tapsMap(taps: Taps, id = 'taps', title = 'Taps of the convolutions'): HeatMap {
  const channels = taps.query.length;
  const kernel = taps.query[0]?.length ?? 0;
  const labels = projections.flatMap((name) =>
    Array.from({ length: kernel }, (_, u) => `${name} ${tapName(kernel - 1 - u)}`),
  );
  return {
    kind: 'heat-map',
    id,
    title,
    caption:
      'All heads share them. A channel that leaves its numbers as they are has 1 at t and 0 before; one that hands on the previous token has its largest tap at t-1.',
    unit: '',
    definition: 'w[c, u] of y_t[c] = b[c] + sum over u of w[c, u] x_(t - K + 1 + u)[c]',
    scale: 'diverging',
    rows: { title: 'Channel of a head', labels: Array.from({ length: channels }, (_, c) => `${c}`) },
    columns: { title: 'Tap', labels },
    values: Array.from({ length: channels }, (_, c) => projections.flatMap((name) => taps[name][c] ?? [])),
  };
}

/** Mean over channels of |w[c, u]| over the sum of |w[c, .]|, in the order of the taps. */
export function tapShares(taps: readonly (readonly number[])[]): readonly number[] {
  const kernel = taps[0]?.length ?? 0;
  return Array.from({ length: kernel }, (_, u) => {
    const shares = taps.map((channel) => {
      const all = channel.reduce((sum, tap) => sum + Math.abs(tap), 0);
      return all === 0 ? 0 : Math.abs(channel[u] ?? 0) / all;
    });
    return shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length);
  });
}

/** How much of the taps lies on each position. */
export function sharesChart(taps: Taps, id = 'tap-shares', title = 'Where the taps lie'): Chart {
  const kernel = taps.query[0]?.length ?? 0;
  return {
    kind: 'chart',
    id,
    title,
    caption: `Mean over channels of |w[c, u]| over the sum of |w[c, .]|. Taps that are drawn at random have about ${(1 / Math.max(1, kernel)).toPrecision(2)} each; without a convolution t would have 1.`,
    x: {
      title: 'tap',
      unit: '',
      scale: 'category',
      categories: Array.from({ length: kernel }, (_, u) => tapName(kernel - 1 - u)),
    },
    y: { title: 'share of the taps', unit: '', scale: 'linear' },
    series: projections.map((name) => ({
      title: name,
      mark: 'bars',
      points: tapShares(taps[name]).map((y, x) => ({ x, y })),
    })),
  };
}

/** One line for each head. */
export const biasChart = (biases: readonly (readonly number[])[], id = 'bias', title = 'Bias by distance'): Chart => ({
  kind: 'chart',
  id,
  title,
  caption:
    'What is added (β of each head over √d) to the score of a key so many positions back, whatever it holds. All start at 0; a head that looks at the previous token has its peak at 1.',
  x: { title: 'distance', unit: 'positions', scale: 'linear' },
  y: { title: 'β / √d', unit: '', scale: 'linear' },
  series: biases.map((line, head) => ({
    title: `head ${head}`,
    mark: 'line',
    points: line.map((y, x) => ({ x, y })),
  })),
});

/** Mean weight of the first sequence by distance, over the queries that have a key there: [heads][distance]. */
export function weightsByDistance(call: ModuleCall, parameters: RelativeParameters): readonly (readonly number[])[] {
  const shape = { ...shapeOf(parameters), batch: 1 };
  const { heads, queries, keys } = shape;
  const own = projected(call, parameters);
  const one = (x: Tensor): Tensor => tensor([1, ...x.shape.slice(1)], x.data.subarray(0, x.data.length / x.shape[0]!));
  const weights = mechanismWeights(call.weights, parameters);
  const inputs = { query: one(own.query), key: one(own.key), value: one(own.value), weights };
  const made = convolvedTensors(inputs, shape, mechanismOf(parameters));
  // Values that are one row of the identity each: the output is the weights.
  const identity = zeros([1, heads, keys, keys]);
  for (let h = 0; h < heads; h++) for (let j = 0; j < keys; j++) identity.data[(h * keys + j) * keys + j] = 1;
  const { data } = rcmhaRows(
    { ...made, value: identity, weights },
    { ...shape, valueDim: keys },
    { ...mechanismOf(parameters), convolution: false },
    allRows(shape),
  );
  return Array.from({ length: heads }, (_, h) =>
    Array.from({ length: keys }, (__, r) => {
      let sum = 0;
      let count = 0;
      for (let i = 0; i < queries; i++) {
        const j = i + keys - queries - r;
        if (j < 0) continue;
        sum += data[(h * queries + i) * keys + j]!;
        count += 1;
      }
      return sum / count;
    }),
  );
}

export function relativePictures(call: ModuleCall, parameters: RelativeParameters): readonly Picture[] {
  const taps = tapsOf(call.weights);
  const biases = biasesOf(call.weights, parameters);
  return [
    ...(biases ? [biasChart(biases)] : []),
    {
      kind: 'chart',
      id: 'read',
      title: 'Weight by distance',
      caption:
        'Mean weight that a query gives the key so many positions back, over the queries that have one; content counts as well as the bias. Even attention would fall slowly and without a peak.',
      x: { title: 'distance', unit: 'positions', scale: 'linear' },
      y: { title: 'mean weight', unit: '', scale: 'linear' },
      series: weightsByDistance(call, parameters).map((line, head) => ({
        title: `head ${head}`,
        mark: 'line',
        points: line.map((y, x) => ({ x, y })),
      })),
    },
    ...(taps ? [sharesChart(taps), tapsMap(taps)] : []),
  ];
}
