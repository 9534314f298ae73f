import { sinkBias } from '../../../../kernels/mechanisms/sink-bias';
import {
  dot,
  eachHead,
  expectValues,
  range,
  softmax,
  times,
  weighted,
  type Given,
  type Row,
  type Rows,
} from './support';

/** The paper's operator on the weights of a row: the first times gamma, then all divided by (gamma - 1) a_0 + 1. */
function rescaled(row: Row, gamma: number): Row {
  const [first = 0, ...others] = row;
  return times([gamma * first, ...others], 1 / ((gamma - 1) * first + 1));
}

const tuned =
  (gammas: readonly number[]) =>
  (given: Given): Rows =>
    eachHead(given, ({ h, query, key, value }) =>
      query.map((q, i) => {
        const position = i + given.shape.keys - given.shape.queries;
        const read = range(0, given.shape.pattern === 'causal-self' ? position + 1 : given.shape.keys);
        if (read.length === 0) return times(value[0]!, 0);
        const row = softmax(read.map((j) => dot(q, key[j]!) / Math.sqrt(q.length)));
        return weighted(
          rescaled(row, gammas[h]!),
          read.map((j) => value[j]!),
        );
      }),
    );

const same = (gamma: number): readonly number[] => [gamma, gamma, gamma, gamma];

expectValues(sinkBias, [
  { name: 'twice the weight', expected: tuned(same(2)) },
  { name: 'a tenth', parameters: { gamma: 0.1 }, expected: tuned(same(0.1)) },
  {
    name: 'three times and a third in turn',
    parameters: { gamma: 3, heads: 'alternating' },
    expected: tuned([3, 1 / 3, 3, 1 / 3]),
  },
  { name: 'on a cache', shape: { queries: 3, batch: 1 }, expected: tuned(same(2)) },
  { name: 'one new position', shape: { queries: 1 }, parameters: { gamma: 5 }, expected: tuned(same(5)) },
  { name: 'more queries than keys: the first ones read nothing', shape: { keys: 8 }, expected: tuned(same(2)) },
  {
    name: 'every key',
    shape: { pattern: 'noncausal-self' },
    parameters: { gamma: 0.3 },
    expected: tuned(same(0.3)),
  },
  { name: 'keys of another sequence', shape: { pattern: 'noncausal-cross', keys: 5 }, expected: tuned(same(2)) },
  {
    name: 'keys of another sequence known beforehand',
    shape: { pattern: 'causal-cross', keys: 7 },
    parameters: { gamma: 4, heads: 'alternating' },
    expected: tuned([4, 0.25, 4, 0.25]),
  },
  {
    name: 'tiles of 128 queries',
    shape: { batch: 1, heads: 2, kvHeads: 1, queries: 130, keys: 140 },
    parameters: { gamma: 8 },
    expected: tuned(same(8)),
  },
]);
