import { normAttention } from '../../../../kernels/mechanisms/norm-attention';
import {
  dot,
  eachHead,
  expectValues,
  range,
  times,
  weighted,
  type Given,
  type Matrix,
  type Row,
  type Rows,
} from './support';

/** (1 / eta of w . k + b at the own position) times the sum of (q . k) v. */
const normalised =
  (eta: (logit: number) => number) =>
  (given: Given): Rows => {
    const weights = given.weights as { readonly 'normaliser.weight': Matrix; readonly 'normaliser.bias': Row };
    return eachHead(given, ({ h, query, key, value }) =>
      query.map((q, i) => {
        const { pattern, keys, queries } = given.shape;
        const position = i + keys - queries;
        if (position < 0) return times(value[0]!, 0);
        const read = range(0, pattern === 'causal-self' ? position + 1 : keys);
        const logit = dot(weights['normaliser.weight'][h]!, key[position]!) + weights['normaliser.bias'][h]!;
        const sum = weighted(
          read.map((j) => dot(q, key[j]!)),
          read.map((j) => value[j]!),
        );
        return times(sum, 1 / eta(logit));
      }),
    );
  };
const softplus = (x: number) => Math.log(1 + Math.exp(x));
const sigmoid = (x: number) => Math.exp(x) / (1 + Math.exp(x));
const weights = { 'normaliser.weight': [4, 6], 'normaliser.bias': [4] };

expectValues(normAttention, [
  { name: 'exp in blocks', parameters: { block: 4 }, weights, expected: normalised(Math.exp) },
  {
    name: 'softplus, the masked product',
    parameters: { normaliser: 'softplus', form: 'parallel', block: 64 },
    weights,
    expected: normalised(softplus),
  },
  {
    name: 'sigmoid on a cache',
    shape: { queries: 5 },
    parameters: { normaliser: 'sigmoid', block: 2 },
    weights,
    expected: normalised(sigmoid),
  },
  {
    name: 'more queries than keys',
    shape: { keys: 7 },
    parameters: { block: 3 },
    weights,
    expected: normalised(Math.exp),
  },
  {
    name: 'both ways',
    shape: { pattern: 'noncausal-self' },
    parameters: { normaliser: 'softplus' },
    weights,
    expected: normalised(softplus),
  },
]);
