/** SHViT's single-head attention: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { drawCall, drawWeight } from '../../../../kernels/module-parts/draw';
import { convolution, sum } from '../../../../kernels/module-parts/layers';
import { grids, shvit } from '../../../../kernels/modules/shvit/network';
import { foldPair, foldResidualPair, pairReference, pairWeights } from '../../../../kernels/modules/shvit/parts';
import { buildModule } from '../../../../kernels/module-parts/graph';
import { operatorsOf } from '../../../../kernels/graph/operators-of';
import { shsa, shsaInside, shsaReference } from '../../../../kernels/modules/shvit/shsa';
import type { Tensors } from '../../../../kernels/module';
import { softmaxRows } from '../../../../kernels/reference/softmax';
import { measureError } from '../../../../kernels/tensors/error';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';

const parameters = { channels: 10, partial: 4, qkDim: 16, height: 3, width: 5, batch: 1 };
const filled = (shape: readonly number[], value: number): Tensor => ({
  ...zeros(shape),
  data: zeros(shape).data.fill(value),
});

/** Gain 1, offset 0, mean 0, and the variance that leaves 1 under the root with epsilon 1e-5. */
const identityNorm = (name: string, width: number): Tensors => ({
  [`${name}.weight`]: filled([width], 1),
  [`${name}.bias`]: zeros([width]),
  [`${name}.running_mean`]: zeros([width]),
  [`${name}.running_var`]: filled([width], 1 - 1e-5),
});

function identityMatrix(channels: number): Tensor {
  const matrix = zeros([channels, channels, 1, 1]);
  for (let c = 0; c < channels; c++) matrix.data[c * channels + c] = 1;
  return matrix;
}

const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};

