import { gaam } from '../../../../kernels/mechanisms/gaam/gaam';
import { eachHead, expectValues, range, type Given, type Matrix, type Row, type Rows } from './support';

const average = (x: Row) => x.reduce((sum, each) => sum + each, 0) / x.length;
const column = (value: Matrix, positions: readonly number[], c: number): Row => positions.map((j) => value[j]![c]!);

/** exp(-z^2 / (2 xi)) of the distance from the mean along the chunk, or along what came before; not normalised. */
const gated =
  (chunks: readonly (readonly number[])[] | undefined) =>
  (given: Given): Rows =>
    eachHead(given, ({ h, query, value }) =>
      query.map((_, i) => {
        const position = i + given.shape.keys - given.shape.queries;
        if (position < 0) return value[0]!.map(() => 0);
        const at = chunks?.findIndex((chunk) => chunk.includes(position)) ?? 0;
        const seen = chunks?.[at] ?? range(0, position + 1);
        const of = (name: string, c: number) => (given.weights[name] as readonly Matrix[])[h]![at]![c]!;
        return value[position]!.map((x, c) => {
          const y = column(value, seen, c);
          const middle = average(y);
          const variance = average(y.map((each) => each * each)) - middle * middle;
          const z = (x - middle - of('offset', c)) / Math.sqrt(variance + 0.00000001 + 0.00001);
          return x * Math.exp((-z * z) / 2 / of('variance', c));
        });
      }),
    );

/** Products or sums of Gaussians of one variance (divided by one less), which sum to 1 along a chunk. */
const shared =
  (chunks: readonly (readonly number[])[], combine: 'product' | 'sum') =>
  (given: Given): Rows =>
    eachHead(given, ({ h, value }) =>
      value.map((row, position) => {
        const at = chunks.findIndex((chunk) => chunk.includes(position));
        const seen = chunks[at]!;
        const [offsets, logs] = ['offset', 'spread.log'].map(
          (name) => (given.weights[name] as readonly Matrix[])[h]![at]!,
        ) as [Row, Row];
        return row.map((x, c) => {
          const y = column(value, seen, c);
          const middle = average(y);
          const variance = y.reduce((sum, each) => sum + (each - middle) ** 2, 0) / (y.length - 1) + 0.00000001;
          const weight = (each: number) =>
            offsets
              .map((offset, g) => {
                const c2 = Math.exp(2 * logs[g]!);
                const z2 = (each - middle - offset) ** 2 / variance;
                return Math.exp(-z2 / (2 * c2)) / Math.sqrt(2 * Math.PI * c2);
              })
              .reduce((all, term) => (combine === 'sum' ? all + term : all * term));
          // Products of narrow Gaussians are small: the package divides by 0.00000001 at least.
          return (
            (x * weight(x)) /
            Math.max(
              y.reduce((sum, each) => sum + weight(each), 0),
              0.00000001,
            )
          );
        });
      }),
    );

const gate = { offset: [4, 1, 5], variance: [4, 1, 5] };
const scaled = { variance: [0.5, 2] } as const;
const open = { pattern: 'noncausal-self', queries: 12, keys: 12 } as const;
const [whole, thirds] = [[range(0, 12)], [range(0, 4), range(4, 8), range(8, 12)]];

expectValues(gaam, [
  { name: 'one chunk', shape: open, weights: gate, scaled, expected: gated(whole), allowed: 1e-9 },
  {
    name: 'three chunks, each with its own offset and variance',
    shape: open,
    parameters: { chunks: 3 },
    weights: { offset: [4, 3, 5], variance: [4, 3, 5] },
    scaled,
    expected: gated(thirds),
    allowed: 1e-9,
  },
  { name: 'what came before', weights: gate, scaled, expected: gated(undefined), allowed: 1e-9 },
  {
    name: 'more queries than keys',
    shape: { keys: 7 },
    weights: gate,
    scaled,
    expected: gated(undefined),
    allowed: 1e-9,
  },
  {
    // Fourteen positions in four chunks: 3, 3, 3 and the rest.
    name: 'weights of two Gaussians, a last chunk that takes the rest',
    shape: { ...open, queries: 14, keys: 14 },
    parameters: { variant: 'weights', chunks: 4, gaussians: 2 },
    weights: { offset: [4, 4, 2], 'spread.log': [4, 4, 2] },
    expected: shared([range(0, 3), range(3, 6), range(6, 9), range(9, 14)], 'product'),
    allowed: 1e-9,
  },
  {
    name: 'sums of three Gaussians',
    shape: open,
    parameters: { variant: 'weights', chunks: 1, gaussians: 3, combine: 'sum' },
    weights: { offset: [4, 1, 3], 'spread.log': [4, 1, 3] },
    expected: shared(whole, 'sum'),
    allowed: 1e-9,
  },
]);
