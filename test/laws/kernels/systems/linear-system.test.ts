/** Checks of the view of attention as a linear system (arXiv:2405.15731), and of normalised attention. */
import assert from 'node:assert/strict';
import { catalogue } from '../../../../kernels/catalogue';
import { linear } from '../../../../kernels/mechanisms/linear';
import { normAttention } from '../../../../kernels/mechanisms/norm-attention';
import { reluMean } from '../../../../kernels/mechanisms/relu-mean';
import { effectiveAttention } from '../../../../kernels/effective-attention';
import { headRows, impulseResponse, kernelSystem, runSystem } from '../../../../kernels/reference/linear-system';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { settings } from '../cases';
import { assertClose, causalShape, parametersFor, takeHeads, takePositions } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const n = 29;
const shape = causalShape(n, { kvHeads: 2, valueDim: 5 });
const rowsOf = (x: Tensor, head: number): Tensor => {
  const [, , length = 1, width = 1] = x.shape;
  return tensor([length, width], takeHeads(x, [head]).data);
};
const mapped = (x: Tensor, f: (each: number) => number): Tensor => tensor(x.shape, x.data.map(f));

describe('Law: a mechanism that says it is a linear system gives the outputs of that system', () => {
  const tried = new Set<string>();
  for (const mechanism of catalogue.filter((each) => 'asSystem' in each)) {
    for (const parameters of settings(mechanism)) {
      const inputs = drawInputs(mechanism, shape, parameters, 3);
      if (!mechanism.supports(shape, parameters).ok) continue;
      if (!mechanism.asSystem!(inputs, shape, parameters, 0)) continue;
      tried.add(mechanism.id);
      it(`${mechanism.id} ${JSON.stringify(parameters)}`, () => {
        const whole = mechanism.reference(inputs, shape, parameters);
        for (const head of [0, 3]) {
          const system = mechanism.asSystem!(inputs, shape, parameters, head)!;
          assert.deepEqual(
            [system.transition.shape, system.input.shape, system.output.shape],
            [0, 1, 2].map(() => [n, system.size]),
          );
          assert.ok(
            system.transition.data.subarray(0, system.size).every((x) => x === 0),
            'L at the first position',
          );
          const u = rowsOf(inputs.value, Math.floor(head / 2));
          const scale = whole.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
          assertClose(runSystem(system, u), rowsOf(whole, head), 1e-12 * scale, `head ${head}`);
          // Weights found by moving values, whose sign they leave out.
          const probed = effectiveAttention(mechanism, inputs, shape, parameters, head);
          const response = mapped(impulseResponse(system), Math.abs);
          assertClose(response, tensor([n, n], probed), 1e-8 * scale, `impulses of head ${head}`);
        }
      });
    }
  }

  it('as do five mechanisms of the catalogue, by their state a decoder carries', () => {
    assert.deepEqual([...tried].sort(), [
      'lightning-attention',
      'lightning-attention-2',
      'linear',
      'norm-attention',
      'relu-mean',
    ]);
  });
});

