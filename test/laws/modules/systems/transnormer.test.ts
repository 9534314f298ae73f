/** The TransNormerLLM layer: the checks of the card that need the whole layer, with values of their own. */
import assert from 'node:assert/strict';
import type { ModuleCall } from '../../../../kernels/module';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { projections, simpleNorm } from '../../../../kernels/modules/transnormer/definition';
import type { TnlParameters } from '../../../../kernels/modules/transnormer/parameters';
import { tnlBlock } from '../../../../kernels/modules/transnormer/tnl-block';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { resolved } from '../cases';

const parametersOf = (given: Partial<TnlParameters>): TnlParameters =>
  resolved(tnlBlock, { tokens: 10, width: 6, heads: 2, hidden: 6, glu: 4, layers: 6, ...given });

const mostBetween = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at]!)), 0);

const withWeight = (call: ModuleCall, name: string, by: (value: number, at: number) => number): ModuleCall => {
  const { shape, data } = call.weights[name]!;
  return { inputs: call.inputs, weights: { ...call.weights, [name]: tensor(shape, data.map(by)) } };
};

const outputOf = (call: ModuleCall, parameters: TnlParameters): Tensor =>
  tnlBlock.reference(call, parameters)['output']!;

describe('TransNormerLLM layer', () => {
  it('one token by hand', () => {
    // D = H = 1 with one head: N(x) = 1 but for the epsilon, q = k = v = u = 1: o = 1, N(o) = 1, x + 1; then x + 1 + 1 * 1 * 0.5.
    const parameters = parametersOf({
      tokens: 1,
      width: 1,
      heads: 1,
      hidden: 1,
      glu: 1,
      rotation: false,
      features: 'none',
    });
    const ones = (shape: readonly number[]): Tensor => ({
      shape,
      data: new Float64Array(shape[0]! * shape[1]!).fill(1),
    });
    const weights = {
      'token_mixer.qkvu_proj.weight': ones([4, 1]),
      'token_mixer.out_proj.weight': ones([1, 1]),
      'channel_mixer.l1.weight': ones([1, 1]),
      'channel_mixer.l2.weight': ones([1, 1]),
      'channel_mixer.l3.weight': tensor([1, 1], Float64Array.of(0.5)),
    };
    const inputs = { x: tensor([1, 1, 1], Float64Array.of(3)), mask: tensor([1, 1], Float64Array.of(1)) };
    assert.ok(Math.abs(outputOf({ inputs, weights }, parameters).data[0]! - 4.5) < 1e-5);
  });

  it('the norm gives mean squares of 1 and does not see a positive scale', () => {
    const x = normalTensor([3, 8], 1, 50);
    const y = simpleNorm(x);
    for (let row = 0; row < 3; row++) {
      const squares = y.data.subarray(row * 8, row * 8 + 8).reduce((total, each) => total + each * each, 0);
      assert.ok(Math.abs(squares / 8 - 1) < 1e-6);
    }
    const scaled = simpleNorm(
      tensor(
        x.shape,
        x.data.map((each) => 1000 * each),
      ),
    );
    assert.ok(mostBetween(y.data, scaled.data) < 1e-6);
  });

  it('keys of any scale give the same layer without an activation, since the norm takes the scale out', () => {
    const parameters = parametersOf({ features: 'none' });
    const call = drawCall(tnlBlock, parameters, 2);
    const keys = (value: number, at: number): number => (Math.floor(at / 36) === 1 ? 1e3 * value : value);
    const other = withWeight(call, 'token_mixer.qkvu_proj.weight', keys);
    const [output, scaled] = [outputOf(call, parameters), outputOf(other, parameters)];
    assert.ok(mostBetween(output.data, scaled.data) < 1e-3);
  });

  it('all positions moved by some: the same scores', () => {
    const parameters = parametersOf({});
    const call = drawCall(tnlBlock, parameters, 3);
    // The same token everywhere: the score of t and s is one of t - s alone.
    const x = tensor(
      [1, 10, 6],
      Float64Array.from({ length: 60 }, (_, at) => call.inputs['x']!.data[at % 6]!),
    );
    const { query, key } = projections({ ...call, inputs: { ...call.inputs, x } }, simpleNorm(x), parameters);
    const score = (t: number, s: number): number =>
      query.data.subarray(t * 6, t * 6 + 6).reduce((total, q, at) => total + q * key.data[s * 6 + at]!, 0);
    for (const distance of [0, 1, 4]) {
      assert.ok(Math.abs(score(distance, 0) - score(distance + 5, 5)) < 1e-12);
    }
    assert.ok(Math.abs(score(4, 0) - score(0, 0)) > 1e-3);
  });

  it('padding is not read: numbers there change no other token', () => {
    const parameters = parametersOf({});
    const call = drawCall(tnlBlock, parameters, 4);
    const mask = tensor(
      [1, 10],
      Float64Array.from({ length: 10 }, (_, t) => (t === 3 ? 0 : 1)),
    );
    const x = tensor(
      [1, 10, 6],
      call.inputs['x']!.data.map((value, at) => (Math.floor(at / 6) === 3 ? 9 - value : value)),
    );
    const [one, other] = [call.inputs['x']!, x].map((tokens) =>
      outputOf({ ...call, inputs: { x: tokens, mask } }, parameters),
    );
    const without = (y: Tensor): Float64Array => y.data.filter((_, at) => Math.floor(at / 6) !== 3);
    assert.equal(mostBetween(without(one!), without(other!)), 0);
    assert.ok(mostBetween(one!.data, other!.data) > 0.1);
  });

  it('without its gate the layer is that of a U of ones', () => {
    const parameters = parametersOf({ gate: false, tokens: 1 });
    const call = drawCall(tnlBlock, parameters, 5);
    // One token: N(x) as U, projected so that it is 1 everywhere.
    const u = simpleNorm(call.inputs['x']!).data;
    const squares = u.reduce((total, each) => total + each * each, 0);
    const open = withWeight(call, 'token_mixer.qkvu_proj.weight', (value, at) =>
      at < 3 * 36 ? value : u[at % 6]! / squares,
    );
    const [gated, plain] = [outputOf(open, { ...parameters, gate: true }), outputOf(call, parameters)];
    assert.ok(mostBetween(gated.data, plain.data) < 1e-12);
  });

  it('names and shapes of the released layer decide the sizes', () => {
    // TransNormerLLM-385M: width 1024, 8 heads, hidden 1024, glu 2560.
    const published = new Map<string, readonly number[]>([
      ['token_mixer.qkvu_proj.weight', [4096, 1024]],
      ['token_mixer.out_proj.weight', [1024, 1024]],
      ['token_mixer.lrpe.theta', [8, 1, 128]],
      ['channel_mixer.l1.weight', [2560, 1024]],
      ['channel_mixer.l2.weight', [2560, 1024]],
      ['channel_mixer.l3.weight', [1024, 2560]],
    ]);
    const sizes = tnlBlock.parametersOf!((name) => published.get(name));
    assert.deepEqual(sizes, { width: 1024, hidden: 1024, glu: 2560, rotation: true, heads: 8 });
    const parameters = parametersOf(sizes);
    assert.deepEqual(new Map(tnlBlock.weights(parameters).map(({ name, shape }) => [name, shape])), published);
    assert.equal(tnlBlock.cost(parameters).parameters, 5 * 1024 * 1024 + 1024 + 3 * 1024 * 2560);
    const theta = drawCall(tnlBlock, parametersOf({}), 1).weights['token_mixer.lrpe.theta']!.data;
    assert.ok(theta[0] === 1 && Math.abs(theta[4]! - 10000 ** ((-2 * 4) / 6)) < 1e-9);
  });

  it('blocks cost as much as n, one block of everything as much as n squared', () => {
    const at = (given: Partial<TnlParameters>): number => {
      const around = tnlBlock.cost(parametersOf({ ...given, block: 1 })).multiplyAdds;
      return tnlBlock.cost(parametersOf(given)).multiplyAdds - around;
    };
    const slope = (block: (n: number) => number): number =>
      Math.log2(at({ tokens: 4096, block: block(4096) }) / at({ tokens: 2048, block: block(2048) }));
    assert.ok(Math.abs(slope(() => 64) - 1) < 0.01 && Math.abs(slope((n) => n) - 2) < 0.01);
  });

  it('a later token changes no earlier output', () => {
    const parameters = parametersOf({ batch: 1 });
    const call = drawCall(tnlBlock, parameters, 6);
    const x = tensor(
      [1, 10, 6],
      call.inputs['x']!.data.map((value, at) => (at >= 42 ? -value : value)),
    );
    const [one, other] = [outputOf(call, parameters), outputOf({ ...call, inputs: { ...call.inputs, x } }, parameters)];
    assert.equal(mostBetween(one.data.subarray(0, 42), other.data.subarray(0, 42)), 0);
  });
});
