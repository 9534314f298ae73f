import assert from 'node:assert/strict';
import { cellAt } from '../../../compute-server/harness/cell';
import { checkGradients, proofSeed, type Gradients } from '../../../compute-server/harness/gradient-check';
import { inputsOf, sharedInputs } from '../../../compute-server/harness/inputs';
import { scaledDotProduct } from '../../../kernels/mechanisms/scaled-dot-product';
import { zeros, type Tensor } from '../../../kernels/tensors/tensor';
import { smallPlan } from '../../process/compute/support/server';

const [heads, length, width] = [2, 12, 4];

/** Gradients of causal attention, one sequence, written out: dS = P (dP - rowsum(P dP)), or without the sum. */
function written(inputs: Record<'query' | 'key' | 'value', Tensor>, given: Tensor, sums = true): Gradients {
  const { query, key, value } = inputs;
  const found = { query: zeros(query.shape), key: zeros(key.shape), value: zeros(value.shape) };
  const at = (head: number, row: number, c: number): number => (head * length + row) * width + c;
  const columns = Array.from({ length: width }, (_, c) => c);
  const dot = (a: Tensor, i: number, b: Tensor, j: number, head: number): number =>
    columns.reduce((sum, c) => sum + a.data[at(head, i, c)]! * b.data[at(head, j, c)]!, 0);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < length; i++) {
      const keys = Array.from({ length: i + 1 }, (_, j) => j);
      const raised = keys.map((j) => Math.exp(dot(query, i, key, j, head) / Math.sqrt(width)));
      const total = raised.reduce((sum, each) => sum + each, 0);
      const weights = raised.map((each) => each / total);
      const back = keys.map((j) => dot(given, i, value, j, head));
      const mean = sums ? keys.reduce((sum, j) => sum + weights[j]! * back[j]!, 0) : 0;
      for (const j of keys) {
        const score = (weights[j]! * (back[j]! - mean)) / Math.sqrt(width);
        for (const c of columns) {
          found.query.data[at(head, i, c)]! += score * key.data[at(head, j, c)]!;
          found.key.data[at(head, j, c)]! += score * query.data[at(head, i, c)]!;
          found.value.data[at(head, j, c)]! += weights[j]! * given.data[at(head, i, c)]!;
        }
      }
    }
  }
  return found;
}

describe('the proof of gradients', () => {
  const plan = smallPlan({ shape: { heads, kvHeads: heads, headDim: width, valueDim: width, lengths: [length] } });
  const cell = cellAt(scaledDotProduct, plan, length);
  const inputs = inputsOf(cell, sharedInputs(cell.shape, plan.seed, 'float32'), plan.seed, 'float32');
  const whole = proofSeed(cell, plan.seed, 'float32');
  const checked = (found: Gradients, proof: Pick<typeof whole, 'seed' | 'rows'> = whole) =>
    checkGradients(cell, inputs, proof, found, plan.seed, 'float32');

  it('passes gradients that are right, of all rows and of some', () => {
    assert.equal(whole.rows, undefined);
    const { ok, maxError } = checked(written(inputs, whole.seed));
    assert.ok(ok && maxError < 1e-8, String(maxError));
    const rows = [0, 5, length - 1];
    const seed = {
      ...whole.seed,
      data: whole.seed.data.map((each, i) => (rows.includes(((i / width) | 0) % length) ? each : 0)),
    };
    const some = checked(written(inputs, seed), { seed, rows });
    assert.ok(some.ok && some.maxError < 1e-8 && some.checkedRows === 3, String(some.maxError));
    // The same numbers for all rows are not those of three.
    assert.equal(checked(written(inputs, whole.seed), { seed, rows }).ok, false);
  });

  for (const [fault, of, input] of [
    ['without the row sums of the softmax', (seed: Tensor) => written(inputs, seed, false), 'key'],
    ['with one number of the last value off by a hundredth', (seed: Tensor) => off(written(inputs, seed)), 'value'],
    ['of NaN', (seed: Tensor) => ({ ...written(inputs, seed), query: nowhere }), 'query'],
  ] as const) {
    it(`refuses gradients ${fault}`, () => {
      const { ok, reason } = checked(of(whole.seed));
      assert.equal(ok, false);
      assert.match(reason!, new RegExp(`^Its gradient of (query|${input}) differs`));
    });
  }

  const nowhere = zeros([1, heads, length, width]);
  nowhere.data.fill(Number.NaN);

  function off(found: Gradients): Gradients {
    const data = found.value.data.slice();
    data[data.length - 1]! += 0.01;
    return { ...found, value: { ...found.value, data } };
  }
});
