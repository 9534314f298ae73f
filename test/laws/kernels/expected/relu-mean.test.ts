import { reluMean } from '../../../../kernels/mechanisms/relu-mean';
import { dense, dot, eachHead, expectValues, range, times, weighted, type Given, type Rows } from './support';

/** The mean over the keys read of sigma(q . k / divisor) times the value. */
const mean =
  (sigma: (x: number) => number, divisor = 1) =>
  (given: Given): Rows =>
    eachHead(given, ({ query, key, value }) =>
      query.map((q, i) => {
        const { pattern, keys, queries } = given.shape;
        const read = range(0, pattern === 'causal-self' ? i + keys - queries + 1 : keys);
        if (read.length === 0) return times(value[0]!, 0);
        return weighted(
          read.map((j) => sigma(dot(q, key[j]!) / divisor) / read.length),
          read.map((j) => value[j]!),
        );
      }),
    );
const relu = (x: number) => (x > 0 ? x : 0);
const same = (x: number) => x;
const root = Math.sqrt(6);

expectValues(reluMean, [
  { name: 'rectified', expected: mean(relu) },
  {
    name: 'rectified, scaled, on a cache',
    shape: { queries: 4 },
    parameters: { scale: '1 / root of d' },
    expected: mean(relu, root),
  },
  { name: 'rectified, more queries than keys', shape: { keys: 6 }, expected: mean(relu) },
  { name: 'rectified, keys of another sequence', shape: { pattern: 'noncausal-cross', keys: 5 }, expected: mean(relu) },
  { name: 'rectified, tiles of 128 queries', shape: { batch: 1, queries: 131, keys: 137 }, expected: mean(relu) },
  { name: 'identity', parameters: { activation: 'identity' }, expected: mean(same) },
  {
    name: 'identity, scaled, several blocks on a cache',
    shape: { batch: 1, queries: 140, keys: 150 },
    parameters: { activation: 'identity', scale: '1 / root of d' },
    expected: mean(same, root),
  },
  {
    name: 'identity, both ways',
    shape: { pattern: 'noncausal-self' },
    parameters: { activation: 'identity' },
    expected: mean(same),
  },
  { name: 'softmax of scaled scores', parameters: { activation: 'softmax', scale: '1 / root of d' }, expected: dense },
]);
