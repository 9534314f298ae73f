/** Checks of WERSA (arXiv:2507.08637). */
import assert from 'node:assert/strict';
import { countMultiplyAdds } from '../../../../kernels/graph/count';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import {
  filtered,
  gateSource,
  gatesOf,
  gaussianUnit,
  paddedLength,
  waveletAnalysis,
  waveletSynthesis,
  type WersaParameters,
} from '../../../../kernels/mechanisms/wersa/filter';
import {
  featureAttention,
  featuresOf,
  headNorm,
  projection,
  randomFeatures,
} from '../../../../kernels/mechanisms/wersa/reference';
import { wersa } from '../../../../kernels/mechanisms/wersa/wersa';
import { isCausalSelf, type AttentionShape } from '../../../../kernels/shape';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { allowedError } from '../../../../kernels/tolerance';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const given = (changes: Partial<WersaParameters> = {}) => parametersFor(wersa, changes);

const open = (length: number, change: Partial<AttentionShape> = {}): AttentionShape =>
  causalShape(length, { pattern: 'noncausal-self', ...change });
const mapped = (x: Tensor, f: (each: number, at: number) => number): Tensor => tensor(x.shape, x.data.map(f));
const withWeights = (inputs: AttentionInputs, weights: Readonly<Record<string, Tensor>>): AttentionInputs => ({
  ...inputs,
  weights: { ...inputs.weights, ...weights },
});

/** Learned numbers that differ from the initial ones: every level, head and column has its own. */
function draw(shape: AttentionShape, parameters: WersaParameters): AttentionInputs {
  const inputs = drawInputs(wersa, shape, parameters, 6);
  const around = (name: string, seed: number) => {
    const own = inputs.weights[name]!;
    const noise = normalTensor(own.shape, seed, 0.2);
    return mapped(own, (x, at) => Math.fround(x + noise.data[at]!));
  };
  return withWeights(inputs, {
    scales: around('scales', 1),
    'norm.gain': around('norm.gain', 2),
    'norm.offset': around('norm.offset', 3),
  });
}

const allOne = (inputs: AttentionInputs): AttentionInputs =>
  withWeights(inputs, { scales: mapped(inputs.weights['scales']!, () => 1) });

/** A_ij = phi_i . phi_j / (their sum + 1e-6) of one head, pair by pair. */
function weightsOf(features: { query: Tensor; key: Tensor }, shape: AttentionShape, head: number): Float64Array[] {
  const count = features.query.shape[3]!;
  const kvHead = Math.floor(head / (shape.heads / shape.kvHeads));
  return Array.from({ length: shape.queries }, (_, i) => {
    const scores = Float64Array.from({ length: shape.keys }, (__, j) => {
      if (isCausalSelf(shape) && j > i) return 0;
      let score = 0;
      for (let f = 0; f < count; f++) {
        score +=
          features.query.data[(head * shape.queries + i) * count + f]! *
          features.key.data[(kvHead * shape.keys + j) * count + f]!;
      }
      return score;
    });
    const total = scores.reduce((sum, score) => sum + score, 1e-6);
    return scores.map((score) => score / total);
  });
}

/** Linear attention of random ReLU features without any filter, pair by pair, normed. */
function plain(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: WersaParameters,
  keyScale = (_: number) => 1,
) {
  const of = (x: Tensor, scale: (position: number) => number) => {
    const rows = mapped(x, (each, at) => gaussianUnit(each) * scale(Math.floor(at / shape.headDim) % x.shape[2]!));
    return randomFeatures(rows, projection('key', shape.headDim, parameters), Math.log(2) + 0.1);
  };
  const features = { query: of(inputs.query, () => 1), key: of(inputs.key, keyScale) };
  const output = zeros([1, shape.heads, shape.queries, shape.valueDim]);
  for (let h = 0; h < shape.heads; h++) {
    const kvHead = Math.floor(h / (shape.heads / shape.kvHeads));
    weightsOf(features, shape, h).forEach((row, i) => {
      row.forEach((weight, j) => {
        for (let y = 0; y < shape.valueDim; y++) {
          output.data[(h * shape.queries + i) * shape.valueDim + y]! +=
            weight * inputs.value.data[(kvHead * shape.keys + j) * shape.valueDim + y]!;
        }
      });
    });
  }
  return headNorm(output, inputs);
}