describe('SHViT, single-head self-attention', () => {
  it('with all channels attended and identity norms: single-head attention with queries and keys of width 16', () => {
    const whole = { ...parameters, channels: 6, partial: 6 };
    const { inputs, weights } = drawCall(shsa, whole, 2);
    const x = inputs['x']!;
    const n = 15;
    const bare: Tensors = {
      ...weights,
      'pre_norm.weight': filled([6], 1),
      'pre_norm.bias': zeros([6]),
      ...identityNorm('qkv.bn', 38),
    };
    // The norm by hand: mean and deviation over all numbers.
    const mean = x.data.reduce((sum, value) => sum + value, 0) / x.data.length;
    const variance = x.data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.data.length;
    const normal = x.data.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
    const kernel = bare['qkv.c.weight']!.data;
    const project = (from: number, width: number): Tensor =>
      tensor(
        [1, 1, n, width],
        Float64Array.from({ length: n * width }, (_, at) => {
          const [pixel, out] = [Math.floor(at / width), from + (at % width)];
          return Array.from({ length: 6 }, (_, c) => kernel[out * 6 + c]! * normal[c * n + pixel]!).reduce(
            (a, b) => a + b,
          );
        }),
      );
    const shape = {
      pattern: 'noncausal-self',
      batch: 1,
      heads: 1,
      kvHeads: 1,
      queries: n,
      keys: n,
      headDim: 16,
      valueDim: 6,
    } as const;
    const read = softmaxRows(
      { query: project(0, 16), key: project(16, 16), value: project(32, 6), weights: {} },
      shape,
      Array.from({ length: n }, (_, i) => i),
    );
    // What stands before the projection is rectified; without it the sign would show as well.
    const { before } = shsaInside(x, bare, whole);
    const expected = tensor(
      [1, 6, 3, 5],
      Float64Array.from({ length: 6 * n }, (_, at) => Math.max(0, read.data[(at % n) * 6 + Math.floor(at / n)]!)),
    );
    closeTo(before, expected, 1e-12);
  });

  it('the channels behind the attended ones reach the output rectified and otherwise unchanged', () => {
    const { inputs, weights } = drawCall(shsa, parameters, 3);
    const through = { ...weights, 'proj.1.c.weight': identityMatrix(10), ...identityNorm('proj.1.bn', 10) };
    const output = shsaReference(inputs['x']!, through, parameters);
    const [given, got] = [inputs['x']!.data.slice(4 * 15), output.data.slice(4 * 15)];
    given.forEach((value, at) => assert.ok(Math.abs(Math.max(0, value) - got[at]!) < 1e-15));
    assert.ok(given.some((value) => value < -1));
  });

  it('as published at the start, with gain and offset 0 behind the projection: nothing is added', () => {
    const { inputs, weights } = drawCall(shsa, parameters, 4);
    const start = { ...weights, 'proj.1.bn.weight': zeros([10]), 'proj.1.bn.bias': zeros([10]) };
    assert.ok(shsaReference(inputs['x']!, start, parameters).data.every((value) => value === 0));
  });

  it('pixels in another order give the output in that order', () => {
    const { inputs, weights } = drawCall(shsa, parameters, 5);
    const order = [7, 2, 14, 0, 9, 4, 11, 1, 13, 6, 3, 12, 8, 10, 5];
    const moved = (x: Tensor): Tensor =>
      tensor(
        x.shape,
        x.data.map((_, at) => x.data[at - (at % 15) + order[at % 15]!]!),
      );
    const output = shsaReference(inputs['x']!, weights, parameters);
    closeTo(shsaReference(moved(inputs['x']!), weights, parameters), moved(output), 1e-12);
  });

  it('rows of queries 0: even attention', () => {
    const { inputs, weights } = drawCall(shsa, parameters, 6);
    const start = (name: string): Tensors => ({
      [name]: { shape: weights[name]!.shape, data: weights[name]!.data.map((value, at) => (at < 16 ? 0 : value)) },
    });
    const cleared = { ...weights, ...start('qkv.bn.weight'), ...start('qkv.bn.bias') };
    const { weights: map } = shsaInside(inputs['x']!, cleared, parameters);
    assert.ok(map.data.every((value) => Math.abs(value - 1 / 15) < 1e-15));
  });

  it('no head is split off or moved: the graph has no Transpose, and no mask', () => {
    const { weights } = drawCall(shsa, parameters, 1);
    const operators = operatorsOf(buildModule(shsa, parameters, 'float32', weights).model);
    assert.ok(!operators.has('Transpose'));
  });

  it('the value product costs C / p times less than that of a head over all channels', () => {
    const { multiplyAdds } = shsa.cost({ ...parameters, channels: 224, partial: 48, height: 14, width: 14 });
    const n = 196;
    // 2 n Cp (32 + Cp) + 2 n^2 16 + 2 n^2 Cp + 2 n C^2 of the paper, in multiply-adds.
    assert.equal(multiplyAdds, n * 48 * 80 + n * n * 16 + n * n * 48 + n * 224 * 224);
  });

  it('the folded pair of convolution and norm, and of the depthwise residual, compute the same', () => {
    const weights = Object.fromEntries(
      pairWeights('pair', 6, 1, 3).map((weight) => [weight.name, drawWeight(weight, 3)] as const),
    );
    const { inputs } = drawCall(shsa, { ...parameters, channels: 6, partial: 3 }, 9);
    const x = inputs['x']!;
    const options = { padding: 1, groups: 6 };
    const of = (folded: Tensors): Tensor => convolution(x, folded['pair.weight']!, folded['pair.bias'], options);
    const plain = pairReference(x, weights, 'pair', options);
    closeTo(of(foldPair(weights, 'pair')), plain, 1e-12);
    closeTo(of(foldResidualPair(weights, 'pair')), sum(x, plain), 1e-12);
  });

  // Published: 6.3, 11.4, 14.2 and 16.5 million; 241, 366, 601 and 986 million multiply-adds (which the paper calls FLOPs).
  const published = [
    ['S1', 224, 6.331e6, 6.3e6, 241e6],
    ['S2', 224, 11.483e6, 11.4e6, 366e6],
    ['S3', 224, 14.245e6, 14.2e6, 601e6],
    ['S4', 256, 16.588e6, 16.5e6, 986e6],
  ] as const;
  for (const [variant, side, count, said, products] of published) {
    it(`${variant}: learned numbers and multiply-adds as published`, () => {
      const cost = shvit.cost({ variant, side, classes: 1000, batch: 1 });
      assert.ok(Math.abs(cost.parameters - count) < 500, `${cost.parameters}`);
      assert.ok(Math.abs(cost.parameters / said - 1) < 0.01);
      assert.ok(Math.abs(cost.multiplyAdds / products - 1) < 0.002, `${cost.multiplyAdds}`);
    });
  }

  it('grids of 14, 7 and 4 at 224 pixels: the edge of zeros makes 4 of 7', () => {
    assert.deepEqual(grids(224), [14, 14, 7, 4]);
  });

  it('the state dict of S1 has the names and shapes of the repository', () => {
    const shapes = new Map(
      shvit.weights({ variant: 'S1', side: 224, classes: 1000, batch: 1 }).map(({ name, shape }) => [name, shape]),
    );
    // By hand from model/shvit.py: indices of the sequences, and what has no attention.
    const named: Readonly<Record<string, readonly number[] | undefined>> = {
      'patch_embed.0.c.weight': [16, 3, 3, 3],
      'patch_embed.6.bn.running_var': [128],
      'blocks1.1.conv.m.c.weight': [128, 1, 3, 3],
      'blocks1.1.mixer.m.qkv.c.weight': undefined,
      'blocks2.0.1.m.pw1.c.weight': [256, 128, 1, 1],
      'blocks2.1.conv2.c.weight': [512, 1, 3, 3],
      'blocks2.1.se.fc1.weight': [128, 512, 1, 1],
      'blocks2.1.conv3.c.weight': [224, 512, 1, 1],
      'blocks2.3.mixer.m.pre_norm.weight': [48],
      'blocks2.6.mixer.m.qkv.c.weight': [80, 48, 1, 1],
      'blocks2.7.conv.m.c.weight': undefined,
      'blocks3.7.mixer.m.proj.1.c.weight': [320, 320, 1, 1],
      'head.bn.weight': [320],
      'head.l.weight': [1000, 320],
    };
    for (const [name, shape] of Object.entries(named)) assert.deepEqual(shapes.get(name), shape, name);
  });
});
