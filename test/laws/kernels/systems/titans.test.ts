/** Checks of the neural memory of Titans (arXiv:2501.00663). */
import assert from 'node:assert/strict';
import { gatesOf, learnOne, runMemory, unit, type Memory } from '../../../../kernels/mechanisms/titans/memory';
import { neuralMemory } from '../../../../kernels/mechanisms/titans/neural-memory';
import { drawInputs } from '../../../../kernels/inputs';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const shape = { ...causalShape(25), heads: 2, kvHeads: 2 };
const all = parametersFor(neuralMemory, { chunk: 1000 });
const online = parametersFor(neuralMemory, { chunk: 1 });

const always = (on: boolean): number => (on ? 800 : -800);

/** Gates that are 0 or 1 for every position, or half open (undefined). */
function withGates(of: { forget?: boolean; learn?: boolean; keep?: boolean }, empty = false): AttentionInputs {
  const inputs = drawInputs(neuralMemory, shape, all, 3);
  const row = [of.forget, of.learn, of.keep].map((on) => (on === undefined ? 0 : always(on)));
  const gates = inputs.weights['gates']!;
  const { memory } = inputs.weights;
  return {
    ...inputs,
    weights: {
      gates: zeros(gates.shape),
      'gates.offset': tensor([2, 1, 3], Float64Array.from([...row, ...row])),
      memory: empty ? zeros(memory!.shape) : memory!,
    },
  };
}

const rowOf = (x: Tensor, head: number, i: number): Float64Array => unit(x.data, (head * 25 + i) * 8, 8);
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, at) => sum + x * b[at]!, 0);

