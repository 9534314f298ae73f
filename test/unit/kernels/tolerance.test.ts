import assert from 'node:assert/strict';
import { arithmeticOn } from '../../../compute-server/harness/arithmetic';
import { check } from '../../../compute-server/harness/correctness';
import { mechanismById } from '../../../kernels/catalogue';
import type { AttentionShape } from '../../../kernels/shape';
import { drawInputs } from '../../../kernels/inputs';
import { perturbed } from '../../../kernels/perturbed';
import { roundTo, toRuntime } from '../../../kernels/tensors/precision';
import { absoluteRounding, relativeRounding } from '../../../kernels/tensors/rounding';
import { tensor, zeros, type Tensor } from '../../../kernels/tensors/tensor';
import { compare } from '../../../kernels/tensors/probed';
import { compareWithDefinition, type Definition } from '../../../kernels/tolerance';
import type { AttentionInputs } from '../../../kernels/tensors/tensor';

const shape: AttentionShape = {
  pattern: 'noncausal-self',
  batch: 1,
  heads: 1,
  kvHeads: 1,
  queries: 2,
  keys: 64,
  headDim: 2,
  valueDim: 2,
};
const half = { stored: 'float16', summed: 'float32' } as const;

describe('What rounding explains', () => {
  it('is four units of what is stored and twice the root of the longest sum of units of what is summed', () => {
    assert.equal(relativeRounding(shape, half), 4 / 2048 + 16 * 2 ** -24);
    assert.equal(relativeRounding(shape, { stored: 'float32', summed: 'float32' }), 20 * 2 ** -24);
    assert.equal(relativeRounding(shape, { stored: 'float16', summed: 'float16' }), 20 / 2048);
    assert.equal(relativeRounding(shape, half, 10), 4 / 2048 + 160 * 2 ** -24);
    assert.equal(absoluteRounding(shape, half, 3), 2 ** -25 * 8 * 3);
    assert.equal(absoluteRounding(shape, half, 0.5, 1 / 4), 2 ** -25 * 8 * 4);
  });

  it('adds up in float32 on the cpu of x64, in float16 on Arm and on other devices', () => {
    assert.equal(arithmeticOn('cpu', 'float16', 'x64').summed, 'float32');
    assert.equal(arithmeticOn('cpu', 'float16', 'arm64').summed, 'float16');
    assert.equal(arithmeticOn('webgpu', 'float16', 'x64').summed, 'float16');
    assert.equal(arithmeticOn('webgpu', 'float32', 'arm64').summed, 'float32');
  });

  it('moves each number by none or two of it, half of them with their row, and back by the opposite', () => {
    const ones = tensor([40, 64], new Float64Array(40 * 64).fill(1));
    const inputs = { query: ones, key: ones, value: ones, weights: { gate: ones } };
    const [up, down] = [perturbed(inputs, 0.25, 3), perturbed(inputs, -0.25, 3)];
    for (const [moved, back] of [
      [up.query, down.query],
      [up.weights['gate']!, down.weights['gate']!],
    ] as const) {
      moved.data.forEach((x, at) => {
        assert.ok([0.5, 1, 1.5].includes(x), String(x));
        assert.equal(x + back.data[at]!, 2);
      });
      for (let row = 0; row < 40; row++) {
        const own = new Set(moved.data.subarray(row * 64, row * 64 + 64));
        assert.equal(own.size, 2, 'a row goes one way, and its numbers by none or twice as much');
      }
    }
    assert.notDeepEqual(up.query.data, up.key.data);
    assert.deepEqual(perturbed(inputs, 0.25, 3).value, up.value);
  });
});

