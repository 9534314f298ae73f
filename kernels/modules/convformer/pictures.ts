/** What convolutional attention shows: shares of kernels, fused kernels, attention of the first sample. */
import type { Tensors } from '../../module';
import type { Chart, HeatMap, Picture } from '../../picture';
import { rowsOf } from '../../module-parts/pictures';
import { weightOf } from '../../module-parts/weights';
import type { Tensor } from '../../tensors/tensor';
import { fused, projections, shares, type AttentionSize } from './attention';

interface Words {
  /** Before every id, so that several layers can stand side by side. */
  readonly id: string;
  /** After every title: `, spatial block 1`. */
  readonly of: string;
  /** What a position is: `Joint`. */
  readonly position: string;
  readonly labels?: readonly string[];
}

/** Mean map over the heads of the first sample. */
export function mapPicture(map: Tensor, words: Words): HeatMap {
  const [, heads, n] = map.shape as [number, number, number];
  const mean = new Float64Array(n * n);
  for (let at = 0; at < heads * n * n; at++) mean[at % (n * n)]! += map.data[at]! / heads;
  const axis = (title: string) => ({ title, ...(words.labels ? { labels: words.labels } : {}) });
  return {
    kind: 'heat-map',
    id: `${words.id}map`,
    title: `Attention, mean over heads${words.of}`,
    caption: `Rows read columns; each row adds up to 1. Even attention would be ${(1 / n).toPrecision(2)} everywhere.`,
    unit: '',
    definition: 'mean over heads of softmax over j of q_i . k_j / sqrt(C / h)',
    scale: 'sequential',
    rows: axis(`Reading ${words.position.toLowerCase()}`),
    columns: axis(`Read ${words.position.toLowerCase()}`),
    values: rowsOf(mean, n, n),
  };
}

export function sharesPicture(weights: Tensors, size: AttentionSize, words: Pick<Words, 'id' | 'of'>): Chart {
  const eta = shares(weights).data;
  const count = size.kernels.length;
  return {
    kind: 'chart',
    id: `${words.id}shares`,
    title: `Share of each kernel${words.of}`,
    caption: `How much of Q, K and V comes from each kernel. At the start of training each has ${(1 / count).toPrecision(2)}.`,
    x: {
      title: 'Kernel',
      unit: '',
      scale: 'category',
      categories: size.kernels.map((kernel, i) => `${i + 1}: size ${kernel}`),
    },
    y: { title: 'Share eta', unit: '', scale: 'linear' },
    series: projections.map((name, at) => ({
      title: name.toUpperCase(),
      mark: 'bars',
      points: size.kernels.map((_, i) => ({ x: i, y: eta[at * count + i]! })),
    })),
  };
}

/** Root mean square of the fused kernel over its channels, by distance from the centre. */
export function kernelPicture(weights: Tensors, size: AttentionSize, words: Pick<Words, 'id' | 'of'>): Chart {
  const one = fused(weights, size);
  return {
    kind: 'chart',
    id: `${words.id}kernel`,
    title: `Fused kernel by offset${words.of}`,
    caption:
      'The kernels of different sizes, summed by their shares, are one kernel. Where only offset 0 is high, neighbours are not mixed.',
    x: {
      title: size.axis === 'spatial' ? 'Offset in joints' : 'Offset in features',
      unit: '',
      scale: 'linear',
    },
    y: { title: 'Root mean square of the kernel', unit: '', scale: 'linear' },
    series: projections.map((name) => {
      const { shape, data } = weightOf(one, `${name}.weight`);
      const taps = shape[2]!;
      const squares = new Float64Array(taps);
      data.forEach((value, at) => (squares[at % taps]! += (value * value * taps) / data.length));
      return {
        title: name.toUpperCase(),
        mark: 'line',
        points: Array.from(squares, (value, u) => ({ x: u - (taps - 1) / 2, y: Math.sqrt(value) })),
      };
    }),
  };
}

/** The fused kernel of the queries at its centre: which channel reads which. */
function centrePicture(weights: Tensors, size: AttentionSize, words: Pick<Words, 'id' | 'of'>): readonly Picture[] {
  const { shape, data } = weightOf(fused(weights, size), 'q.weight');
  const [rows, inner, taps] = shape as [number, number, number];
  if (inner === 1 || rows > 128) return [];
  const centre = Float64Array.from({ length: rows * inner }, (_, at) => data[at * taps + (taps - 1) / 2]!);
  const channel = size.axis === 'spatial' ? 'feature' : 'frame';
  return [
    {
      kind: 'heat-map',
      id: `${words.id}centre`,
      title: `Fused query kernel at offset 0${words.of}`,
      caption: `What each ${channel} of the queries takes of each ${channel} at the same place; a diagonal alone would mix none.`,
      unit: '',
      definition: 'sum_i eta_i w_i[o, c, u] at the centre u',
      scale: 'diverging',
      rows: { title: `Query ${channel} o` },
      columns: { title: `Read ${channel} c` },
      values: rowsOf(centre, rows, inner),
    },
  ];
}

export const attentionPictures = (
  map: Tensor,
  weights: Tensors,
  size: AttentionSize,
  words: Words,
): readonly Picture[] => [
  mapPicture(map, words),
  sharesPicture(weights, size, words),
  kernelPicture(weights, size, words),
  ...centrePicture(weights, size, words),
];
