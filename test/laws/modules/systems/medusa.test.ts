/** Gates that share a global map (MEDUSA): the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { gradients } from '../../../../kernels/gradient/gradients';
import { reduceSum } from '../../../../kernels/graph/operators/reduce';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { buildModule } from '../../../../kernels/module-parts/graph';
import { bilinear, halved } from '../../../../kernels/module-parts/resize';
import type { Tensors } from '../../../../kernels/module';
import { bodyMap, contextMap, gateReference, standardised } from '../../../../kernels/modules/medusa/definition';
import { multiscaleGate } from '../../../../kernels/modules/medusa/multiscale-gate';
import { agreement, correlation } from '../../../../kernels/modules/medusa/pictures';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { resolved } from '../cases';
import { runModuleGraph } from '../run';

const size = { image: 16, bodyWidth: 2, channels: 4, height: 8, width: 8, scales: 3 };
const parametersOf = (given: Readonly<Record<string, number | string>> = {}) =>
  resolved(multiscaleGate, { ...size, ...given });
const numbers = (shape: readonly number[], values: readonly number[]): Tensor =>
  tensor(shape, Float64Array.from(values));
const changed = (x: Tensor, by: (value: number, at: number) => number): Tensor => tensor(x.shape, x.data.map(by));
const set = (tensors: Tensors, match: RegExp, by: (value: number, at: number) => number): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, match.test(name) ? changed(x, by) : x]));
const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};

describe('Maps in another size', () => {
  it('bilinear with both alignments, as PyTorch gives them', () => {
    const pair = numbers([1, 1, 1, 2], [0, 12]);
    closeTo(bilinear(pair, 1, 4, 'corners'), numbers([1, 1, 1, 4], [0, 4, 8, 12]), 1e-12);
    closeTo(bilinear(pair, 1, 4, 'halves'), numbers([1, 1, 1, 4], [0, 3, 9, 12]), 1e-12);
    const square = numbers([1, 1, 2, 2], [1, 2, 3, 4]);
    closeTo(bilinear(square, 3, 3, 'corners'), numbers([1, 1, 3, 3], [1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4]), 1e-12);
    closeTo(bilinear(numbers([1, 1, 1, 4], [1, 3, 5, 9]), 1, 2, 'halves'), numbers([1, 1, 1, 2], [2, 7]), 1e-12);
  });

  it('halved by maxima', () => {
    const x = numbers([1, 1, 2, 4], [1, 5, -1, -2, 3, 2, -4, -3]);
    assert.deepEqual([...halved(x).data], [5, -1]);
  });
});

describe('MEDUSA, gates that share a global map', () => {
  it('at the proposed start every gate is 0.95', () => {
    const { inputs, weights } = drawCall(multiscaleGate, parametersOf(), 1);
    const start = set(
      set(weights, /heads.*map\.weight/, () => 0),
      /heads.*map\.bias/,
      () => Math.log(19),
    );
    const outputs = gateReference(inputs, start, parametersOf());
    for (const scale of [1, 2, 3]) {
      assert.ok(outputs[`map${scale}`]!.data.every((value) => Math.abs(value - 0.95) < 1e-12));
    }
  });

  it('gates lie in (0, 1), and multiplied features are never larger', () => {
    for (const form of ['spatial', 'channels']) {
      const parameters = parametersOf({ form });
      const { inputs, weights } = drawCall(multiscaleGate, parameters, 2);
      const outputs = gateReference(inputs, weights, parameters);
      for (const scale of [1, 2, 3]) {
        assert.ok(outputs[`map${scale}`]!.data.every((value) => value > 0 && value < 1));
        const features = inputs[`features${scale}`]!.data;
        outputs[`gated${scale}`]!.data.forEach((value, at) => assert.ok(Math.abs(value) <= Math.abs(features[at]!)));
      }
    }
  });

  it('isolated heads read no image: there is no such input, and no weight of a body', () => {
    const parameters = parametersOf({ context: 'none' });
    assert.ok(!multiscaleGate.inputs(parameters).some(({ name }) => name === 'image'));
    assert.ok(!multiscaleGate.weights(parameters).some(({ name }) => name.startsWith('body')));
    const { inputs, weights } = drawCall(multiscaleGate, parameters, 3);
    const with_ = (seed: number) =>
      gateReference({ ...inputs, image: normalTensor([1, 1, 16, 16], seed) }, weights, parameters);
    assert.deepEqual(with_(1), with_(2));
  });

  it('shared heads: a gradient reaches the image from every scale', async () => {
    const parameters = parametersOf();
    const call = drawCall(multiscaleGate, parameters, 4);
    const graph = buildModule(multiscaleGate, parameters, 'float32', call.weights, {
      more(builder, outputs) {
        const image = builder.inputs.find(({ name }) => name === 'image')!;
        for (const scale of [1, 2, 3]) {
          const total = reduceSum(outputs[`map${scale}`]!, [0, 1, 2, 3], false);
          builder.output(gradients(builder, total, [image])[0]!, `gradient ${scale}`);
        }
      },
    });
    const found = await runModuleGraph(multiscaleGate, graph, call, parameters, 'float32');
    for (const scale of [1, 2, 3]) {
      const most = Math.max(...found[`gradient ${scale}`]!.data.map(Math.abs));
      assert.ok(most > 1e-6, `scale ${scale}: ${most}`);
    }
  });

  it('an even global map is even at every scale, and the heads then depend on their features alone', () => {
    const even = tensor([1, 1, 16, 16], new Float64Array(256).fill(0.37));
    for (const [height, width] of [
      [8, 8],
      [3, 5],
      [1, 2],
    ] as const) {
      assert.ok(bilinear(even, height, width, 'halves').data.every((value) => value === 0.37));
    }
    const parameters = parametersOf({ context: 'ones' });
    const { inputs, weights } = drawCall(multiscaleGate, parameters, 5);
    const one = gateReference(inputs, weights, parameters);
    const other = gateReference({ ...inputs, image: normalTensor([1, 1, 16, 16], 9) }, weights, parameters);
    assert.deepEqual(one, other);
    assert.ok(one['global']!.data.every((value) => value === 1));
  });

  it('brighter or with more contrast the grey image gives the same map; a blank one gives numbers', () => {
    const { inputs, weights } = drawCall(multiscaleGate, parametersOf(), 6, 'ellipses');
    const image = inputs['image']!;
    const other = changed(image, (value) => 3.7 * value - 20);
    closeTo(standardised(other), standardised(image), 1e-6);
    closeTo(bodyMap(other, weights), bodyMap(image, weights), 1e-6);
    const blank = standardised(changed(image, () => 4));
    assert.ok(blank.data.every((value) => value === 0));
    const { data } = standardised(numbers([1, 1, 1, 4], [1, 1, 5, 5]));
    [-1, -1, 1, 1].forEach((value, at) => assert.ok(Math.abs(data[at]! - value) < 1e-12));
  });

  it('planted: heads that copy a drawn mask let through its part of the features, at every scale', () => {
    const parameters = parametersOf({ context: 'mask' });
    const { inputs, weights } = drawCall(multiscaleGate, parameters, 7);
    // The first hidden unit reads the map at the middle of its kernel, behind the 4, 8 and 16 channels of the features.
    let copying: Tensors = set(weights, /heads/, () => 0);
    for (const [scale, channels] of [
      [1, 4],
      [2, 8],
      [3, 16],
    ] as const) {
      const name = `heads.${scale}`;
      copying = {
        ...copying,
        [`${name}.hidden.weight`]: changed(copying[`${name}.hidden.weight`]!, (_, at) =>
          at === channels * 9 + 4 ? 1 : 0,
        ),
        [`${name}.map.weight`]: changed(copying[`${name}.map.weight`]!, (_, at) => (at === 0 ? 2000 : 0)),
        [`${name}.map.bias`]: changed(copying[`${name}.map.bias`]!, () => -1000),
      };
    }
    const outputs = gateReference(inputs, copying, parameters);
    for (const [scale, side] of [
      [1, 8],
      [2, 4],
      [3, 2],
    ] as const) {
      const expected = changed(inputs[`features${scale}`]!, (value, at) => {
        const [row, column] = [Math.floor(at / side) % side, at % side];
        return row >= side / 2 && column >= side / 2 ? value : 0;
      });
      closeTo(outputs[`gated${scale}`]!, expected, 1e-12);
    }
  });

  it('with kernels that are symmetric from left to right, flipped inputs give flipped maps', () => {
    const parameters = parametersOf();
    const { inputs, weights } = drawCall(multiscaleGate, parameters, 8);
    const flipped = (x: Tensor): Tensor => {
      const width = x.shape[3]!;
      return changed(x, (_, at) => x.data[at - (at % width) + (width - 1 - (at % width))]!);
    };
    const symmetric = Object.fromEntries(
      Object.entries(weights).map(([name, x]) => {
        if (x.shape[3] !== 3) return [name, x];
        const mirror = flipped(x);
        return [name, changed(x, (value, at) => (value + mirror.data[at]!) / 2)];
      }),
    );
    const turned = Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, flipped(x)]));
    const [straight, mirrored] = [inputs, turned].map((each) => gateReference(each, symmetric, parameters));
    for (const [name, x] of Object.entries(straight!)) closeTo(mirrored![name]!, flipped(x), 1e-12);
  });

  it('the map of the next image, and its mean, in place of the map', () => {
    const two = parametersOf({ batch: 2 });
    const { inputs, weights } = drawCall(multiscaleGate, two, 9);
    const own = contextMap(inputs, weights, two)!.data;
    const swapped = contextMap(inputs, weights, parametersOf({ batch: 2, context: 'swapped' }))!.data;
    assert.deepEqual([...swapped.slice(0, 256), ...swapped.slice(256)], [...own.slice(256), ...own.slice(0, 256)]);
    const mean = contextMap(inputs, weights, parametersOf({ batch: 2, context: 'mean' }))!.data;
    const expected = own.slice(256).reduce((total, value) => total + value, 0) / 256;
    assert.ok(mean.slice(256).every((value) => Math.abs(value - expected) < 1e-12));
  });

  it('strength: the gate to that power, at its scale alone', () => {
    const { inputs, weights } = drawCall(multiscaleGate, parametersOf(), 10);
    const plain = gateReference(inputs, weights, parametersOf());
    const strong = gateReference(inputs, weights, parametersOf({ strength2: 3 }));
    closeTo(
      strong['map2']!,
      changed(plain['map2']!, (value) => value * value * value),
      1e-12,
    );
    assert.deepEqual(strong['map1'], plain['map1']);
  });

  it('operations at 256 pixels: 5.3 billion in the body, as by hand, and linear in the pixels', () => {
    const of = (given: Readonly<Record<string, number | string>>) =>
      multiscaleGate.cost(parametersOf({ channels: 32, bodyWidth: 16, ...given })).multiplyAdds;
    const whole = { image: 256, height: 64, width: 64 };
    // 2 x 9 C_in C_out H W: 272, 1536, 6144 and 24576 going down, 24576, 6144 and 1536 (192 + 64 wide and so on) coming up.
    const level = (pairs: readonly (readonly [number, number])[], side: number): number =>
      pairs.reduce((total, [inner, out]) => total + 9 * inner * out * side * side, 0);
    const body =
      level(
        [
          [1, 16],
          [16, 16],
          [48, 16],
          [16, 16],
        ],
        256,
      ) +
      level(
        [
          [16, 32],
          [32, 32],
          [96, 32],
          [32, 32],
        ],
        128,
      ) +
      level(
        [
          [32, 64],
          [64, 64],
          [192, 64],
          [64, 64],
        ],
        64,
      ) +
      level(
        [
          [64, 128],
          [128, 128],
        ],
        32,
      ) +
      16 * 256 * 256;
    assert.ok(Math.abs((2 * body) / 5.3e9 - 1) < 0.01);
    // Heads: 9 (C + 1) hidden + hidden, hidden 8, 8 and 16.
    const heads = [
      [32, 8, 64],
      [64, 8, 32],
      [128, 16, 16],
    ].reduce((total, [c, hidden, side]) => total + (9 * (c! + 1) * hidden! + hidden!) * side! * side!, 0);
    assert.equal(of(whole), body + heads);
    assert.equal(of({ image: 512, height: 128, width: 128 }), 4 * of(whole));
  });

  it('agreement of maps: correlation at the coarsest size, by hand', () => {
    const fine = numbers([1, 1, 2, 4], [1, 1, 3, 3, 1, 1, 3, 3]);
    const coarse = numbers([1, 1, 1, 2], [5, 2]);
    const found = agreement([fine, coarse]).flat();
    [1, -1, -1, 1].forEach((value, at) => assert.ok(Math.abs(found[at]! - value) < 1e-12));
    // (1, 2, 6) and (2, 1, 3): covariance 4, variances 14 and 2.
    const value = correlation(Float64Array.of(1, 2, 6), Float64Array.of(2, 1, 3));
    assert.ok(Math.abs(value - 4 / Math.sqrt(28)) < 1e-12);
    assert.ok(Number.isNaN(correlation(Float64Array.of(1, 1), Float64Array.of(0, 1))));
  });
});