describe('Normalised attention and its relatives as systems', () => {
  const given = parametersFor(normAttention, {});
  const inputs = drawInputs(normAttention, shape, given, 4);

  it('is linear attention where the normaliser is the sum of its weights', () => {
    const plain = parametersFor(linear, {});
    const expected = linear.reference({ ...inputs, weights: {} }, shape, plain);
    const elu = (x: number) => (x > 0 ? x + 1 : Math.exp(x));
    for (const head of [0, 2]) {
      const { query, key } = headRows(inputs, head);
      const [phi, psi] = [mapped(query, elu), mapped(key, elu)];
      const dot = (i: number, j: number) =>
        [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, c) => sum + phi.data[i * 8 + c]! * psi.data[j * 8 + c]!, 0);
      const etas = Array.from({ length: n }, (_, i) =>
        Array.from({ length: i + 1 }, (__, j) => dot(i, j)).reduce((sum, x) => sum + x, 1e-6),
      );
      const u = rowsOf(inputs.value, Math.floor(head / 2));
      assertClose(runSystem(kernelSystem(phi, psi, { etas }), u), rowsOf(expected, head), 1e-12);
      // With psi for keys and unit normalisers the mechanism's own sums, divided by hand, are the same.
      const unnormalised = runSystem(kernelSystem(phi, psi), u);
      assertClose(
        tensor(
          unnormalised.shape,
          unnormalised.data.map((x, at) => x / etas[Math.floor(at / 5)]!),
        ),
        rowsOf(expected, head),
        1e-12,
      );
    }
  });

  it('scales its outputs by 1 / c when the normaliser grows c times', () => {
    const bias = inputs.weights['normaliser.bias']!;
    const grown = { ...inputs.weights, 'normaliser.bias': mapped(bias, (x) => x + Math.log(3)) };
    const base = normAttention.reference(inputs, shape, given);
    const scaled = normAttention.reference({ ...inputs, weights: grown }, shape, given);
    assertClose(
      scaled,
      mapped(base, (x) => x / 3),
      1e-13,
    );
  });

  it('depends on nothing that follows, to the last bit', () => {
    const before = normAttention.reference(inputs, shape, given);
    const first = Array.from({ length: 11 }, (_, i) => i);
    for (const name of ['query', 'key', 'value'] as const) {
      const [, , , width = 1] = inputs[name].shape;
      const moved: AttentionInputs = {
        ...inputs,
        [name]: tensor(
          inputs[name].shape,
          inputs[name].data.map((x, at) => (Math.floor(at / width) % n === 11 ? x + 1 : x)),
        ),
      };
      const after = normAttention.reference(moved, shape, given);
      assert.deepEqual(takePositions(after, first).data, takePositions(before, first).data);
      assert.notDeepEqual(takePositions(after, [11]).data, takePositions(before, [11]).data);
    }
  });

  it('forgets by the ratio of normalisers, and lightning attention by its decay', () => {
    const system = normAttention.asSystem!(inputs, shape, given, 1)!;
    const logits = Array.from({ length: n }, (_, i) => {
      let logit = inputs.weights['normaliser.bias']!.data[1]!;
      for (let c = 0; c < 8; c++) {
        logit += inputs.weights['normaliser.weight']!.data[8 + c]! * inputs.key.data[i * 8 + c]!;
      }
      return logit;
    });
    for (let i = 1; i < n; i++) {
      const ratio = Math.exp(logits[i - 1]! - logits[i]!);
      for (let x = 0; x < 8; x++) assert.ok(Math.abs(system.transition.data[i * 8 + x]! - ratio) < 1e-12 * ratio);
    }
    const fading = catalogue.find(({ id }) => id === 'lightning-attention-2')!;
    const own = parametersFor(fading, { decay: 'given', slope: 0.5 });
    const decays = fading.asSystem!(drawInputs(fading, shape, own, 1), shape, own, 0)!.transition.data;
    assert.ok(decays.subarray(8).every((x) => Math.abs(x - Math.exp(-0.5)) < 1e-15));
  });

  it('the mean of rectified products does not know the order of its keys, and has no finite features', () => {
    const cross = causalShape(6, { pattern: 'noncausal-cross', keys: 9 });
    const plain = parametersFor(reluMean, {});
    const drawn = drawInputs(reluMean, cross, plain, 2);
    const order = [4, 0, 8, 2, 6, 1, 7, 3, 5];
    const shuffled = { ...drawn, key: takePositions(drawn.key, order), value: takePositions(drawn.value, order) };
    assertClose(reluMean.reference(shuffled, cross, plain), reluMean.reference(drawn, cross, plain), 1e-12);
    assert.equal(reluMean.asSystem!(drawn, shape, plain, 0), undefined);
  });

  it('the pre-activation of a random query-key matrix has mean 0 or x . y, and variance 1', () => {
    // Unit vectors with a 1 behind them, entries of W normal with variance 1/4, W_0 the identity on the first four.
    const unit = (seed: number) => {
      const x = normalTensor([4], seed).data;
      const norm = Math.hypot(...x);
      return [...x.map((each) => each / norm), 1];
    };
    const [x, y] = [unit(1), unit(2)];
    const cosine = x.slice(0, 4).reduce((sum, each, c) => sum + each * y[c]!, 0);
    const draws = 100_000;
    const query = normalTensor([1, 1, draws, 25], 7, 0.5);
    for (const biased of [0, 1]) {
      let [sum, squares] = [0, 0];
      for (let draw = 0; draw < draws; draw++) {
        let score = biased * cosine;
        for (let c = 0; c < 25; c++) score += x[Math.floor(c / 5)]! * query.data[draw * 25 + c]! * y[c % 5]!;
        sum += score;
        squares += score ** 2;
      }
      const mean = sum / draws;
      assert.ok(Math.abs(mean - biased * cosine) < 0.02, `mean ${mean}`);
      assert.ok(Math.abs(squares / draws - mean ** 2 - 1) < 0.02, `variance ${squares / draws - mean ** 2}`);
    }
  });
});
