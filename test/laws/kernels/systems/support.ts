/** Small shapes, seeded tensors and comparisons that the checks of published systems share. */
import assert from 'node:assert/strict';
import type { Mechanism, ParameterValues } from '../../../../kernels/mechanism';
import { resolveTable } from '../../../../protocol/analysis/parameters';
import type { AttentionShape } from '../../../../kernels/shape';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

/** Causal self-attention of 4 heads of 8 over `length` positions. */
export const causalShape = (length: number, change: Partial<AttentionShape> = {}): AttentionShape => ({
  pattern: 'causal-self',
  batch: 1,
  heads: 4,
  kvHeads: 4,
  queries: length,
  keys: length,
  headDim: 8,
  valueDim: 8,
  ...change,
});

/** Defaults completed by `given`; a wrong value fails the test. */
export function parametersFor<P extends ParameterValues>(mechanism: Mechanism<P>, given: Partial<P>): P {
  const resolution = resolveTable(mechanism.id, mechanism.parameters, given);
  assert.ok(resolution.ok, resolution.ok ? '' : resolution.why);
  return resolution.values;
}

export function assertClose(actual: Tensor, expected: Tensor, allowed: number, what = ''): void {
  assert.deepEqual(actual.shape, expected.shape, what);
  let most = 0;
  actual.data.forEach((value, i) => {
    const difference = Math.abs(value - expected.data[i]!);
    most = Math.max(most, Number.isNaN(difference) ? Infinity : difference);
  });
  assert.ok(most <= allowed, `${what} differs by ${most}, allowed ${allowed}`);
}

/** x[:, heads] of a heads-first tensor, in the given order. */
export function takeHeads(x: Tensor, heads: readonly number[]): Tensor {
  const [batch = 1, count = 1, positions = 1, width = 1] = x.shape;
  const size = positions * width;
  const data = new Float64Array(batch * heads.length * size);
  for (let b = 0; b < batch; b++) {
    heads.forEach((head, at) => {
      const from = (b * count + head) * size;
      data.set(x.data.subarray(from, from + size), (b * heads.length + at) * size);
    });
  }
  return tensor([batch, heads.length, positions, width], data);
}

/** x[:, :, positions] of a heads-first tensor, in the given order. */
export function takePositions(x: Tensor, positions: readonly number[]): Tensor {
  const [batch = 1, heads = 1, length = 1, width = 1] = x.shape;
  const data = new Float64Array(batch * heads * positions.length * width);
  for (let head = 0; head < batch * heads; head++) {
    positions.forEach((position, at) => {
      const from = (head * length + position) * width;
      data.set(x.data.subarray(from, from + width), (head * positions.length + at) * width);
    });
  }
  return tensor([batch, heads, positions.length, width], data);
}

/** The keys that each query of a head reads, ascending. */
export function readsOf(
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  head: number,
): readonly (readonly number[])[] {
  const { reads } = mechanism.pattern(shape, parameters);
  return Array.from({ length: shape.queries }, (_, query) =>
    Array.from({ length: shape.keys }, (__, key) => key).filter((key) => reads(head, query, key)),
  );
}

export const withKeys = (inputs: AttentionInputs, change: Partial<AttentionInputs>): AttentionInputs => ({
  ...inputs,
  ...change,
});
