/** ConvFormer: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { drawCall } from '../../../../kernels/module-parts/draw';
import {
  attentionReference,
  fused,
  shares,
  type AttentionSize,
} from '../../../../kernels/modules/convformer/attention';
import { dmhcsa } from '../../../../kernels/modules/convformer/dmhcsa';
import { convformer } from '../../../../kernels/modules/convformer/network';
import { joints, parents, projectedTo2d, walker } from '../../../../kernels/modules/convformer/skeleton';
import type { Tensors } from '../../../../kernels/module';
import { measureError } from '../../../../kernels/tensors/error';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';

const spatial = {
  axis: 'spatial',
  tokens: 6,
  channels: 4,
  heads: 2,
  kernels: '3,5,7',
  depthwise: false,
  fuse: false,
  batch: 1,
};
const size: AttentionSize = { ...spatial, kernels: [3, 5, 7] };
const network = {
  frames: 27,
  channels: 32,
  heads: 8,
  kernels: '7,7,7',
  spatialBlocks: 2,
  temporalBlocks: 2,
  fuse: false,
  batch: 1,
};

const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};

/** Rows of [1, n, c] in another order. */
const ordered = (x: Tensor, order: readonly number[]): Tensor => {
  const width = x.shape[2]!;
  return tensor(
    x.shape,
    Float64Array.from(x.data, (_, at) => x.data[order[Math.floor(at / width)]! * width + (at % width)]!),
  );
};

