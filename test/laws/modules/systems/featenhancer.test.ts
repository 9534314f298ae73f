/** FeatEnHancer's aggregation over scales: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { permuted, reshaped } from '../../../../kernels/module-parts/layers';
import { aggregate, embedded } from '../../../../kernels/modules/featenhancer/aggregation';
import { featEnhancer } from '../../../../kernels/modules/featenhancer/network';
import { safa } from '../../../../kernels/modules/featenhancer/safa';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';

const published = { blocks: 8, target: 1, scaled: true };
const draw = (seed: number, shape: readonly number[] = [2, 24, 3, 5]): Tensor => normalTensor(shape, seed);
const changed = (x: Tensor, by: (value: number, at: number) => number): Tensor => tensor(x.shape, x.data.map(by));
const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};
/** Channels in another order. */
const reordered = (x: Tensor, order: readonly number[]): Tensor => {
  const size = x.shape[2]! * x.shape[3]!;
  return changed(x, (_, at) => {
    const c = Math.floor(at / size) % 24;
    return x.data[at + (order[c]! - c) * size]!;
  });
};

describe('FeatEnHancer, the choice between scales', () => {
  const [q, k] = [draw(1), draw(2)];
  const pixels = 15;

  it('shares add up to 1, and the first is sigmoid((Q - K) . K / sqrt(3))', () => {
    const { shares } = aggregate([q, k], published);
    for (let row = 0; row < 16; row++) {
      for (let pixel = 0; pixel < pixels; pixel++) {
        let score = 0;
        for (let c = 0; c < 3; c++) {
          const at = (row * 3 + c) * pixels + pixel;
          score += (q.data[at]! - k.data[at]!) * k.data[at]!;
        }
        const [first, second] = [0, 1].map((l) => shares.data[(row * 2 + l) * pixels + pixel]!);
        assert.ok(Math.abs(first! - 1 / (1 + Math.exp(-score / Math.sqrt(3)))) < 1e-12);
        assert.ok(Math.abs(first! + second! - 1) < 1e-12);
      }
    }
  });

  it('one pixel by hand, with and without the root, and with the fine scale as target', () => {
    // Q = (1, 2), K = (3, -1), one block: Q.Q = 5, Q.K = 1, K.K = 10.
    const pair = [tensor([1, 2, 1, 1], Float64Array.of(1, 2)), tensor([1, 2, 1, 1], Float64Array.of(3, -1))];
    const first = (of: { target: number; scaled: boolean }) => aggregate(pair, { blocks: 1, ...of }).shares.data[0]!;
    assert.ok(Math.abs(first({ target: 1, scaled: false }) - 1 / (1 + Math.exp(9))) < 1e-15);
    assert.ok(Math.abs(first({ target: 1, scaled: true }) - 1 / (1 + Math.exp(9 / Math.SQRT2))) < 1e-15);
    assert.ok(Math.abs(first({ target: 0, scaled: false }) - 1 / (1 + Math.exp(-4))) < 1e-15);
  });

  it('three scales: a softmax over three scores, by hand', () => {
    // With the target (1): scores are the values times 2.
    const scales = [1, 2, -1].map((value) => tensor([1, 1, 1, 1], Float64Array.of(value)));
    const { output, shares } = aggregate(scales, { blocks: 1, target: 1, scaled: true });
    const weights = [2, 4, -2].map(Math.exp);
    const total = weights.reduce((a, b) => a + b);
    weights.forEach((weight, l) => assert.ok(Math.abs(shares.data[l]! - weight / total) < 1e-15));
    assert.ok(Math.abs(output.data[0]! - (weights[0]! + 2 * weights[1]! - weights[2]!) / total) < 1e-15);
  });

  it('a third scale in the module: by hand where both convolutions give zeros', () => {
    // Q = K = 0 and T_2 = (3, 4) with itself as target: scores (0, 0, 25 / sqrt(2)); y = w_2 T_2 on every pixel of the 15 x 15.
    const parameters = { channels: 2, blocks: 1, scales: 3, target: 'coarsest', scaled: true };
    const sizes = { height: 15, width: 15, batch: 1 };
    const { inputs, weights } = drawCall(safa, { ...parameters, ...sizes }, 3);
    const zero = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, changed(weight, () => 0)]));
    const given = { ...inputs, scale3: tensor([1, 2, 1, 1], Float64Array.of(3, 4)) };
    const call = { inputs: given, weights: zero };
    const { output, shares } = safa.reference(call, { ...parameters, ...sizes });
    const last = 1 / (1 + 2 * Math.exp(-25 / Math.SQRT2));
    [(1 - last) / 2, (1 - last) / 2, last].forEach((share, l) => assert.ok(Math.abs(shares!.data[l]! - share) < 1e-15));
    const expected = changed(inputs['fine']!, (value, at) => value + last * (at < 225 ? 3 : 4));
    closeTo(output!, expected, 1e-12);
  });

  it('two equal scales: half of each, exactly, and the scale itself', () => {
    const { output, shares } = aggregate([q, q], published);
    assert.ok(shares.data.every((share) => share === 0.5));
    assert.deepEqual(output.data, q.data);
  });

  it('pixels in another order give the output in that order', () => {
    const turn = (x: Tensor): Tensor => reshaped(permuted(x, [0, 1, 3, 2]), [2, 24, 3, 5]);
    closeTo(aggregate([turn(q), turn(k)], published).output, turn(aggregate([q, k], published).output), 0);
  });

  it('channels in another order inside their block change nothing else; across blocks they do', () => {
    const plain = aggregate([q, k], published);
    const inside = Array.from({ length: 24 }, (_, c) => 3 * Math.floor(c / 3) + ((c + 1) % 3));
    const moved = aggregate([reordered(q, inside), reordered(k, inside)], published);
    closeTo(moved.output, reordered(plain.output, inside), 1e-12);
    closeTo(moved.shares, plain.shares, 1e-12);
    const across = Array.from({ length: 24 }, (_, c) => (c + 1) % 24);
    const other = aggregate([reordered(q, across), reordered(k, across)], published);
    assert.ok(measureError(other.output, reordered(plain.output, across)).maxAbsolute > 0.1);
  });

  it('blocks of one channel choose number by number; one block chooses once for a pixel', () => {
    const { shares } = aggregate([q, k], { ...published, blocks: 24 });
    q.data.forEach((value, at) => {
      const first = shares.data[Math.floor(at / pixels) * 2 * pixels + (at % pixels)]!;
      assert.ok(Math.abs(first - 1 / (1 + Math.exp(-(value - k.data[at]!) * k.data[at]!))) < 1e-12);
    });
    assert.deepEqual(aggregate([q, k], { ...published, blocks: 1 }).shares.shape, [2, 1, 2, pixels]);
  });

  it('a coarse scale of zeros cannot lose: half of each; a fine one far along the coarse one wins', () => {
    const none = aggregate([q, changed(k, () => 0)], published);
    assert.ok(none.shares.data.every((share) => share === 0.5));
    const { shares } = aggregate([changed(k, (value) => 1e6 * value), k], published);
    for (let row = 0; row < 16; row++) {
      for (let pixel = 0; pixel < pixels; pixel++) assert.ok(shares.data[row * 2 * pixels + pixel]! > 1 - 1e-9);
    }
  });
});

