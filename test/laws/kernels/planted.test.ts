/**
 * Wrong outputs are rejected: the bounds of kernels/tolerance.ts against outputs that are known to be wrong. No graph
 * runs here: the wrong outputs are made of the reference.
 */
import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import type { AttentionPattern, AttentionShape, Precision } from '../../../kernels/shape';
import { measureError } from '../../../kernels/tensors/error';
import { roundTo } from '../../../kernels/tensors/precision';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { compare, type Bounded } from '../../../kernels/tensors/probed';
import { definitionOf, widestBounds } from '../../../kernels/tolerance';
import { settings } from './cases';
import { drawRounded, precisions } from './run';
import type { AttentionInputs } from '../../../kernels/tensors/tensor';

type Plant = (x: Tensor) => Tensor;

/** Output row (head, position) becomes another row, or none. */
const rowsFrom =
  (from: (head: number, position: number, heads: number, positions: number) => readonly [number, number] | undefined) =>
  (x: Tensor): Tensor => {
    const [batch = 1, heads = 1, positions = 1, width = 1] = x.shape;
    const data = new Float64Array(x.data.length);
    for (let row = 0; row < batch * heads * positions; row++) {
      const [position, head] = [row % positions, Math.floor(row / positions) % heads];
      const source = from(head, position, heads, positions);
      if (!source) continue;
      const start = (row - position - head * positions + source[0] * positions + source[1]) * width;
      data.set(x.data.subarray(start, start + width), row * width);
    }
    return tensor(x.shape, data);
  };

const times =
  (factor: number): Plant =>
  ({ shape, data }) =>
    tensor(
      shape,
      data.map((x) => factor * x),
    );

const plants: Readonly<Record<string, Plant>> = {
  zeros: times(0),
  'zeros in the later half': rowsFrom((head, i, _heads, n) => (i < n / 2 ? [head, i] : undefined)),
  'the row before': rowsFrom((head, i) => [head, Math.max(0, i - 1)]),
  'positions in reverse': rowsFrom((head, i, _heads, n) => [head, n - 1 - i]),
  'the next head': rowsFrom((head, i, heads) => [(head + 1) % heads, i]),
  'a tenth more': times(1.1),
  'a tenth less': times(0.9),
};

/** Outputs that fade below it, as some settings of a memory do, are no numbers that the format can tell apart. */
const smallestTold: Readonly<Record<Precision, number>> = { float32: 2 ** -120, float16: 2 ** -20 };

function assertRejected(bounded: Bounded, precision: Precision, name: string): void {
  const right = roundTo(bounded.expected, precision);
  assert.ok(compare(right, bounded).ok, `${name}: the right output is accepted`);
  let rejected = 0;
  for (const [what, plant] of Object.entries(plants)) {
    const wrong = roundTo(plant(bounded.expected), precision);
    if (measureError(wrong, right).maxAbsolute < smallestTold[precision]) continue;
    const { ok, maxError, tolerance } = compare(wrong, bounded);
    assert.ok(!ok, `${name}: ${what} passes, ${maxError} within ${tolerance}`);
    rejected++;
  }
  assert.ok(rejected >= Object.keys(plants).length - 1, `${name}: ${rejected} outputs differ`);
}

const boundsOf = (
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  precision: Precision,
  of?: (inputs: AttentionInputs) => Tensor,
): Bounded => {
  const inputs = drawRounded(mechanism, shape, parameters, 19, precision);
  const definition = definitionOf(mechanism, inputs, shape, parameters, of);
  return widestBounds(definition, inputs, shape, { stored: precision, summed: 'float32' });
};

const patterns: readonly AttentionPattern[] = ['causal-self', 'noncausal-self'];

describe('Law: zero, shifted, shuffled and scaled outputs are rejected', function () {
  this.timeout(60_000);
  const small = { batch: 1, heads: 4, kvHeads: 2, queries: 48, keys: 48, headDim: 16, valueDim: 16 };
  for (const mechanism of catalogue) {
    for (const precision of precisions) {
      it(`${mechanism.id}, ${precision}`, () => {
        let tried = 0;
        // Bounds of float32 are thousands of times narrower: its two first settings stand for all.
        for (const parameters of settings(mechanism).slice(0, precision === 'float32' ? 2 : undefined)) {
          for (const pattern of patterns) {
            const shape = { ...small, pattern };
            if (!mechanism.supports(shape, parameters).ok) continue;
            const name = `${JSON.stringify(parameters)}, ${pattern}`;
            assertRejected(boundsOf(mechanism, shape, parameters, precision), precision, name);
            tried++;
          }
        }
        assert.ok(tried > 0);
      });
    }
  }
});

describe('Law: the same in the last rows of 512 positions in heads of 64, where averages are small, in float16', function () {
  this.timeout(60_000);
  const rows = Array.from({ length: 16 }, (_, i) => 496 + i);
  for (const mechanism of catalogue) {
    const parameters = settings(mechanism)[0]!;
    for (const pattern of patterns) {
      // A reference that gives no single rows costs all of them, and near ties cost many probes: fewer heads.
      const heads = mechanism.referenceRows && !mechanism.chosen ? 8 : 2;
      const shape: AttentionShape = {
        pattern,
        batch: 1,
        heads,
        kvHeads: heads,
        queries: 512,
        keys: 512,
        headDim: 64,
        valueDim: 64,
      };
      if (!mechanism.supports(shape, parameters).ok) continue;
      it(`${mechanism.id}, ${pattern}`, () => {
        const last: Plant = (x) => ({ shape: [1, heads, 16, 64], data: lastRows(x, 16) });
        const of = (inputs: AttentionInputs) =>
          mechanism.referenceRows?.(inputs, shape, parameters, rows) ??
          last(mechanism.reference(inputs, shape, parameters));
        assertRejected(boundsOf(mechanism, shape, parameters, 'float16', of), 'float16', mechanism.id);
      });
    }
  }
});

function lastRows({ shape, data }: Tensor, count: number): Float64Array {
  const [, heads = 1, positions = 1, width = 1] = shape;
  const rows = new Float64Array(heads * count * width);
  for (let head = 0; head < heads; head++) {
    const end = (head + 1) * positions * width;
    rows.set(data.subarray(end - count * width, end), head * count * width);
  }
  return rows;
}
