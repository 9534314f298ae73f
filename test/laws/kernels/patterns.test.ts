import assert from 'node:assert/strict';
import { describeMechanisms } from '../../../compute-server/harness/describe';
import { catalogue } from '../../../kernels/catalogue';
import type { AttentionInputs } from '../../../kernels/mechanism';
import { attentionPatterns, type AttentionPattern, type AttentionShape } from '../../../kernels/shape';
import { drawInputs } from '../../../kernels/tensors/inputs';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { settings } from './cases';

/** Cross: the two lengths have nothing to do with each other. */
const shapeIn = (pattern: AttentionPattern): AttentionShape => ({
  pattern,
  batch: 1,
  heads: 4,
  kvHeads: 4,
  queries: 24,
  keys: pattern.endsWith('cross') ? 17 : 24,
  headDim: 8,
  valueDim: 8,
});

describe("Law: every mechanism says of each of CAB's four patterns that it runs it, or why not", () => {
  for (const mechanism of catalogue) {
    const [parameters = {}] = settings(mechanism);
    for (const pattern of attentionPatterns) {
      it(`${mechanism.id}, ${pattern}`, () => {
        const shape = shapeIn(pattern);
        const support = mechanism.supports(shape, parameters);
        if (!support.ok) {
          assert.match(support.why, /^[A-Z].{15,}\.$/);
          return;
        }
        const output = mechanism.reference(drawInputs(mechanism, shape, parameters, 7), shape, parameters);
        assert.deepEqual(output.shape, [1, 4, shape.queries, 8]);
        assert.ok(output.data.every(Number.isFinite));
        assert.deepEqual(
          mechanism.build(shape, parameters, 'float32').outputs.map(({ name }) => name),
          ['output'],
        );
      });
    }
  }

  it('and each runs one at least by its defaults, as the list of mechanisms says', () => {
    for (const { id, patterns } of describeMechanisms()) {
      const answers = attentionPatterns.map((pattern) => patterns[pattern]);
      assert.ok(answers.includes(true), id);
    }
  });
});

type Plain = (query: Tensor, key: Tensor) => Float64Array;

/** Sum of |last output of the prefix - output of the whole| over the second half: CAB's script, in float64. */
function prefixDifference(kernel: Plain, pattern: 'causal-self' | 'causal-cross'): number {
  const mechanism = catalogue.find(({ id }) => id === 'scaled-dot-product')!;
  const shape = { ...shapeIn(pattern), heads: 1, kvHeads: 1 };
  const { query, key }: AttentionInputs = drawInputs(mechanism, shape, {}, 5);
  const first = (x: Tensor, count: number): Tensor => tensor([1, 1, count, 8], x.data.slice(0, count * 8));
  const whole = kernel(query, key);
  let difference = 0;
  for (let count = shape.queries / 2; count <= shape.queries; count++) {
    const part = kernel(first(query, count), pattern === 'causal-self' ? first(key, count) : key);
    for (let x = (count - 1) * 8; x < count * 8; x++) difference += Math.abs(part[x]! - whole[x]!);
  }
  return difference;
}

/** Mean of the rows up to and including `last`. */
const meanOf = ({ data }: Tensor, last: number): Float64Array =>
  Float64Array.from({ length: 8 }, (_, x) => {
    let sum = 0;
    for (let row = 0; row <= last; row++) sum += data[row * 8 + x]!;
    return sum / (last + 1);
  });

const rowByRow = (query: Tensor, row: (at: number) => Float64Array): Float64Array => {
  const output = new Float64Array(query.data.length);
  for (let at = 0; at < query.data.length / 8; at++) output.set(row(at), at * 8);
  return output;
};

describe("CAB's pattern test", () => {
  const globalMean: Plain = (query, key) => rowByRow(query, () => meanOf(key, key.data.length / 8 - 1));
  const runningMean: Plain = (query, key) =>
    rowByRow(query, (at) => meanOf(key, Math.min(at, key.data.length / 8 - 1)));
  const ofEarlierQueries: Plain = (query, key) =>
    rowByRow(query, (at) => meanOf(query, at).map((x, i) => x * meanOf(key, key.data.length / 8 - 1)[i]!));
  const ofAllQueries: Plain = (query, key) =>
    rowByRow(query, () => meanOf(query, query.data.length / 8 - 1).map((x, i) => x * key.data[i]!));

  it('refuses a mean over all keys as causal self attention, and passes a running one', () => {
    assert.ok(prefixDifference(globalMean, 'causal-self') > 1e-2);
    assert.equal(prefixDifference(runningMean, 'causal-self'), 0);
  });

  it('passes a summary of the queries so far as causal cross attention, and refuses one of all queries', () => {
    assert.equal(prefixDifference(ofEarlierQueries, 'causal-cross'), 0);
    assert.equal(prefixDifference(globalMean, 'causal-cross'), 0);
    assert.ok(prefixDifference(ofAllQueries, 'causal-cross') > 1e-2);
  });
});
