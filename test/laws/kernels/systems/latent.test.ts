/** Checks of multi-head latent attention as X-EcoMLA builds it (arXiv:2503.11132). */
import assert from 'node:assert/strict';
import { cacheShare, explicitInputs, latents, rotaryAngles } from '../../../../kernels/mechanisms/latent/definition';
import { latent } from '../../../../kernels/mechanisms/latent/latent';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import type { AttentionShape } from '../../../../kernels/shape';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { positionsOf } from '../positions';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const shape = causalShape(21, { batch: 2, kvHeads: 2, valueDim: 6 });

/** Weights of full rank that give each head its own key (its first numbers) and value back, from kv head floor(h / g). */
function selecting(of: AttentionShape, rotary: number): AttentionInputs['weights'] {
  const { heads, kvHeads, headDim: d, valueDim: e } = of;
  const rank = kvHeads * (d + e);
  const down = zeros([rank, rank]);
  for (let i = 0; i < rank; i++) down.data[i * rank + i] = 1;
  const keys = zeros([heads, rank, d - rotary]);
  const values = zeros([heads, rank, e]);
  for (let h = 0; h < heads; h++) {
    const kvHead = Math.floor(h / (heads / kvHeads));
    for (let x = 0; x < d - rotary; x++) keys.data[(h * rank + kvHead * d + x) * (d - rotary) + x] = 1;
    for (let x = 0; x < e; x++) values.data[(h * rank + kvHeads * d + kvHead * e + x) * e + x] = 1;
  }
  // The mean over the heads of the last numbers of their keys.
  const mean = zeros([kvHeads * d, rotary]);
  for (let h = 0; h < kvHeads; h++) {
    for (let x = 0; x < rotary; x++) mean.data[(h * d + d - rotary + x) * rotary + x] = 1 / kvHeads;
  }
  const weights = { 'latent.down': down, 'latent.keys': keys, 'latent.values': values };
  return rotary > 0 ? { ...weights, 'latent.rotary': mean } : weights;
}

/** The last `rotary` numbers of each row of [b, h, n, d] turned by its position. */
function turnedRows(x: Tensor, rotary: number): Tensor {
  const [, , length = 1, width = 1] = x.shape;
  const data = x.data.slice();
  rotaryAngles(rotary).forEach((angle, pair) => {
    for (let row = 0; row * width < data.length; row++) {
      const at = row * width + width - rotary + 2 * pair;
      const [a, b, turn] = [x.data[at]!, x.data[at + 1]!, angle * (row % length)];
      data[at] = a * Math.cos(turn) - b * Math.sin(turn);
      data[at + 1] = a * Math.sin(turn) + b * Math.cos(turn);
    }
  });
  return tensor(x.shape, data);
}

/** `count` orthonormal columns of `size` random numbers (Gram-Schmidt, twice against rounding). */
function orthonormal(size: number, count: number, seed: number): Float64Array[] {
  const columns: Float64Array[] = [];
  for (let c = 0; c < count; c++) {
    let column = normalTensor([size], 100 * seed + c).data;
    for (const before of [...columns, ...columns]) {
      const along = column.reduce((sum, x, at) => sum + x * before[at]!, 0);
      column = column.map((x, at) => x - along * before[at]!);
    }
    const length = Math.hypot(...column);
    columns.push(column.map((x) => x / length));
  }
  return columns;
}