describe('FeatEnHancer, the network', () => {
  it('learned numbers as published, convolution by convolution', () => {
    const counts: Record<string, number> = {};
    for (const { name, shape } of featEnhancer.weights({ hidden: 32, additions: 8, height: 64, width: 64, batch: 1 })) {
      const layer = name.slice(0, name.lastIndexOf('.'));
      counts[layer] = (counts[layer] ?? 0) + shape.reduce((a, b) => a * b, 1);
    }
    // From the card; the names are those of feat_enhancer.py.
    const expected = {
      e_conv1: 896,
      e_conv2: 9248,
      e_conv3: 9248,
      e_conv4: 9248,
      e_conv5: 18_464,
      e_conv6: 18_464,
      e_conv7: 13_848,
      ue_conv8: 13_856,
      ue_conv9: 6936,
      quarter_conv: 444,
      hexa_conv: 84,
      'scale_aware_aggregation.query_conv1': 28_248,
      'scale_aware_aggregation.query_conv2': 5208,
      'scale_aware_aggregation.key_conv': 5208,
    };
    assert.deepEqual(counts, expected);
    const all = Object.values(expected).reduce((a, b) => a + b);
    assert.equal(featEnhancer.cost({ hidden: 32, additions: 8, height: 64, width: 64, batch: 1 }).parameters, all);
  });

  it('operations as the card counts them: 158 thousand a pixel in the features, 41 thousand behind them', () => {
    const { multiplyAdds } = featEnhancer.cost({ hidden: 32, additions: 8, height: 1024, width: 1024, batch: 1 });
    const perPixel = 864 + 3 * 9216 + 2 * 18_432 + 13_824;
    const merging = 13_824 + 6912;
    assert.ok(Math.abs((2 * perPixel) / 158e3 - 1) < 0.01 && Math.abs((2 * merging) / 41e3 - 1) < 0.02);
    // The scales add 1/16 and 1/64; the convolutions of the aggregation 24 x 24 x 49 at a sixteenth of the pixels and less.
    const expected = perPixel * (1 + 1 / 16 + 1 / 64) + merging + 576 * (49 / 16 + 18 / 64) + 9 * (49 / 16 + 9 / 64);
    assert.ok(Math.abs(multiplyAdds / 2 ** 20 / expected - 1) < 0.01);
  });

  for (const side of [64, 65, 97, 128]) {
    it(`${side} pixels: both embeddings have one size, and the output that of the input`, () => {
      const parameters = {
        channels: 2,
        blocks: 1,
        scales: 2,
        target: 'coarse',
        scaled: true,
        height: side,
        width: 15,
        batch: 1,
      };
      const { inputs, weights } = drawCall(safa, parameters, side);
      const [query, key] = embedded(inputs['fine']!, inputs['coarse']!, weights);
      assert.deepEqual(query.shape, key.shape);
      // 64: 15 rows, then 7; 65: 15, 7; 97: 23, 11; 128: 31, 15.
      assert.equal(query.shape[2], { 64: 7, 65: 7, 97: 11, 128: 15 }[side]);
      assert.deepEqual(safa.reference({ inputs, weights }, parameters)['output']!.shape, [1, 2, side, 15]);
    });
  }

  it('the picture moves by at most 8, and by 8 where every map is saturated', () => {
    const parameters = { hidden: 4, additions: 8, height: 15, width: 16, batch: 1 };
    const { inputs, weights } = drawCall(featEnhancer, parameters, 4, 'dark');
    const moved = (by: typeof weights): Tensor => {
      const { output } = featEnhancer.reference({ inputs, weights: by }, parameters);
      return changed(output!, (value, at) => value - inputs['picture']!.data[at]!);
    };
    assert.ok(moved(weights).data.every((value) => Math.abs(value) <= 8));
    const saturated = { ...weights, 'ue_conv9.bias': changed(weights['ue_conv9.bias']!, () => 1e3) };
    assert.ok(moved(saturated).data.every((value) => Math.abs(value - 8) < 1e-12));
  });
});