describe('Neural memory (Titans)', () => {
  it('without forgetting and momentum, over one chunk, is causal linear attention', async () => {
    const inputs = withGates({ forget: false, learn: true, keep: false }, true);
    const expected = zeros([1, 2, 25, 8]);
    for (let h = 0; h < 2; h++) {
      for (let t = 0; t < 25; t++) {
        for (let i = 0; i <= t; i++) {
          const score = dot(rowOf(inputs.query, h, t), rowOf(inputs.key, h, i));
          for (let y = 0; y < 8; y++) {
            expected.data[(h * 25 + t) * 8 + y]! += score * inputs.value.data[(h * 25 + i) * 8 + y]!;
          }
        }
      }
    }
    assertClose(neuralMemory.reference(inputs, shape, all), expected, 1e-12);
    assertClose(await runMechanism(neuralMemory, inputs, shape, all), expected, 1e-5);
  });

  it('is the delta rule with a full step: what was written for a key of length 1 is read back', () => {
    const key = Float64Array.of(0.6, 0, -0.8);
    const start = [
      tensor(
        [3, 2],
        Float64Array.from({ length: 6 }, (_, at) => at - 2),
      ),
    ];
    const state: Memory = { memory: start, surprise: [zeros([3, 2])], start };
    const value = Float64Array.of(5, -7);
    const { memory } = learnOne(state, key, value, { forget: 0, learn: 1, keep: 0 });
    for (let y = 0; y < 2; y++) {
      const read = key.reduce((sum, k, x) => sum + k * memory[0]!.data[x * 2 + y]!, 0);
      assert.ok(Math.abs(read - value[y]!) < 1e-14);
    }
  });

  it('equals its closed form with gradients at the start of the chunk, for random gates', () => {
    const inputs = drawInputs(neuralMemory, shape, all, 4);
    const expected = neuralMemory.reference(inputs, shape, all);
    for (let h = 0; h < 2; h++) {
      const gates = Array.from({ length: 25 }, (_, i) => gatesOf(inputs, h * 25 + i, h, all));
      const phi = inputs.weights['memory']!.data.slice(h * 64, (h + 1) * 64);
      for (let t = 0; t < 25; t++) {
        const query = rowOf(inputs.query, h, t);
        const kept = gates.slice(0, t + 1).reduce((product, gate) => product * (1 - gate.forget), 1);
        const output = Array.from(
          { length: 8 },
          (_, y) => kept * query.reduce((sum, q, x) => sum + q * phi[x * 8 + y]!, 0),
        );
        for (let i = 0; i <= t; i++) {
          let weight = 0;
          for (let s = i; s <= t; s++) {
            let term = 1;
            for (let r = s + 1; r <= t; r++) term *= 1 - gates[r]!.forget;
            for (let r = i + 1; r <= s; r++) term *= gates[r]!.keep;
            weight += term;
          }
          weight *= gates[i]!.learn;
          const key = rowOf(inputs.key, h, i);
          const score = dot(query, key);
          for (let y = 0; y < 8; y++) {
            const error =
              key.reduce((sum, k, x) => sum + k * phi[x * 8 + y]!, 0) - inputs.value.data[(h * 25 + i) * 8 + y]!;
            output[y]! -= weight * score * error;
          }
        }
        output.forEach((each, y) => assert.ok(Math.abs(each - expected.data[(h * 25 + t) * 8 + y]!) < 1e-12));
      }
    }
  });

  it('holds the last position alone when it forgets all, and fades or stands still when it learns nothing', async () => {
    const forgetful = withGates({ forget: true, learn: true, keep: false }, true);
    const output = neuralMemory.reference(forgetful, shape, all);
    // From an empty start of the chunk the gradient of position t is -k^T v.
    for (let t = 0; t < 25; t++) {
      const score = dot(rowOf(forgetful.query, 1, t), rowOf(forgetful.key, 1, t));
      for (let y = 0; y < 8; y++) {
        const at = (25 + t) * 8 + y;
        assert.ok(Math.abs(output.data[at]! - score * forgetful.value.data[at]!) < 1e-12);
      }
    }
    assertClose(await runMechanism(neuralMemory, forgetful, shape, all), output, 1e-5);
    const still = withGates({ forget: false, learn: false, keep: false });
    const fading = withGates({ learn: false, keep: false });
    for (const [inputs, share] of [
      [still, 1],
      [fading, 0.5],
    ] as const) {
      const read = neuralMemory.reference(inputs, shape, online);
      for (const t of [0, 9, 24]) {
        const query = rowOf(inputs.query, 0, t);
        const expected =
          query.reduce((sum, q, x) => sum + q * inputs.weights['memory']!.data[x * 8 + 2]!, 0) * share ** (t + 1);
        assert.ok(Math.abs(read.data[t * 8 + 2]! - expected) < 1e-12);
      }
    }
  });

  it('goes on at the border of a chunk with memory and surprise as if it had never stopped', () => {
    const chunk = 5;
    const inputs = drawInputs(neuralMemory, shape, parametersFor(neuralMemory, { chunk }), 6);
    const upTo = (count: number, visit: Parameters<typeof runMemory>[4] = () => undefined) =>
      runMemory(
        { ...inputs, key: takePositions(inputs.key, range(count)), value: takePositions(inputs.value, range(count)) },
        { ...shape, keys: count },
        parametersFor(neuralMemory, { chunk }),
        0,
        visit,
      );
    let state = upTo(15);
    for (let i = 15; i < 25; i++) {
      if (i % chunk === 0) state = { ...state, start: state.memory };
      const value = inputs.value.data.slice(i * 8, (i + 1) * 8);
      state = learnOne(state, rowOf(inputs.key, 0, i), value, gatesOf(inputs, i, 0, all));
    }
    const whole = upTo(25);
    for (const of of ['memory', 'surprise', 'start'] as const) {
      state[of][0]!.data.forEach((each, at) => assert.ok(Math.abs(each - whole[of][0]!.data[at]!) < 1e-12, of));
    }
  });

  it('takes the gradient of half the squared error (central differences)', () => {
    const inputs = drawInputs(neuralMemory, shape, all, 5);
    const key = rowOf(inputs.key, 0, 3);
    const value = inputs.value.data.slice(24, 32);
    const phi = inputs.weights['memory']!.data.slice(0, 64);
    const start = [tensor([8, 8], phi)];
    const loss = (m: Float64Array) =>
      value.reduce((sum, v, y) => sum + (key.reduce((all_, k, x) => all_ + k * m[x * 8 + y]!, 0) - v) ** 2 / 2, 0);
    const { surprise } = learnOne({ memory: start, surprise: [zeros([8, 8])], start }, key, value, {
      forget: 0,
      learn: 1,
      keep: 0,
    });
    for (const at of [0, 17, 63]) {
      const moved = (step: number) => loss(phi.map((m, i) => (i === at ? m + step : m)));
      assert.ok(Math.abs((moved(1e-5) - moved(-1e-5)) / 2e-5 + surprise[0]!.data[at]!) < 1e-8);
    }
  });
});
