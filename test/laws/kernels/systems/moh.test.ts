/** Checks of Mixture-of-Head attention (arXiv:2410.11842). */
import assert from 'node:assert/strict';
import { mixtureOfHead } from '../../../../kernels/mechanisms/mixture-of-head/mixture-of-head';
import { balance, gains, gainsOf, headCounts } from '../../../../kernels/mechanisms/mixture-of-head/routing';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor, random } from '../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const shape = causalShape(30, { heads: 8, kvHeads: 8 });
const times = (x: Tensor, factor: (at: number) => number): Tensor =>
  tensor(
    x.shape,
    x.data.map((each, at) => each * factor(at)),
  );
const drawn = (seed: number, count: number) => {
  const source = random(seed);
  return Array.from({ length: count }, () => source.normal());
};

describe('Mixture-of-Head', function () {
  this.timeout(60_000);

  it('with zero routers and every head active is plain attention in the code’s scaling', async () => {
    const parameters = parametersFor(mixtureOfHead, { share: 1 });
    const inputs = drawInputs(mixtureOfHead, shape, parameters, 3);
    const zeroed = {
      ...inputs,
      weights: Object.fromEntries(Object.entries(inputs.weights).map(([name, x]) => [name, times(x, () => 0)])),
    };
    const plain = scaledDotProduct.reference(zeroed, shape, {});
    assertClose(mixtureOfHead.reference(zeroed, shape, parameters), plain, 1e-12);
    assertClose(await runMechanism(mixtureOfHead, zeroed, shape, parameters), plain, 1e-5);

    const paper = gainsOf({ shared: [0, 0], routed: [0, 0, 0, 0, 0, 0], groups: [0, 0] }, 6, 'paper');
    assert.deepEqual(paper, [1 / 4, 1 / 4, ...new Array<number>(6).fill(1 / 12)]);
  });

  it('gains of the code’s scaling sum to 2 a1 hs and 2 a2 K, and exactly K routed ones are not zero', () => {
    for (const seed of [1, 2, 3]) {
      const logits = { shared: drawn(seed, 2), routed: drawn(seed + 10, 6), groups: drawn(seed + 20, 2) };
      const [g1 = 0, g2 = 0] = logits.groups.map(Math.exp);
      const own = gainsOf(logits, 3, 'code');
      const sum = (list: readonly number[]) => list.reduce((all, each) => all + each, 0);
      assert.ok(Math.abs(sum(own.slice(0, 2)) - (2 * g1 * 2) / (g1 + g2)) < 1e-12);
      assert.ok(Math.abs(sum(own.slice(2)) - (2 * g2 * 3) / (g1 + g2)) < 1e-12);
      assert.equal(own.slice(2).filter((gain) => gain !== 0).length, 3);
    }
  });

  it('has a balance of K (code) and K / E (paper) under uniform routing, and of E with all mass on K heads', () => {
    const uniform = Array.from({ length: 6 }, () => new Array<number>(6).fill(1 / 6));
    // Ties take the first heads: loads differ, the mean probability does not.
    assert.ok(Math.abs(balance(uniform, 2).code - 2) < 1e-12);
    assert.ok(Math.abs(balance(uniform, 2).paper - 2 / 6) < 1e-12);
    const concentrated = Array.from({ length: 5 }, () => [0.5, 0.5, 0, 0, 0, 0]);
    assert.ok(Math.abs(balance(concentrated, 2).code - 6) < 1e-12);
  });

  it('gives zeros for a head that a position does not take, and gain 1 leaves a head as it was', () => {
    const parameters = parametersFor(mixtureOfHead, { routing: 'query norm', share: 0.5 });
    const inputs = drawInputs(mixtureOfHead, shape, parameters, 4);
    const plain = scaledDotProduct.reference(inputs, shape, {});
    const output = mixtureOfHead.reference(inputs, shape, parameters);
    const own = gains(inputs, shape, parameters);
    for (let h = 0; h < 8; h++) {
      for (let i = 0; i < 30; i++) {
        const gain = own.data[i * 8 + h]!;
        for (let x = 0; x < 8; x++) {
          const at = (h * 30 + i) * 8 + x;
          assert.equal(output.data[at], gain === 0 ? 0 : plain.data[at]);
        }
      }
    }
    assert.equal(own.data.filter((gain) => gain === 1).length, 30 * 4);
  });

  it('routes by the norm of the query: blind to the scale of a position, and a head of tripled queries serves everybody', () => {
    const parameters = parametersFor(mixtureOfHead, { routing: 'query norm', share: 0.5 });
    const inputs = drawInputs(mixtureOfHead, shape, parameters, 5);
    const own = gains(inputs, shape, parameters);
    const positionOf = (at: number) => Math.floor(at / 8) % 30;
    const louder = times(inputs.query, (at) => 1 + positionOf(at));
    assert.deepEqual(gains({ ...inputs, query: louder }, shape, parameters).data, own.data);
    // A rotation of pairs keeps the norm, as RoPE does.
    const turned = times(inputs.query, () => 1);
    for (let at = 0; at < turned.data.length; at += 2) {
      const angle = positionOf(at) * 0.3;
      const [x, y] = [inputs.query.data[at]!, inputs.query.data[at + 1]!];
      turned.data[at] = x * Math.cos(angle) - y * Math.sin(angle);
      turned.data[at + 1] = x * Math.sin(angle) + y * Math.cos(angle);
    }
    assert.deepEqual(gains({ ...inputs, query: turned }, shape, parameters).data, own.data);
    const planted = times(inputs.query, (at) => (Math.floor(at / 240) === 5 ? 9 : 1));
    const loads = gains({ ...inputs, query: planted }, shape, parameters);
    for (let i = 0; i < 30; i++) assert.equal(loads.data[i * 8 + 5], 1);
  });

  it('breaks ties by the first head', () => {
    assert.deepEqual(
      gainsOf({ shared: [], routed: [1, 1, 1, 1], groups: [] }, 2, 'code').map((gain) => gain > 0),
      [true, true, false, false],
    );
  });

  it('has gradients of the router through the chosen gains only (central differences)', () => {
    // code scaling: g_e = 2 a2 K p_e / sum over A of p, so d g_e / d logit_f = g_e (1[e = f] - p_f / sum) for e, f in A, else 0.
    const routed = [1.2, -0.3, 0.8, 0.1, -1];
    const [k, at] = [2, gainsOf({ shared: [], routed, groups: [] }, 2, 'code')];
    for (let f = 0; f < routed.length; f++) {
      const moved = (step: number) =>
        gainsOf({ shared: [], routed: routed.map((x, i) => (i === f ? x + step : x)), groups: [] }, k, 'code');
      const [up, down] = [moved(1e-5), moved(-1e-5)];
      for (let e = 0; e < routed.length; e++) {
        const both = at[e]! > 0 && at[f]! > 0;
        const expected = both ? at[e]! * ((e === f ? 1 : 0) - at[f]! / k) : 0;
        assert.ok(Math.abs((up[e]! - down[e]!) / 2e-5 - expected) < 1e-5, `head ${e} by logit ${f}`);
      }
    }
  });

  it('has gradients of the router’s weights through the outputs, and of an unchosen head through the balance alone', () => {
    const parameters = parametersFor(mixtureOfHead, { share: 0.5, sharedShare: 0.25 });
    const inputs = drawInputs(mixtureOfHead, shape, parameters, 6);
    const g = normalTensor([1, 8, 30, 8], 9);
    const plain = scaledDotProduct.reference(inputs, shape, {});
    const own = gains(inputs, shape, parameters);
    const weights = inputs.weights['router.routed']!;
    const { shared, routed, active } = headCounts(shape, parameters);
    const joined = (i: number, x: number) => inputs.query.data[(Math.floor(x / 8) * 30 + i) * 8 + (x % 8)]!;
    const movedBy = (row: number, x: number, step: number): AttentionInputs => {
      const data = weights.data.slice();
      data[row * 64 + x]! += step;
      return { ...inputs, weights: { ...inputs.weights, 'router.routed': tensor(weights.shape, data) } };
    };
    const probabilities = (from: AttentionInputs) =>
      Array.from({ length: 30 }, (_, i) => {
        const logits = Array.from({ length: routed }, (__, e) =>
          Array.from({ length: 64 }, (___, x) => joined(i, x)).reduce(
            (sum, q, x) => sum + q * from.weights['router.routed']!.data[e * 64 + x]!,
            0,
          ),
        );
        const exponentials = logits.map(Math.exp);
        const total = exponentials.reduce((sum, each) => sum + each, 0);
        return exponentials.map((each) => each / total);
      });
    const p = probabilities(inputs);
    const loads = Array.from(
      { length: routed },
      (_, e) =>
        Array.from({ length: 30 }, (__, i) => own.data[i * 8 + shared + e]!).filter((gain) => gain > 0).length / 30,
    );
    const pull = (h: number, i: number): number => {
      let sum = 0;
      for (let y = 0; y < 8; y++) sum += g.data[(h * 30 + i) * 8 + y]! * plain.data[(h * 30 + i) * 8 + y]!;
      return sum;
    };
    for (const [row, x] of [
      [0, 5],
      [3, 40],
      [5, 63],
    ] as const) {
      // d gain_e / d logit_f = gain_e (1[e = f] - gain_f / (2 a2 K)) for chosen e and f; 2 a2 K is the sum of the routed gains.
      let [byOutput, byBalance] = [0, 0];
      for (let i = 0; i < 30; i++) {
        const of = (e: number): number => own.data[i * 8 + shared + e]!;
        const total = Array.from({ length: routed }, (_, e) => of(e)).reduce((sum, gain) => sum + gain, 0);
        for (let e = 0; e < routed; e++) {
          const slope = of(row) > 0 ? of(e) * ((e === row ? 1 : 0) - of(row) / total) : 0;
          byOutput += pull(shared + e, i) * slope * joined(i, x);
          const slopeOfP = p[i]![e]! * ((e === row ? 1 : 0) - p[i]![row]!);
          byBalance += (routed * loads[e]! * slopeOfP * joined(i, x)) / 30;
        }
      }
      const lossOf = (from: AttentionInputs): number =>
        mixtureOfHead.reference(from, shape, parameters).data.reduce((sum, o, at) => sum + o * g.data[at]!, 0);
      const difference = (of: (from: AttentionInputs) => number): number =>
        (of(movedBy(row, x, 1e-5)) - of(movedBy(row, x, -1e-5))) / 2e-5;
      const relative = (a: number, b: number): number => Math.abs(a - b) / Math.abs(b);
      assert.ok(relative(difference(lossOf), byOutput) < 1e-5, `head ${row}`);
      const balanceOf = (from: AttentionInputs) => balance(probabilities(from), active).code;
      assert.ok(relative(difference(balanceOf), byBalance) < 1e-5, `balance of head ${row}`);
    }
    // A head that one position does not take: its gains there do not move, its balance does.
    const at = Array.from({ length: 30 }, (_, i) => i).find((i) => own.data[i * 8 + shared] === 0)!;
    const moved = gains(movedBy(0, 5, 1e-6), shape, parameters);
    for (let h = 0; h < 8; h++) assert.ok(Math.abs(moved.data[at * 8 + h]! - own.data[at * 8 + h]!) < 1e-14);
    const alone = [p[at]!];
    const shifted = [probabilities(movedBy(0, 5, 1e-3))[at]!];
    assert.notEqual(balance(shifted, active).code, balance(alone, active).code);
  });

  for (const pattern of ['causal-self', 'noncausal-self'] as const) {
    it(`leaves heads out as masking them does, to 1e-6 of float32, ${pattern}`, async () => {
      const own = { ...shape, pattern, queries: 96, keys: 96 };
      for (const given of [{}, { routing: 'query norm' as const }, { share: 0.75, scaling: 'paper' as const }]) {
        const parameters = parametersFor(mixtureOfHead, { span: 32, ...given });
        const inputs = drawInputs(mixtureOfHead, own, parameters, 6);
        const masked = mixtureOfHead.reference(inputs, own, parameters);
        const size = Math.max(1, ...masked.data.map(Math.abs));
        assertClose(await runMechanism(mixtureOfHead, inputs, own, parameters), masked, 1e-6 * size);
      }
    });
  }

  it('counts heads: shared ones within the share, all of them at share 1, one at least', () => {
    const of = (heads: number, share: number, sharedShare: number) =>
      headCounts({ heads }, parametersFor(mixtureOfHead, { share, sharedShare }));
    assert.deepEqual(of(8, 0.5, 0.25), { shared: 2, routed: 6, active: 2 });
    assert.deepEqual(of(8, 1, 0.25), { shared: 2, routed: 6, active: 6 });
    assert.deepEqual(of(8, 0.25, 1), { shared: 2, routed: 6, active: 0 });
    assert.deepEqual(of(1, 0.5, 0.25), { shared: 0, routed: 1, active: 1 });
  });
});
