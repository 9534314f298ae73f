import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import { workOf } from '../../../kernels/graph/work';
import type { AttentionShape } from '../../../kernels/shape';
import { sizeOf } from '../../../kernels/tensors/tensor';
import { settings } from './cases';

const pass: AttentionShape = {
  pattern: 'causal-self',
  batch: 1,
  heads: 8,
  kvHeads: 8,
  queries: 4097,
  keys: 4097,
  headDim: 64,
  valueDim: 64,
};
const step: AttentionShape = { ...pass, queries: 1 };

/**
 * Bounds of the predicted bytes, as a share of those that the graph passes over. Models of memories leave out vectors beside a state
 * of matrices, which are as much again.
 */
const bounds = (family: string): readonly [number, number] => (family === 'memory' ? [0.35, 1.3] : [0.7, 1.3]);

/** What a graph passes over beside the numbers that the model counts: shapes, single rows, one key. */
const rest = 20_000;

describe('Law: what a step of decoding costs by the model is what its graph does', () => {
  for (const mechanism of catalogue) {
    const { decode } = mechanism;
    if (!decode) continue;
    for (const parameters of settings(mechanism)) {
      if (!mechanism.supports(pass, parameters).ok) continue;
      it(`${mechanism.id} ${JSON.stringify(parameters)}`, () => {
        const graph = decode.build(step, parameters, 'float32');
        const modelled = decode.cost(step, parameters);
        let [products, numbers, bytes] = [0, 0, 0];
        for (const { flops, bytes: passed, kind, times } of workOf(graph.model)) {
          products += times * flops;
          bytes += times * passed;
          if (kind !== 'product') numbers += (times * passed) / 4;
        }
        // Beside products no operator does more than three operations for each number that it passes over (softmax 5 in 2 passes).
        assert.ok(
          modelled.flops >= 0.95 * products && modelled.flops <= products + 3 * numbers,
          `flops ${modelled.flops}: products ${products}, other numbers ${numbers}`,
        );
        const [least, most] = bounds(mechanism.family);
        assert.ok(
          modelled.bytes > least * bytes - rest && modelled.bytes < most * bytes + rest,
          `bytes ${modelled.bytes} of the graph's ${bytes}: ${modelled.bytes / bytes}`,
        );
      });

      it(`${mechanism.id} ${JSON.stringify(parameters)}: the peak holds the states and the new position`, () => {
        const states = decode.states(step, parameters).reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
        const { peakBytes } = decode.cost(step, parameters);
        assert.ok(peakBytes >= states, `${peakBytes} for states of ${states}`);
      });
    }
  }
});
