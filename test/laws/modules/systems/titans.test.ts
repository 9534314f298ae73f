/** The Titans block: the checks of the card that need the block's input, with values of their own. */
import assert from 'node:assert/strict';
import type { ModuleCall } from '../../../../kernels/module';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { linear, mapped, product, sigmoid, sum } from '../../../../kernels/module-parts/layers';
import {
  causalConvolution,
  memoryReads,
  rootMeanSquareNorm,
  titansBlock,
} from '../../../../kernels/modules/titans/definition';
import { neuralMemoryBlock } from '../../../../kernels/modules/titans/neural-memory-block';
import type { TitansParameters } from '../../../../kernels/modules/titans/parameters';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { resolved } from '../cases';

const parametersOf = (given: Partial<TitansParameters>): TitansParameters =>
  resolved(neuralMemoryBlock, { tokens: 12, width: 6, heads: 2, window: 4, chunk: 4, ...given });

const mostBetween = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, value, at) => Math.max(most, Math.abs(value - b[at]!)), 0);

/** Biases that decide a gate, whatever the token. */
const fixed = (call: ModuleCall, gates: Readonly<Record<string, number>>): ModuleCall => ({
  inputs: call.inputs,
  weights: {
    ...call.weights,
    ...Object.fromEntries(
      Object.entries(gates).flatMap(([name, bias]) => [
        [`${name}.weight`, zeros(call.weights[`${name}.weight`]!.shape)],
        [`${name}.bias`, mapped(call.weights[`${name}.bias`]!, () => bias)],
      ]),
    ),
  },
});

const rowsEqual = (tokens: number, width: number, same: (i: number) => number, seed: Tensor): Tensor =>
  tensor(
    [1, tokens, width],
    Float64Array.from(
      { length: tokens * width },
      (_, at) => seed.data[same(Math.floor(at / width)) * width + (at % width)]!,
    ),
  );