const apart = (a: Tensor, b: Tensor): number =>
  a.data.reduce((most, x, at) => Math.max(most, Math.abs(x - b.data[at]!)), 0);

/** Positions whose output differs when `name` of position `at` changes by 1 in every head. */
function touched(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: WersaParameters,
  name: 'query' | 'key' | 'value',
  at: number,
): readonly number[] {
  const width = inputs[name].shape[3]!;
  const moved = mapped(inputs[name], (x, i) => (Math.floor(i / width) % shape.keys === at ? x + 1 : x));
  const before = wersa.reference(inputs, shape, parameters);
  const after = wersa.reference({ ...inputs, [name]: moved }, shape, parameters);
  return Array.from({ length: shape.queries }, (_, i) => i).filter(
    (i) => apart(takePositions(before, [i]), takePositions(after, [i])) > 0,
  );
}

describe('WERSA', function () {
  this.timeout(60_000);

  it('puts together again what it took apart, at every length; Haar keeps the sum of squares', () => {
    for (const length of [...Array.from({ length: 40 }, (_, n) => n + 1), 97, 128, 300]) {
      const x = normalTensor([length], length).data;
      for (const levels of [0, 1, 4, 9]) {
        for (const filter of ['haar', 'one-sided'] as const) {
          const list = waveletAnalysis(x, { levels, filter });
          const back = waveletSynthesis(list, length, filter);
          assert.equal(back.length, length);
          back.forEach((each, t) => assert.ok(Math.abs(each - x[t]!) < 1e-12, `${filter} ${length} ${levels}`));
          if (filter === 'one-sided') continue;
          const squares = (row: Float64Array) => row.reduce((sum, each) => sum + each * each, 0);
          const sum = list.reduce((all, level) => all + squares(level), 0);
          assert.ok(Math.abs(sum / squares(x) - 1) < 1e-12, `${length} ${levels}`);
          const whole = paddedLength(length);
          list.forEach((level, i) => assert.equal(level.length, whole / 2 ** Math.min(i + 1, list.length - 1)));
        }
      }
    }
  });

  it('activates by gelu', () => {
    for (const [x, y] of [
      [1, 0.8413447460685429],
      [-1, -0.15865525393145705],
      [3, 2.9959503059051097],
      [-5, -1.4332578593959667e-6],
      [0, 0],
      [9, 9],
    ] as const) {
      assert.ok(Math.abs(gaussianUnit(x) - y) < 2e-15, `${x}`);
    }
  });

  it('with gates off and scales 1 is linear attention of random ReLU features, causal or not', () => {
    for (const levels of [0, 4]) {
      const parameters = given({ gate: 'off', levels, filter: 'one-sided', features: 48 });
      for (const shape of [open(27, { kvHeads: 2 }), causalShape(27)]) {
        const inputs = allOne(draw(shape, parameters));
        assertClose(wersa.reference(inputs, shape, parameters), plain(inputs, shape, parameters), 1e-12);
      }
      const haar = { ...parameters, filter: 'haar' as const };
      const inputs = allOne(draw(open(27), haar));
      assertClose(wersa.reference(inputs, open(27), haar), plain(inputs, open(27), haar), 1e-12);
    }
  });

  it('with 0 levels has one entry a^0 and one gate, that of a key at its position', () => {
    const shape = open(32);
    const parameters = given({ levels: 0, features: 48 });
    const inputs = draw(shape, parameters);
    const gates = gatesOf(gateSource(inputs.key, 0, 4), inputs, parameters);
    assert.deepEqual(gates.shape, [32, 1]);
    const scale = inputs.weights['scales']!.data[0]!;
    const expected = plain(inputs, shape, parameters, (t) => scale * gates.data[t]!);
    // The gate of a query cancels, but for the 1e-6 of the denominator.
    assertClose(wersa.reference(inputs, shape, parameters), expected, 1e-4);
    const whole = given({ levels: 0, features: 48, gate: 'global' });
    const other = draw(shape, whole);
    assertClose(wersa.reference(other, shape, whole), plain(other, shape, whole), 1e-4);
  });

  it('does not depend on the bandwidth: relu is homogeneous', () => {
    const shape = open(40);
    const parameters = given();
    const inputs = draw(shape, parameters);
    const at = (log: number) => withWeights(inputs, { bandwidth: tensor([1], Float64Array.of(log)) });
    const [narrow, wide] = [-3, 3].map((log) => wersa.reference(at(log), shape, parameters)) as [Tensor, Tensor];
    const size = apart(narrow, zeros(narrow.shape));
    const difference = apart(narrow, wide);
    assert.ok(difference > 0 && difference < 1e-4 * size, `${difference} of ${size}`);
    const exact = [-3, 3].map((log) =>
      featureAttention(featuresOf(at(log), shape, parameters), inputs.value, shape, 0),
    ) as [Tensor, Tensor];
    assert.ok(apart(...exact) < 1e-13);
    const slope =
      apart(wersa.reference(at(0.001), shape, parameters), wersa.reference(at(-0.001), shape, parameters)) / 0.002;
    assert.ok(slope < 1e-4, `${slope}`);
  });

  it('has the arc-cosine kernel in the mean of its features, and none of the angle with separate projections', () => {
    const [d, r] = [4, 400_000];
    const parameters = { features: r, seed: 3 };
    const [shared, other] = [
      projection('key', d, { ...parameters, sharedProjection: true }),
      projection('query', d, { ...parameters, sharedProjection: false }),
    ];
    const q = tensor([1, d], Float64Array.of(1, 0.5, -0.3, 0.2));
    const length = (x: Tensor) => Math.hypot(...x.data);
    const apartScores: number[] = [];
    for (const k of [
      tensor([1, d], Float64Array.of(0.4, 1, 0.2, -0.5)),
      tensor([1, d], Float64Array.of(-0.4, -1, -0.2, 0.5)),
    ]) {
      const score = (matrix: Tensor) => {
        const [a, b] = [randomFeatures(q, matrix, 1), randomFeatures(k, shared, 1)];
        return a.data.reduce((sum, x, f) => sum + x * b.data[f]!, 0);
      };
      const norms = (length(q) * length(k)) / (2 * Math.PI * d);
      const angle = Math.acos(q.data.reduce((sum, x, c) => sum + x * k.data[c]!, 0) / (length(q) * length(k)));
      const expected = norms * (Math.sin(angle) + (Math.PI - angle) * Math.cos(angle));
      assert.ok(Math.abs(score(shared) / expected - 1) < 0.01, `${score(shared)}, ${expected}`);
      apartScores.push(score(other));
      assert.ok(Math.abs(score(other) / norms - 1) < 0.01, `${score(other)}, ${norms}`);
    }
    assert.ok(Math.abs(apartScores[0]! / apartScores[1]! - 1) < 0.02);
  });

  it('reads later queries and keys of a Haar block, no later value, and nothing past the block', () => {
    const shape = causalShape(32);
    const haar = given({ levels: 2, gate: 'off', features: 48 });
    const inputs = draw(shape, haar);
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
    assert.deepEqual(touched(inputs, shape, haar, 'value', 6), range(6, 32));
    assert.deepEqual(touched(inputs, shape, haar, 'key', 6), range(4, 32));
    assert.deepEqual(touched(inputs, shape, haar, 'query', 6), range(4, 8));
    // Flat gates leave the own position only, up to rounding.
    const flat = allOne(inputs);
    for (const name of ['query', 'key'] as const) {
      const moved = mapped(flat[name], (x, i) => (Math.floor(i / 8) % 32 === 6 ? x + 1 : x));
      const [before, after] = [flat, { ...flat, [name]: moved }].map((each) => wersa.reference(each, shape, haar));
      assert.ok(apart(takePositions(before!, range(0, 6)), takePositions(after!, range(0, 6))) < 1e-12);
      assert.ok(apart(takePositions(before!, [6]), takePositions(after!, [6])) > 1e-3);
    }
    const refusal = wersa.supports(shape, given({ levels: 4 }));
    assert.ok(!refusal.ok);
    assert.match(refusal.why, /15 later tokens and local gates read 16 later/);
    // One-sided, gates too: nothing later at all.
    const oneSided = given({ levels: 2, filter: 'one-sided', features: 48 });
    const own = draw(shape, oneSided);
    for (const name of ['query', 'key', 'value'] as const) {
      const positions = touched(own, shape, oneSided, name, 6);
      assert.equal(positions[0], 6, name);
    }
  });

  it('has rows of weights that are not negative and sum to 1, whose products with the values are the running sums', () => {
    const parameters = given({ filter: 'one-sided', features: 64 });
    for (const shape of [open(45), causalShape(45, { kvHeads: 2 })]) {
      // A small bandwidth makes denominators large beside their epsilon.
      const inputs = withWeights(draw(shape, parameters), { bandwidth: tensor([1], Float64Array.of(-3)) });
      const features = featuresOf(inputs, shape, parameters);
      const denominators: number[] = [];
      const sequential = featureAttention(features, inputs.value, shape, undefined, (row, _, denominator) => {
        denominators[row] = denominator;
      });
      assert.ok(denominators.filter((each) => each > 0.1).length > 0.8 * denominators.length);
      for (let h = 0; h < 4; h++) {
        const kvHead = Math.floor(h / (4 / shape.kvHeads));
        weightsOf(features, shape, h).forEach((row, i) => {
          assert.ok(row.every((weight) => weight >= 0));
          const sum = row.reduce((all, weight) => all + weight, 0);
          const denominator = denominators[h * 45 + i]!;
          assert.ok(Math.abs(sum - (1 - 1e-6 / denominator)) < 1e-10);
          if (denominator > 0.1) assert.ok(Math.abs(sum - 1) < 1e-5);
          for (let y = 0; y < 8; y++) {
            const parallel = row.reduce(
              (all, weight, j) => all + weight * inputs.value.data[(kvHead * 45 + j) * 8 + y]!,
              0,
            );
            assert.ok(Math.abs(parallel - sequential.data[(h * 45 + i) * 8 + y]!) < 1e-10);
          }
        });
      }
    }
  });

  it('costs n^1, counted and modelled, and crosses softmax attention near 2 r positions', () => {
    const parameters = given({ gate: 'off' });
    const at = (length: number) => open(length, { headDim: 64, valueDim: 64 });
    for (const own of [parameters, given(), given({ gate: 'global' })]) {
      const slope = (cost: (length: number) => number) => Math.log(cost(65_536) / cost(4096)) / Math.log(16);
      assert.ok(Math.abs(slope((n) => wersa.cost(at(n), own).flops) - 1) < 0.02);
      assert.ok(Math.abs(slope((n) => countMultiplyAdds(wersa.build(at(n), own, 'float32').model)) - 1) < 0.02);
    }
    const causal = causalShape(4096, { headDim: 64, valueDim: 64 });
    for (const gate of ['local', 'off'] as const) {
      const own = given({ filter: 'one-sided', gate });
      const ratio = wersa.cost(causal, own).flops / countMultiplyAdds(wersa.build(causal, own, 'float32').model);
      assert.ok(ratio > 1.9 && ratio < 2.6, `${ratio} flops per counted multiply-add`);
    }
    const dearer = (length: number) =>
      wersa.cost(at(length), parameters).flops > scaledDotProduct.cost(at(length), {}).flops;
    assert.ok(dearer(128) && !dearer(512));
    assert.ok(wersa.cost(at(4096), parameters).flops < 0.27 * scaledDotProduct.cost(at(4096), {}).flops);
  });

  it('gives the offset of the norm for a query without features, in the runtime too', async () => {
    const shape = open(20);
    const parameters = given({ features: 16 });
    const drawn = draw(shape, parameters);
    const inputs = { ...drawn, query: zeros(drawn.query.shape) };
    const offset = drawn.weights['norm.offset']!.data;
    const expected = mapped(zeros([1, 4, 20, 8]), (_, at) => offset[at % 8]!);
    assertClose(wersa.reference(inputs, shape, parameters), expected, 0);
    assertClose(await runMechanism(wersa, inputs, shape, parameters), expected, 1e-6);
  });

  it('takes the gates of cross attention from each sequence itself', async () => {
    const shape = open(20, { pattern: 'noncausal-cross', keys: 33, kvHeads: 2 });
    const parameters = given({ levels: 3, features: 48 });
    const inputs = draw(shape, parameters);
    const moved = { ...inputs, key: mapped(inputs.key, (x) => x + 1) };
    assertClose(filtered(moved, shape, parameters).query, filtered(inputs, shape, parameters).query, 0);
    const self = open(33);
    const own = draw(self, parameters);
    const other = { ...own, key: mapped(own.key, (x) => x + 1) };
    assert.ok(apart(filtered(other, self, parameters).query, filtered(own, self, parameters).query) > 1e-3);
    assertClose(
      await runMechanism(wersa, inputs, shape, parameters),
      wersa.reference(inputs, shape, parameters),
      allowedError(wersa, inputs, shape, parameters, 'float32'),
    );
  });

  it('equals its reference with learned numbers of every level, at lengths that fill no block', async () => {
    for (const [length, gate, filter] of [
      [37, 'local', 'haar'],
      [129, 'global', 'haar'],
      [50, 'off', 'haar'],
      [65, 'local', 'one-sided'],
    ] as const) {
      const shape = open(length, { kvHeads: 2 });
      const parameters = given({ gate, filter });
      const inputs = draw(shape, parameters);
      const expected = wersa.reference(inputs, shape, parameters);
      assertClose(
        await runMechanism(wersa, inputs, shape, parameters),
        expected,
        Math.min(1e-3, allowedError(wersa, inputs, shape, parameters, 'float32')),
        `${length} ${gate} ${filter}`,
      );
    }
  });

  it('carries the sums of each level: a decoder keeps as many rows of a level as it lasts, and 32 of the gates', () => {
    const parameters = given({ levels: 2, features: 3, filter: 'one-sided' });
    const shape = causalShape(3, { heads: 1, kvHeads: 1, headDim: 1, valueDim: 1 });
    // gelu(1), gelu(-1) and gelu(3) of the normal distribution's tables; the value is 0 before the first position.
    const [one, minus, three] = [0.8413447460685429, -0.15865525393145705, 2.9959503059051097];
    const rows = tensor([1, 1, 3, 1], Float64Array.of(1, -1, 3));
    const inputs = { ...draw(shape, parameters), query: rows, key: rows };
    const state = wersa.decode!.stateAfter(inputs, shape, parameters);
    const close = (name: string, expected: readonly number[]) =>
      assertClose(state[name]!, tensor([1, 1, expected.length, 1], Float64Array.from(expected)), 1e-12, name);
    for (const of of ['query', 'key']) {
      close(`${of}.level.0`, [three]);
      close(`${of}.level.1`, [one + minus, minus + three]);
    }
    assert.deepEqual([...state['gate.source']!.data], [...new Array<number>(29).fill(0), 1, -1, 3]);
    const count = (keys: number) =>
      wersa
        .decode!.states({ ...shape, queries: 1, keys }, parameters)
        .reduce((sum, each) => sum + each.shape.reduce((a, b) => a * b, 1), 0);
    // 3 features by a value and its denominator, two times 1 + 2 rows of levels, 32 rows of the gates, at every length.
    assert.deepEqual([count(2), count(5000)], [6 + 6 + 32, 6 + 6 + 32]);
  });
});