describe('An output against its definition', () => {
  /** Row i is the value whose key is larger in number 0: key 0 or key 1. */
  const chooser: Definition = {
    of: ({ query, key, value }) => {
      const rows = [0, 1].flatMap((row) => {
        const scores = [0, 1].map(
          (j) => query.data[2 * row]! * key.data[2 * j]! + query.data[2 * row + 1]! * key.data[2 * j + 1]!,
        );
        const chosen = scores[0]! > scores[1]! ? 0 : 1;
        return [value.data[2 * chosen]!, value.data[2 * chosen + 1]!];
      });
      return tensor([1, 1, 2, 2], Float64Array.from(rows));
    },
    chooses: true,
    amplification: 1,
    leastDivisor: 1,
  };
  /** Query 0 reads the first number of the keys, 1 and 1 + `gap`; query 1 their second, far apart. */
  const inputsWith = (gap: number): AttentionInputs => ({
    query: tensor([1, 1, 2, 2], Float64Array.of(1, 0, 0, 1)),
    key: tensor([1, 1, 2, 2], Float64Array.of(1, 5, 1 + gap, 1)),
    value: tensor([1, 1, 2, 2], Float64Array.of(3, 4, -3, -4)),
    weights: {},
  });
  const rows = (first: number, second: number): Tensor =>
    tensor([1, 1, 2, 2], Float64Array.of(3 * first, 4 * first, 3 * second, 4 * second));
  const judged = (actual: Tensor, gap: number, definition = chooser) =>
    compareWithDefinition(actual, definition, inputsWith(gap), shape, half);

  it('accepts the other choice where the keys are as near as rounding, in that row alone', () => {
    const near = 1e-3;
    assert.ok(judged(rows(-1, 1), near).ok, 'what the definition chooses');
    assert.ok(judged(rows(1, 1), near).ok, 'the other one');
    assert.deepEqual(judged(rows(1, -1), near).missed, [1]);
    assert.ok(!judged(rows(0, 0), near).ok);
  });

  it('rejects the other choice where they are apart', () => {
    assert.ok(judged(rows(-1, 1), 0.1).ok);
    assert.deepEqual(judged(rows(1, 1), 0.1).missed, [0]);
  });

  it('reports the row that comes nearest to its bound, and counts NaN on one side', () => {
    const bounded = { expected: rows(1, 1), bounds: Float64Array.of(10, 0.5) };
    const near = compare(tensor([1, 1, 2, 2], Float64Array.of(5, 4, 3, 4.25)), bounded);
    assert.deepEqual(near, { ok: true, nanMismatches: 0, maxError: 0.25, tolerance: 0.5, missed: [] });
    const lost = compare(tensor([1, 1, 2, 2], Float64Array.of(3, NaN, 3, 4)), bounded);
    assert.deepEqual([lost.ok, lost.nanMismatches], [false, 1]);
  });
});

describe('The proof before a time, in float16 with 8 heads of 64', function () {
  this.timeout(60_000);
  for (const [id, length] of [
    ['moh', 96],
    ['linear', 512],
  ] as const) {
    it(`${id} at ${length}: an output of zeros is rejected, and the reference accepted`, () => {
      const mechanism = mechanismById(id)!;
      const of: AttentionShape = {
        pattern: 'noncausal-self',
        batch: 1,
        heads: 8,
        kvHeads: 8,
        queries: length,
        keys: length,
        headDim: 64,
        valueDim: 64,
      };
      const values = Object.fromEntries(Object.entries(mechanism.parameters).map(([name, row]) => [name, row.default]));
      const drawn = drawInputs(mechanism, of, values, 3);
      const rounded = (x: Tensor) => roundTo(x, 'float16');
      const inputs = {
        query: rounded(drawn.query),
        key: rounded(drawn.key),
        value: rounded(drawn.value),
        weights: Object.fromEntries(Object.entries(drawn.weights).map(([name, x]) => [name, rounded(x)])),
      };
      const cell = { mechanism, parameters: values, shape: of, length, decoding: false };
      const dims = [1, 8, length, 64];
      const judge = (output: Tensor) =>
        check(cell, inputs, { data: toRuntime(output, 'float16'), shape: dims }, 1, 'float16', 'cpu');
      const wrong = judge(zeros(dims));
      assert.ok(!wrong.ok && /rounding explains at most/.test(wrong.reason!), wrong.reason);
      assert.ok(wrong.maxError > 10 * wrong.tolerance);
      assert.ok(judge(mechanism.reference(inputs, of, values)).ok);
    });
  }
});