describe('Titans block', () => {
  for (const form of ['memory', 'context', 'gate', 'layer'] as const) {
    it(`${form}: no output depends on later tokens, and every token reaches the last output`, () => {
      const parameters = parametersOf({ form, persistent: 2, rate: 1 });
      const call = drawCall(neuralMemoryBlock, parameters, 1);
      const { output } = titansBlock(call, parameters);
      for (const changed of [0, 5, 9]) {
        const x = mapped(call.inputs['x']!, (value, at) => (Math.floor(at / 6) === changed ? -value : value));
        const other = titansBlock({ ...call, inputs: { x } }, parameters).output;
        const differs = (from: number, to: number): number =>
          mostBetween(output.data.subarray(from * 6, to * 6), other.data.subarray(from * 6, to * 6));
        assert.equal(differs(0, changed), 0);
        assert.ok(differs(11, 12) > 1e-9, `token ${changed} is read by the last one`);
      }
    });
  }

  it('the whole step online: a token that repeats is known at once, and one that is new is not', () => {
    const parameters = parametersOf({ chunk: 1, rate: 1, kernel: 1, heads: 1, tokens: 4 });
    const call = fixed(drawCall(neuralMemoryBlock, parameters, 2), {
      to_decay_factor: -800,
      to_adaptive_step: 800,
      to_momentum: -800,
    });
    const x = rowsEqual(4, 6, (i) => [0, 0, 1, 1][i]!, call.inputs['x']!);
    const { loss } = titansBlock({ ...call, inputs: { x } }, parameters).trace;
    assert.ok(loss.data[0]! > 1e-3 && loss.data[2]! > 1e-4);
    assert.ok(loss.data[1]! < 1e-9 && loss.data[3]! < 1e-9, `${loss.data.join(' ')}`);
  });

  it('weights by their recurrence: one chunk on an empty memory reads the values by them, with any gates', () => {
    const parameters = parametersOf({ chunk: 16, heads: 1, rate: 0.7, kernel: 3 });
    const drawn = drawCall(neuralMemoryBlock, parameters, 3);
    const empty = { 'memory_model.weights.0': zeros([1, 6, 6]) };
    const call: ModuleCall = { inputs: drawn.inputs, weights: { ...drawn.weights, ...empty } };
    const w = (name: string): Tensor => call.weights[`${name}.weight`]!;
    const u = rootMeanSquareNorm(call.inputs['x']!, w('norm'));
    const values = mapped(
      causalConvolution(linear(u, w('to_values')), w('conv_values')),
      (z) => z / (1 + Math.exp(-z)),
    );
    const y = zeros([1, 12, 6]);
    memoryReads(call, parameters, 0).forEach((row, t) =>
      row.forEach((share, i) => {
        for (let at = 0; at < 6; at++) y.data[t * 6 + at]! += share * values.data[i * 6 + at]!;
      }),
    );
    const mixed = product(rootMeanSquareNorm(y, w('memory_norm')), sigmoid(linear(u, w('to_gate'))));
    const expected = sum(call.inputs['x']!, linear(mixed, w('combine_heads')));
    assert.ok(mostBetween(titansBlock(call, parameters).output.data, expected.data) < 1e-12);
  });

  it('a convolution by hand: two taps, the later one for the own token', () => {
    const y = causalConvolution(tensor([1, 3, 1], Float64Array.of(1, 2, 4)), tensor([1, 1, 2], Float64Array.of(10, 1)));
    assert.deepEqual([...y.data], [1, 12, 24]);
  });

  it('frozen, the memory knows what it learned before and no more; reset, it knows nothing', () => {
    const quiet = { kernel: 1, heads: 1, tokens: 12, chunk: 1, rate: 1, forgetting: true };
    const gates = { to_decay_factor: -800, to_adaptive_step: 800, to_momentum: -800 };
    const lossOf = (given: Partial<TitansParameters>): Float64Array => {
      const parameters = parametersOf({ ...quiet, ...given });
      const call = fixed(drawCall(neuralMemoryBlock, parameters, 4), gates);
      const x = rowsEqual(12, 6, (i) => (i < 5 ? 0 : i < 8 ? 1 : i === 8 ? 2 : 0), call.inputs['x']!);
      return titansBlock({ ...call, inputs: { x } }, parameters).trace.loss.data;
    };
    const frozen = lossOf({ freeze: 5 });
    assert.ok(frozen[4]! < 1e-9 && frozen[10]! < 1e-9, 'what came before the freeze');
    assert.ok(frozen[5]! > 1e-4 && frozen[7] === frozen[5], 'what came after it');
    // Token 9 is the first after the reset; with chunks of 1 its memory is the step of token 8 alone.
    const [kept, reset] = [lossOf({}), lossOf({ reset: 8 })];
    assert.ok(reset[9]! > 2 * kept[9]!, `${reset[9]} after the reset, ${kept[9]} without`);
  });

  it('a passage that repeats surprises less each time', () => {
    const parameters = parametersOf({ tokens: 96, width: 32, heads: 2, chunk: 8 });
    const { loss } = titansBlock(drawCall(neuralMemoryBlock, parameters, 5, 'repeated'), parameters).trace;
    const mean = (from: number, to: number): number =>
      loss.data.subarray(from, to).reduce((total, each) => total + each, 0) / (to - from);
    assert.ok(mean(90, 96) < 0.6 * mean(0, 6), `${mean(0, 6)} the first, ${mean(90, 96)} the last time`);
  });

  it('operations grow with the tokens in every form', () => {
    for (const form of ['memory', 'context', 'gate', 'layer'] as const) {
      const at = (tokens: number): number => neuralMemoryBlock.cost(parametersOf({ form, tokens, window: 64 })).flops;
      const slope = Math.log2(at(4096) / at(2048));
      assert.ok(Math.abs(slope - 1) < 0.05, `${form}: ${slope}`);
    }
  });
});
