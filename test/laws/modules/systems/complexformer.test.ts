/** ComplexFormer's attention as a module: names of its repository, and what its pictures show of planted weights. */
import assert from 'node:assert/strict';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { mapped } from '../../../../kernels/module-parts/layers';
import { complexAttention } from '../../../../kernels/modules/complexformer/complex-attention';
import type { ComplexParameters } from '../../../../kernels/modules/complexformer/definition';
import { anglePreference, histogramOf, summaryOf } from '../../../../kernels/modules/complexformer/pictures';

const parameters: ComplexParameters = {
  tokens: 60,
  width: 2,
  heads: 1,
  form: 'complex',
  scale: 'none',
  base: 0,
  causal: false,
  batch: 1,
};

/** One plane, no positions, query and key the input itself, which is 4 long and turns by 6 degrees from token to token. */
function turning(delta: number, b: number) {
  const call = drawCall(complexAttention, parameters, 1);
  const unit = [1, 0, 0, 1];
  const x = mapped(call.inputs['x']!, (_, at) => {
    const angle = (2 * Math.PI * Math.floor(at / 2)) / 60;
    return 4 * (at % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
  const planted: Readonly<Record<string, number>> = { delta_params: delta, bias_params: b };
  const weights = Object.fromEntries(
    Object.entries(call.weights).map(([name, weight]) => [
      name,
      mapped(weight, (_, at) => planted[name] ?? unit[at] ?? 0),
    ]),
  );
  return anglePreference({ inputs: { x }, weights }, parameters)[0]!;
}

describe('ComplexFormer as a module', () => {
  it('has the names and shapes of the class in the repository, and as many numbers more than RoPE as a token has', () => {
    const at = { ...parameters, width: 16, heads: 2 };
    assert.deepEqual(
      complexAttention.weights(at).map(({ name, shape }) => [name, shape]),
      [
        ['W_q.weight', [16, 16]],
        ['W_k.weight', [16, 16]],
        ['W_v.weight', [16, 16]],
        ['W_o.weight', [16, 16]],
        ['delta_params', [2, 4]],
        ['bias_params', [2, 4]],
      ],
    );
    const more = complexAttention.cost(at).parameters - complexAttention.cost({ ...at, form: 'rotary' }).parameters;
    assert.equal(more, 16);
  });

  it('a plane without a weight for its angle reads all angles alike', () => {
    for (const value of turning(0, 0)) assert.ok(Math.abs(value - 1) < 1e-9);
  });

  it('a plane of RoPE reads what points its own way, a phase of half a turn the other way', () => {
    // Bins of 30 degrees from -180: 5 and 6 lie on both sides of 0.
    const plain = turning(1, 0);
    assert.ok([5, 6].every((bin) => plain[bin]! > 3));
    assert.ok([0, 11].every((bin) => plain[bin]! < 1e-6));
    const turned = turning(1, Math.PI);
    assert.ok([5, 6].every((bin) => turned[bin]! < 1e-6));
    assert.ok([0, 11].every((bin) => turned[bin]! > 3));
  });

  it('planes are counted by their delta', () => {
    assert.deepEqual(histogramOf([-7, -2, -0.01, 0, 0.49, 0.5, 1.99, 2, 9]), [2, 0, 0, 0, 2, 2, 0, 0, 3]);
    const { meanDelta, positional, rotary, meanPhase } = summaryOf([0.05, -0.09, 0.1, 0.8, 1.3], [2 * Math.PI, 1, -1]);
    assert.ok(Math.abs(meanDelta - 2.34 / 5) < 1e-12);
    assert.deepEqual([positional, rotary], [2, 1]);
    assert.ok(Math.abs(meanPhase - 2 / 3) < 1e-12);
  });
});