describe('Multi-head latent attention', () => {
  it('caches the shares that the published configurations state', () => {
    const small = { kvHeads: 8, headDim: 64, valueDim: 64 };
    const percent = (of: typeof small, rank: number, rotary: number) =>
      Number((100 * cacheShare(of, { rank, rotary })).toFixed(1));
    assert.deepEqual(
      [512, 128, 64, 48].map((rank) => percent(small, rank, 32)),
      [53.1, 15.6, 9.4, 7.8],
    );
    assert.equal(Math.round(percent({ ...small, headDim: 128, valueDim: 128 }, 816, 64)), 43);
    assert.equal(percent({ ...small, kvHeads: 32 }, 480, 32), 12.5);
    const state = latent.decode!.states(
      { ...causalShape(17), queries: 1 },
      parametersFor(latent, { rank: 9, rotary: 4 }),
    );
    assert.deepEqual(state, [{ name: 'latents', shape: [1, 16, 13], grows: 1 }]);
  });

  it('is the same in the explicit and in the absorbed form', async () => {
    const parameters = parametersFor(latent, { rank: 10, rotary: 4 });
    const inputs = drawInputs(latent, shape, parameters, 5);
    const expected = latent.reference(inputs, shape, parameters);
    // Absorbed, in float64: logits (B_k^T q_n) . c + q_r . k_r, output B_v (P c).
    const cache = latents(inputs, shape, parameters);
    const { query } = explicitInputs(inputs, shape, parameters);
    const [up, out] = [inputs.weights['latent.keys']!, inputs.weights['latent.values']!];
    const output = zeros(expected.shape);
    for (let b = 0; b < 2; b++) {
      for (let h = 0; h < 4; h++) {
        for (let i = 0; i < 21; i++) {
          const q = ((b * 4 + h) * 21 + i) * 8;
          const latentQuery = Array.from({ length: 10 }, (_, r) => {
            let sum = 0;
            for (let x = 0; x < 4; x++) sum += query.data[q + x]! * up.data[(h * 10 + r) * 4 + x]!;
            return sum;
          });
          for (let x = 0; x < 4; x++) latentQuery.push(query.data[q + 4 + x]!);
          const weights = Array.from({ length: i + 1 }, (_, j) =>
            Math.exp(latentQuery.reduce((sum, x, c) => sum + x * cache.data[(b * 21 + j) * 14 + c]!, 0) / Math.sqrt(8)),
          );
          const total = weights.reduce((sum, x) => sum + x, 0);
          for (let r = 0; r < 10; r++) {
            const mixed = weights.reduce((sum, w, j) => sum + (w / total) * cache.data[(b * 21 + j) * 14 + r]!, 0);
            for (let y = 0; y < 6; y++) {
              output.data[((b * 4 + h) * 21 + i) * 6 + y]! += mixed * out.data[(h * 10 + r) * 6 + y]!;
            }
          }
        }
      }
    }
    assertClose(output, expected, 1e-10);
    for (const form of ['explicit', 'absorbed'] as const) {
      assertClose(await runMechanism(latent, inputs, shape, { ...parameters, form }), expected, 2e-5, form);
    }
  });

  it('at full rank without rotation is the attention it was made from, for any number of key heads', () => {
    for (const kvHeads of [1, 2, 4]) {
      const own = { ...shape, kvHeads };
      const parameters = parametersFor(latent, { rank: kvHeads * 14, rotary: 0 });
      const inputs = { ...drawInputs(scaledDotProduct, own, {}, 6), weights: selecting(own, 0) };
      assertClose(latent.reference(inputs, own, parameters), scaledDotProduct.reference(inputs, own, {}), 1e-10);
    }
  });

  it('at full rank with rotation turns the last numbers, exactly when key heads agree in them', () => {
    for (const kvHeads of [1, 2]) {
      const own = { ...shape, kvHeads };
      const parameters = parametersFor(latent, { rank: kvHeads * 14, rotary: 4 });
      const inputs = { ...drawInputs(scaledDotProduct, own, {}, 7), weights: selecting(own, 4) };
      const original = () =>
        scaledDotProduct.reference(
          { ...inputs, query: turnedRows(inputs.query, 4), key: turnedRows(inputs.key, 4) },
          own,
          {},
        );
      if (kvHeads > 1) {
        const apart = latent.reference(inputs, own, parameters);
        assert.throws(() => assertClose(apart, original(), 1e-3), /differs/);
        for (let row = 0; row < 2 * 21; row++) {
          const from = (Math.floor(row / 21) * 2 * 21 + (row % 21)) * 8;
          for (let x = 4; x < 8; x++) inputs.key.data[from + 21 * 8 + x] = inputs.key.data[from + x]!;
        }
      }
      assertClose(latent.reference(inputs, own, parameters), original(), 1e-10);
    }
  });

  it('at a lower rank loses the dropped singular values, squared and summed; a group repeats the loss of its key head', () => {
    // Keys and values side by side are P diag(sigma) Q^T; the cache keeps the first r columns of Q.
    const [n, sigma] = [40, Array.from({ length: 28 }, (_, i) => 30 / (i + 1))];
    const own = causalShape(n, { kvHeads: 2, valueDim: 6 });
    const [left, right] = [orthonormal(n, 28, 1), orthonormal(28, 28, 2)];
    const stacked = (i: number, column: number): number =>
      sigma.reduce((sum, s, c) => sum + left[c]![i]! * s * right[c]![column]!, 0);
    const from = (heads: number, width: number, first: number): Tensor =>
      tensor(
        [1, heads, n, width],
        Float64Array.from({ length: heads * n * width }, (_, at) => {
          const [head, i] = [Math.floor(at / (n * width)), Math.floor(at / width) % n];
          return stacked(i, first + head * width + (at % width));
        }),
      );
    let before = Infinity;
    for (const rank of [4, 9, 20, 28]) {
      const parameters = parametersFor(latent, { rank, rotary: 0 });
      const inputs = { ...drawInputs(latent, own, parameters, 6), key: from(2, 8, 0), value: from(2, 6, 16) };
      const weight = (shape: readonly number[], of: (row: number, column: number, head: number) => number): Tensor => {
        const [rows, columns] = shape.slice(-2) as [number, number];
        return tensor(
          shape,
          Float64Array.from({ length: shape.reduce((a, b) => a * b) }, (_, at) =>
            of(Math.floor(at / columns) % rows, at % columns, Math.floor(at / rows / columns)),
          ),
        );
      };
      const weights = {
        'latent.down': weight([28, rank], (row, column) => right[column]![row]!),
        'latent.keys': weight([4, rank, 8], (row, x, head) => right[row]![Math.floor(head / 2) * 8 + x]!),
        'latent.values': weight([4, rank, 6], (row, x, head) => right[row]![16 + Math.floor(head / 2) * 6 + x]!),
      };
      const { key, value } = explicitInputs({ ...inputs, weights }, own, parameters);
      let lost = 0;
      for (const [rebuilt, original] of [
        [key, inputs.key],
        [value, inputs.value],
      ] as const) {
        const size = n * rebuilt.shape[3]!;
        for (let head = 0; head < 4; head++) {
          for (let at = 0; at < size; at++) {
            lost += (rebuilt.data[head * size + at]! - original.data[Math.floor(head / 2) * size + at]!) ** 2;
          }
        }
      }
      const dropped = sigma.slice(rank).reduce((sum, s) => sum + s * s, 0);
      assert.ok(Math.abs(lost - 2 * dropped) < 1e-10 * 900, `rank ${rank}: ${lost} lost, ${2 * dropped} dropped`);
      assert.ok(lost < before);
      before = lost;
    }
    assert.ok(before < 1e-20);
  });

  it('decodes from its cache of latents as the parallel pass, to 1e-10', () => {
    for (const rotary of [0, 4]) {
      const parameters = parametersFor(latent, { rank: 10, rotary });
      const inputs = drawInputs(latent, shape, parameters, 5);
      const whole = latent.reference(inputs, shape, parameters);
      const { latents: cache } = latent.decode!.stateAfter(inputs, shape, parameters);
      const width = 10 + rotary;
      for (const count of [1, 2, 13, 21]) {
        const past = { ...inputs, key: positionsOf(inputs.key, 0, count), value: positionsOf(inputs.value, 0, count) };
        const step = { ...shape, queries: 1, keys: count };
        const { latents: part } = latent.decode!.stateAfter(past, { ...step, queries: count }, parameters);
        for (let b = 0; b < 2; b++) {
          const [own, all] = [part!, cache!].map((x) => x.data.subarray(b * x.shape[1]! * width));
          for (let at = 0; at < count * width; at++) assert.equal(own![at], all![at]);
        }
        const query = positionsOf(inputs.query, count - 1, count);
        const output = latent.reference({ ...past, query }, step, parameters);
        assertClose(output, positionsOf(whole, count - 1, count), 1e-10, `position ${count}`);
      }
    }
  });

  it('says why an odd rotary width, one as wide as a head, and rotation across sequences cannot be', () => {
    const why = (rotary: number, pattern: AttentionShape['pattern'] = 'causal-self') => {
      const support = latent.supports({ ...shape, pattern }, parametersFor(latent, { rotary }));
      return support.ok ? '' : support.why;
    };
    assert.match(why(3), /odd/);
    assert.match(why(8), /leave a part/);
    assert.match(why(4, 'noncausal-cross'), /one sequence/);
    assert.equal(why(4), '');
  });
});
