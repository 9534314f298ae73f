/** RCMHA's attention as a module: names of its repository, and what its pictures show of planted weights. */
import assert from 'node:assert/strict';
import { drawCall } from '../../../../kernels/module-parts/draw';
import type { ModuleCall } from '../../../../kernels/module';
import { relativeAttention } from '../../../../kernels/modules/rcmha/relative-attention';
import { biasesOf, tapShares, tapsOf, weightsByDistance } from '../../../../kernels/modules/rcmha/pictures';
import type { RelativeParameters } from '../../../../kernels/modules/rcmha/definition';
import { mapped } from '../../../../kernels/module-parts/layers';

const parameters: RelativeParameters = {
  tokens: 6,
  memory: 0,
  width: 8,
  heads: 2,
  convolution: true,
  relative: true,
  kernel: 3,
  maxDistance: 16,
  batch: 1,
};

/** The weights with some replaced. */
const planted = (call: ModuleCall, by: Readonly<Record<string, (at: number) => number>>): ModuleCall => ({
  inputs: call.inputs,
  weights: {
    ...call.weights,
    ...Object.fromEntries(
      Object.entries(by).map(([name, value]) => [name, mapped(call.weights[name]!, (_, at) => value(at))]),
    ),
  },
});

describe('RCMHA as a module', () => {
  it('has the names and shapes of the class in the repository', () => {
    const of = (change: Partial<RelativeParameters>) =>
      Object.fromEntries(
        relativeAttention
          .weights({ ...parameters, ...change } as RelativeParameters)
          .map(({ name, shape }) => [name, shape]),
      );
    assert.deepEqual(of({}), {
      'query.0.linear.weight': [8, 8],
      'query.1.conv.weight': [4, 1, 3],
      'query.1.conv.bias': [4],
      'key.0.linear.weight': [8, 8],
      'key.1.conv.weight': [4, 1, 3],
      'key.1.conv.bias': [4],
      'value.0.linear.weight': [8, 8],
      'value.0.linear.bias': [8],
      'value.1.conv.weight': [4, 1, 3],
      'value.1.conv.bias': [4],
      'output.weight': [8, 8],
      'output.bias': [8],
      key_pos_embeddings: [32, 2, 4],
      key_pos_bias: [32, 2],
      query_pos_bias: [2, 4],
    });
    assert.deepEqual(Object.keys(of({ convolution: false, relative: false })), [
      'query.linear.weight',
      'key.linear.weight',
      'value.linear.weight',
      'value.linear.bias',
      'output.weight',
      'output.bias',
    ]);
    // 3 (K + 1) d + 2 P h (d + 1) + h d of the convolutions and the relative terms, at the published sizes.
    const at = { ...parameters, width: 128, heads: 8, maxDistance: 4096 };
    const more = relativeAttention.cost(at).parameters - (4 * 128 * 128 + 2 * 128);
    assert.equal(more, 3 * 4 * 16 + 8192 * 8 * 17 + 8 * 16);
  });

  it('reads sizes off a state dict', () => {
    const shapes = new Map(relativeAttention.weights(parameters).map(({ name, shape }) => [name, shape]));
    assert.deepEqual(
      relativeAttention.parametersOf?.((name) => shapes.get(name)),
      {
        width: 8,
        heads: 2,
        kernel: 3,
        maxDistance: 16,
        convolution: true,
        relative: true,
      },
    );
  });

  it('a large bias at one distance back is what its head reads, and what the picture says', () => {
    const call = planted(drawCall(relativeAttention, parameters, 3), {
      // Row P - r, head h: head 1 looks one back, head 0 nowhere in particular.
      key_pos_bias: (at) => (at === (16 - 1) * 2 + 1 ? 400 : 0),
      key_pos_embeddings: () => 0,
    });
    const biases = biasesOf(call.weights, parameters);
    assert.deepEqual(biases, [
      [0, 0, 0, 0, 0, 0],
      [0, 200, 0, 0, 0, 0],
    ]);
    const [plain, looking] = weightsByDistance(call, parameters);
    // The first token has none before it and reads itself: 1 of 6 queries at distance 0.
    assert.ok(Math.abs(looking![1]! - 1) < 1e-9 && Math.abs(looking![0]! - 1 / 6) < 1e-9);
    assert.ok(plain!.every((weight) => weight > 1e-3 && weight < 0.9));
  });

  it('taps are shared out by their size', () => {
    const call = planted(drawCall(relativeAttention, parameters, 3), {
      // Channels (0, 3, -1) and (1, 1, 2) twice.
      'query.1.conv.weight': (at) => [0, 3, -1, 1, 1, 2][at % 6]!,
    });
    const taps = tapsOf(call.weights)!;
    assert.deepEqual(taps.query[0], [0, 3, -1]);
    const [first, second, own] = tapShares(taps.query);
    assert.ok(Math.abs(first! - 0.125) < 1e-12);
    assert.ok(Math.abs(second! - 0.5) < 1e-12);
    assert.ok(Math.abs(own! - 0.375) < 1e-12);
  });

  it('memory is read as tokens before, but for the convolution of the queries', () => {
    const whole = { ...parameters, memory: 0, tokens: 6 };
    const cut = { ...parameters, memory: 2, tokens: 4 };
    const call = drawCall(relativeAttention, whole, 5);
    const x = call.inputs['x']!;
    const part = (from: number, to: number) => ({ shape: [1, to - from, 8], data: x.data.slice(from * 8, to * 8) });
    const behind: ModuleCall = { inputs: { memory: part(0, 2), x: part(2, 6) }, weights: call.weights };
    const all = relativeAttention.reference(call, whole)['output']!.data.slice(16);
    const found = relativeAttention.reference(behind, cut)['output']!.data;
    const differences = [0, 1, 2, 3].map((row) =>
      Math.max(...Array.from({ length: 8 }, (_, at) => Math.abs(all[row * 8 + at]! - found[row * 8 + at]!))),
    );
    assert.ok(differences[0]! > 1e-3 && differences[1]! > 1e-3);
    assert.ok(differences[2]! < 1e-12 && differences[3]! < 1e-12);
  });
});