describe('ConvFormer', () => {
  it('one convolution by hand: the kernel slides over joints, or over the features of frames', () => {
    // q of one kernel of size 3 with one channel among two: w = 1, 10, 100 reads the places before, at and behind.
    const z = tensor([1, 2, 2], Float64Array.of(1, 2, 3, 4));
    const taps = Float64Array.of(1, 10, 100, 0, 0, 0, 0, 0, 0, 1, 10, 100);
    const weights = (): Tensors => ({
      eta: zeros([3, 1]),
      ...Object.fromEntries(
        ['q', 'k', 'v'].flatMap((name) => [
          [`${name}.0.weight`, name === 'v' ? tensor([2, 2, 3], taps) : zeros([2, 2, 3])] as const,
          [`${name}.0.bias`, zeros([2])] as const,
        ]),
      ),
    });
    const at = (axis: string): readonly number[] => [
      ...attentionReference(z, weights(), { axis, tokens: 2, channels: 2, heads: 1, kernels: [3], depthwise: false })
        .output.data,
    ];
    // Even attention: the mean of both rows. Joints: features 1, 3 give 310, 31; 2, 4 give 420, 42.
    assert.deepEqual(at('spatial'), [170.5, 231, 170.5, 231]);
    // Frames: features 1, 2 give 210, 21; 3, 4 give 430, 43.
    assert.deepEqual(at('temporal'), [320, 32, 320, 32]);
  });

  it('one fused kernel computes what the branches compute, and smaller kernels stand in the middle of it', () => {
    for (const axis of ['spatial', 'temporal']) {
      const of = { ...size, axis };
      const { inputs, weights } = drawCall(dmhcsa, { ...spatial, axis }, 4);
      const one = fused(weights, of);
      const single: Tensors = {
        eta: zeros([3, 1]),
        ...Object.fromEntries(Object.entries(one).map(([name, x]) => [name.replace(/^(.)\./, '$1.0.'), x] as const)),
      };
      const branches = attentionReference(inputs['z']!, weights, of).output;
      closeTo(attentionReference(inputs['z']!, single, { ...of, kernels: [7] }).output, branches, 1e-12);
      // By hand: the outermost taps of size 7 hold the third kernel alone.
      const eta = shares(weights).data[2]!;
      assert.ok(Math.abs(one['q.weight']!.data[0]! - eta * weights['q.2.weight']!.data[0]!) < 1e-15);
    }
  });

  it('shares of kernels add up to 1, whatever the logits; logits 0 give the average', () => {
    for (const logits of [
      [0, 0, 0],
      [700, -700, 3],
      [1e-9, 5, 5],
    ]) {
      const eta = shares({ eta: tensor([3, 3], Float64Array.of(...logits, ...logits, ...logits)) }).data;
      for (const row of [0, 3, 6]) assert.ok(Math.abs(eta[row]! + eta[row + 1]! + eta[row + 2]! - 1) < 1e-12);
      if (logits[0] === 0) assert.ok(eta.every((value) => Math.abs(value - 1 / 3) < 1e-15));
    }
  });

  // The paper gives 2.56, 2.65, 3.43, 5.24, 10.24, 2.44, 2.60, 0.65 and 9.97 million.
  const published = [
    [{ frames: 9 }, 2.557, 2.56],
    [{ frames: 27 }, 2.649, 2.65],
    [{ frames: 81 }, 3.414, 3.43],
    [{ frames: 143 }, 5.199, 5.24],
    [{ frames: 243 }, 10.119, 10.24],
    [{ frames: 9, kernels: '3' }, 2.437, 2.44],
    [{ frames: 9, kernels: '9,9,9' }, 2.597, 2.6],
    [{ frames: 9, channels: 16 }, 0.658, 0.65],
    [{ frames: 9, channels: 64 }, 10.113, 9.97],
  ] as const;
  for (const [change, computed, said] of published) {
    it(`parameters of ${JSON.stringify(change)}: ${computed} million, within 1.5 % of the paper`, () => {
      const millions = convformer.cost({ ...network, ...change }).parameters / 1e6;
      assert.ok(Math.abs(millions - computed) < 0.0006, `${millions}`);
      assert.ok(Math.abs(millions / said - 1) < 0.015);
    });
  }

  it('7.4 of 10.1 million at 243 frames are temporal kernels; what grows with frames tends to their square', () => {
    const kernels = convformer
      .weights({ ...network, frames: 243 })
      .filter(({ name }) => /^temporal_blocks.*attn\.[qkv]\.\d\.weight$/.test(name))
      .reduce((total, { shape }) => total + shape.reduce((a, b) => a * b), 0);
    assert.equal(kernels, 2 * 3 * 243 * 243 * 21);
    const at = (frames: number): number => convformer.cost({ ...network, frames }).parameters;
    const fixed = at(1) - 2 * 3 * 21;
    const exponent = (from: number, to: number): number =>
      Math.log((at(to) - fixed) / (at(from) - fixed)) / Math.log(to / from);
    assert.ok(exponent(81, 243) > 1.9 && exponent(81, 243) < 2, `${exponent(81, 243)}`);
    assert.ok(exponent(2430, 7290) > 1.99 && exponent(2430, 7290) > exponent(81, 243));
  });

  it('joints in another order: the output follows with kernels of size 1, and not with larger ones', () => {
    const order = [3, 0, 5, 1, 4, 2];
    const difference = (kernels: string): number => {
      const { inputs, weights } = drawCall(dmhcsa, { ...spatial, kernels }, 5);
      const of = (z: Tensor): Tensor =>
        dmhcsa.reference({ inputs: { z }, weights }, { ...spatial, kernels })['output']!;
      return measureError(of(ordered(inputs['z']!, order)), ordered(of(inputs['z']!), order)).maxAbsolute;
    };
    assert.ok(difference('1') < 1e-12);
    assert.ok(difference('3') > 0.01);
  });

  it('temporal kernels 0 and one offset for all rows: even attention 1 / T', () => {
    const { inputs, weights } = drawCall(dmhcsa, { ...spatial, axis: 'temporal' }, 6);
    const flat = Object.fromEntries(
      Object.entries(weights).map(([name, { shape, data }]) => [
        name,
        { shape, data: data.map(() => (name.endsWith('bias') ? 0.7 : 0)) },
      ]),
    );
    const { map } = attentionReference(inputs['z']!, flat, { ...size, axis: 'temporal' });
    assert.ok(map.data.every((value) => Math.abs(value - 1 / 6) < 1e-15));
  });

  it('rows of attention add up to 1', () => {
    const { inputs, weights } = drawCall(dmhcsa, spatial, 7);
    const { map } = attentionReference(inputs['z']!, weights, size);
    for (let row = 0; row < 2 * 6; row++) {
      const total = map.data.slice(row * 6, row * 6 + 6).reduce((sum, value) => sum + value, 0);
      assert.ok(Math.abs(total - 1) < 1e-12);
    }
  });

  it('a walker keeps the length of its bones, and a camera sees near joints larger', () => {
    const poses = walker(1, 9, 3);
    const length = (frame: number, joint: number): number =>
      Math.hypot(
        ...[0, 1, 2].map(
          (axis) =>
            poses.data[(frame * 17 + joint) * 3 + axis]! - poses.data[(frame * 17 + parents[joint]!) * 3 + axis]!,
        ),
      );
    for (let joint = 1; joint < joints.length; joint++) {
      assert.ok(Math.abs(length(0, joint) - length(8, joint)) < 1e-12, joints[joint]);
    }
    const seen = projectedTo2d(
      tensor(
        [1, 1, 17, 3],
        Float64Array.from({ length: 51 }, (_, at) => (at % 3 === 2 ? -2 : 1)),
      ),
    );
    assert.ok(seen.data.every((value) => value === 2));
  });

  it('settings are read from the shapes of a state dict', () => {
    const given = { ...network, frames: 9, channels: 16, kernels: '3,5,7', spatialBlocks: 1 };
    const shapes = new Map(convformer.weights(given).map(({ name, shape }) => [name, shape]));
    assert.deepEqual(shapes.get('temporal_blocks.1.attn.k.2.weight'), [9, 9, 7]);
    assert.deepEqual(shapes.get('spatial_blocks.0.attn.v.0.weight'), [16, 16, 3]);
    assert.deepEqual(
      convformer.parametersOf!((name) => shapes.get(name)),
      {
        frames: 9,
        channels: 16,
        kernels: '3,5,7',
        spatialBlocks: 1,
        temporalBlocks: 2,
      },
    );
  });
});
