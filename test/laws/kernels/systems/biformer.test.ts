/** Checks of bi-level routing attention (BiFormer, arXiv:2303.08810). */
import assert from 'node:assert/strict';
import { biformer } from '../../../../kernels/mechanisms/biformer/biformer';
import { laidOut, regionsOf, routes, type BiFormerParameters } from '../../../../kernels/mechanisms/biformer/regions';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import type { AttentionShape } from '../../../../kernels/shape';
import { drawInputs } from '../../../../kernels/inputs';
import { tensor, zeros } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions } from './support';

/** An 8 x 8 grid. */
const shape: AttentionShape = causalShape(64, { pattern: 'noncausal-self' });
const grid = { columns: 8, scale: 'head width' as const };

describe('Bi-level routing', () => {
  it('takes a grid by default: that of the paper’s stages, the squarest of other lengths, none where there is an order', () => {
    const by = (change: Partial<AttentionShape>, given: Partial<BiFormerParameters> = {}) => {
      const { columns, splits } = laidOut({ ...shape, ...change }, parametersFor(biformer, given));
      return [columns, splits];
    };
    const square = (n: number) => ({ queries: n, keys: n });
    // Stages of 56, 28 and 14 cells a side in 7 x 7 regions (arXiv:2303.08810).
    assert.deepEqual(by(square(3136)), [56, 7]);
    assert.deepEqual(by(square(784)), [28, 7]);
    assert.deepEqual(by(square(196)), [14, 7]);
    // 16 x 32 is not cut by 7, 6 or 5; 157 is a prime.
    assert.deepEqual(by(square(512)), [32, 4]);
    assert.deepEqual(by(square(157)), [157, 1]);
    assert.deepEqual(by(square(512), { splits: 3 }), [32, 2]);
    assert.deepEqual(by(square(196), { columns: 28, splits: 7 }), [28, 7], 'as asked');
    assert.equal(by(square(196), { positions: 'sequence' })[0], 0);
    assert.equal(by({ pattern: 'causal-self' })[0], 0);
    assert.equal(by({ pattern: 'noncausal-cross' })[0], 0);
  });

  it('reading every region is full attention with the same scale, for 1, 2 and 4 splits', async () => {
    const inputs = drawInputs(scaledDotProduct, shape, {}, 3);
    const full = scaledDotProduct.reference(inputs, shape, {});
    for (const splits of [1, 2, 4]) {
      const parameters = parametersFor(biformer, { ...grid, splits, topk: splits ** 2 });
      assertClose(biformer.reference(inputs, shape, parameters), full, 1e-12);
      assertClose(await runMechanism(biformer, inputs, shape, parameters), full, 1e-5);
    }
    // The released scale: queries of full width 4 x 8 instead of 8.
    const released = parametersFor(biformer, { ...grid, scale: 'full width', splits: 2, topk: 4 });
    const halved = {
      ...inputs,
      query: tensor(
        inputs.query.shape,
        inputs.query.data.map((x) => x / 2),
      ),
    };
    assertClose(biformer.reference(inputs, shape, released), scaledDotProduct.reference(halved, shape, {}), 1e-12);
  });

  it('with one position a region and one region read gives the value of the best key over all heads', async () => {
    const parameters = parametersFor(biformer, { ...grid, splits: 8, topk: 1 });
    const inputs = drawInputs(biformer, shape, parameters, 4);
    const output = await runMechanism(biformer, inputs, shape, parameters);
    for (let i = 0; i < 64; i++) {
      let [best, most] = [-1, -Infinity];
      for (let j = 0; j < 64; j++) {
        let score = 0;
        for (let h = 0; h < 4; h++) {
          for (let x = 0; x < 8; x++)
            score += inputs.query.data[(h * 64 + i) * 8 + x]! * inputs.key.data[(h * 64 + j) * 8 + x]!;
        }
        if (score > most) [best, most] = [j, score];
      }
      for (let h = 0; h < 4; h++) {
        for (let x = 0; x < 8; x++) {
          assert.ok(Math.abs(output.data[(h * 64 + i) * 8 + x]! - inputs.value.data[(h * 64 + best) * 8 + x]!) < 1e-6);
        }
      }
    }
  });

  it('finds planted regions: aligned means are chosen first and hold the attention', () => {
    const parameters = parametersFor(biformer, { ...grid, splits: 2, topk: 1 });
    const inputs = drawInputs(biformer, shape, parameters, 5);
    const { order, size } = regionsOf(64, parameters);
    // Region r of the queries points where region (r + 1) % 4 of the keys does.
    [inputs.query, inputs.key].forEach((x, kind) => {
      x.data.fill(0);
      order.forEach((position, at) => {
        const region = (Math.floor(at / size) + (kind === 0 ? 1 : 0)) % 4;
        for (let h = 0; h < 4; h++) x.data[(h * 64 + position) * 8 + region] = 6;
      });
    });
    assert.deepEqual(routes(inputs, shape, parameters, 0), [[1], [2], [3], [0]]);
    // With every region read, more than 99 % of the weight is in the chosen one.
    const indicator = zeros([1, 4, 64, 8]);
    order.forEach((position, at) => {
      for (let h = 0; h < 4; h++) indicator.data[(h * 64 + position) * 8 + Math.floor(at / size)] = 1;
    });
    const mass = biformer.reference({ ...inputs, value: indicator }, shape, { ...parameters, topk: 4 });
    order.forEach((position, at) => {
      assert.ok(mass.data[position * 8 + ((Math.floor(at / size) + 1) % 4)]! > 0.99);
    });
  });

  it('adds the values themselves by a local kernel that is 1 in its middle', async () => {
    const parameters = parametersFor(biformer, { ...grid, splits: 4, topk: 3, local: '5 x 5' });
    const drawn = drawInputs(biformer, shape, parameters, 6);
    assertClose(
      await runMechanism(biformer, drawn, shape, parameters),
      biformer.reference(drawn, shape, parameters),
      1e-5,
    );
    const delta = zeros([32, 1, 5, 5]);
    for (let channel = 0; channel < 32; channel++) delta.data[channel * 25 + 12] = 1;
    const inputs = { ...drawn, weights: { ...drawn.weights, 'local.kernel': delta } };
    const without = biformer.reference(inputs, shape, { ...parameters, local: 'none' });
    const sum = tensor(
      without.shape,
      without.data.map((x, at) => x + inputs.value.data[at]!),
    );
    assertClose(biformer.reference(inputs, shape, parameters), sum, 1e-14);
  });

  it('reads k n / S^2 keys for every query, the same for a region and for every head, with weights that sum to 1', () => {
    const parameters = parametersFor(biformer, { ...grid, splits: 4, topk: 3 });
    const inputs = drawInputs(biformer, shape, parameters, 7);
    const { order, size } = regionsOf(64, parameters);
    const chosen = routes(inputs, shape, parameters, 0);
    assert.ok(chosen.every((list) => new Set(list).size === 3));
    assert.equal(size * 3, (3 * 64) / 16);
    // One-hot values show the weights of four keys at a time.
    for (let group = 0; group < 8; group++) {
      const value = zeros([1, 4, 64, 8]);
      for (let j = 0; j < 8; j++) for (let h = 0; h < 4; h++) value.data[(h * 64 + group * 8 + j) * 8 + j] = 1;
      const weights = biformer.reference({ ...inputs, value }, shape, parameters);
      order.forEach((query, at) => {
        for (let j = 0; j < 8; j++) {
          const region = Math.floor(order.indexOf(group * 8 + j) / size);
          const read = chosen[Math.floor(at / size)]!.includes(region);
          for (let h = 0; h < 4; h++) assert.equal(weights.data[(h * 64 + query) * 8 + j]! > 0, read);
        }
      });
    }
    const ones = tensor(inputs.value.shape, new Float64Array(inputs.value.data.length).fill(1));
    assert.ok(
      biformer.reference({ ...inputs, value: ones }, shape, parameters).data.every((x) => Math.abs(x - 1) < 1e-12),
    );
  });

  it('gives the same outputs in whatever order the chosen regions are gathered', async () => {
    const parameters = parametersFor(biformer, { ...grid, splits: 4, topk: 3 });
    const inputs = drawInputs(biformer, shape, parameters, 7);
    const { order, size } = regionsOf(64, parameters);
    const output = biformer.reference(inputs, shape, parameters);
    assertClose(await runMechanism(biformer, inputs, shape, parameters), output, 1e-5);
    const positionsIn = (region: number) => order.slice(region * size, (region + 1) * size);
    routes(inputs, shape, parameters, 0).forEach((chosen, region) => {
      const queries = positionsIn(region);
      for (const turn of [0, 1, 2]) {
        const keys = chosen.flatMap((_, at) => positionsIn(chosen[(at + turn) % 3]!)).reverse();
        const gathered = {
          query: takePositions(inputs.query, queries),
          key: takePositions(inputs.key, keys),
          value: takePositions(inputs.value, keys),
          weights: {},
        };
        const across = causalShape(queries.length, { pattern: 'noncausal-cross', keys: keys.length });
        const expected = scaledDotProduct.reference(gathered, across, {});
        assertClose(takePositions(output, queries), expected, 1e-12, `region ${region}`);
      }
    });
  });

  it('breaks ties by the lower region', () => {
    const parameters = parametersFor(biformer, { ...grid, splits: 4, topk: 3 });
    const inputs = drawInputs(biformer, shape, parameters, 8);
    inputs.query.data.fill(1);
    inputs.key.data.fill(1);
    for (const list of routes(inputs, shape, parameters, 0)) assert.deepEqual(list, [0, 1, 2]);
  });

  it('has no gradient through the choice: a change that moves no region changes the output as in plain attention over it', () => {
    const parameters = parametersFor(biformer, { ...grid, splits: 2, topk: 2 });
    const inputs = drawInputs(biformer, shape, parameters, 9);
    const before = routes(inputs, shape, parameters, 0);
    const at = (4 + 20) * 8 + 2;
    const moved = (step: number) => {
      const query = tensor(inputs.query.shape, inputs.query.data.slice());
      query.data[at]! += step;
      assert.deepEqual(routes({ ...inputs, query }, shape, parameters, 0), before);
      return biformer.reference({ ...inputs, query }, shape, parameters);
    };
    const position = 24;
    const [up, down] = [moved(1e-5), moved(-1e-5)];
    const slopes = up.data.map((value, j) => (value - down.data[j]!) / 2e-5);
    slopes.subarray(0, 64 * 8).forEach((slope, j) => {
      if (Math.floor(j / 8) !== position) assert.equal(slope, 0, 'other queries do not feel it');
    });
    // Plain attention of that query over the keys of the chosen regions, moved in the same way.
    const { order, size } = regionsOf(64, parameters);
    const keys = before[Math.floor(order.indexOf(position) / size)]!.flatMap((region) =>
      order.slice(region * size, (region + 1) * size),
    );
    const plain = (step: number) => {
      const query = takePositions(inputs.query, [position]);
      query.data[2]! += step;
      const gathered = {
        query,
        key: takePositions(inputs.key, keys),
        value: takePositions(inputs.value, keys),
        weights: {},
      };
      return scaledDotProduct.reference(
        gathered,
        causalShape(1, { pattern: 'noncausal-cross', keys: keys.length }),
        {},
      );
    };
    const [above, below] = [plain(1e-5), plain(-1e-5)];
    const own = slopes.subarray(position * 8, (position + 1) * 8);
    own.forEach((slope, x) => {
      const expected = (above.data[x]! - below.data[x]!) / 2e-5;
      assert.ok(Math.abs(slope - expected) < 1e-8, `${slope} for ${expected}`);
    });
    assert.ok(own.some((slope) => Math.abs(slope) > 1e-3));
  });

  it('costs least at S* = (k n^2)^(1/6) splits, where flops grow as n^(4/3)', () => {
    // The model itself is searched, at fractional splits too: S^4 C + 2 k n^2 C / S^2 multiply-adds and what grows with n alone.
    const k = 4;
    const at = (n: number, splits: number): number => {
      const of: AttentionShape = { ...shape, heads: 1, kvHeads: 1, headDim: 64, valueDim: 64, queries: n, keys: n };
      return biformer.cost(of, { ...parametersFor(biformer, { topk: k }), columns: Math.sqrt(n), splits }).flops;
    };
    const best = (n: number): number => {
      let least = 2;
      for (let splits = 2; splits < 60; splits += 0.02) if (at(n, splits) < at(n, least)) least = splits;
      return least;
    };
    const formula = (n: number) => (k * n ** 2) ** (1 / 6);
    assert.ok(Math.abs(best(3136) / formula(3136) - 1) < 0.01, `${best(3136)} for ${formula(3136)}`);
    const [short, long] = [56 ** 2, 112 ** 2];
    const slope = Math.log(at(long, formula(long)) / at(short, formula(short))) / Math.log(long / short);
    assert.ok(Math.abs(slope - 4 / 3) < 0.02, `${slope}`);
    assert.ok(Math.abs(at(3136, formula(3136)) / 2 / 2.22e7 - 1) < 0.06);
  });

  it('causal: reads earlier regions and its own past only, chosen without later queries', async () => {
    const own: AttentionShape = causalShape(50);
    const parameters = parametersFor(biformer, { region: 8, topk: 2 });
    const inputs = drawInputs(biformer, own, parameters, 10);
    const before = await runMechanism(biformer, inputs, own, parameters);
    for (const x of [inputs.query, inputs.key, inputs.value]) x.data[29 * 8 + 1]! += 3;
    const after = await runMechanism(biformer, inputs, own, parameters);
    for (let h = 0; h < 4; h++) {
      const rows = (x: typeof after) => x.data.subarray(h * 400, h * 400 + 29 * 8);
      assert.deepEqual(rows(after), rows(before), `head ${h}`);
    }
    routes(inputs, own, parameters, 0).forEach((list, region) => {
      assert.ok(list.every((each) => each < region));
      assert.equal(list.length, Math.min(2, region));
    });
  });
});
