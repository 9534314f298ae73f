/** The gradients that the builder makes of the graphs of Lightning Attention, against its published backward recursion. */
import assert from 'node:assert/strict';
import { parametersOf } from '../../../../compute-server/harness/cell';
import { gradients } from '../../../../kernels/gradient/gradients';
import { lightningAttention, transnormerSlopes } from '../../../../kernels/mechanisms/lightning/attention';
import type { AttentionShape } from '../../../../kernels/shape';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor } from '../../../../kernels/tensors/random';
import { evaluate } from '../../../support/graph-arithmetic/evaluate';
import { reopen } from '../../../../kernels/graph/reopen';
import { backward } from './lightning-backward';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const shape: AttentionShape = {
  pattern: 'causal-self',
  batch: 1,
  heads: 1,
  kvHeads: 1,
  queries: 23,
  keys: 23,
  headDim: 8,
  valueDim: 6,
};

describe('Lightning Attention: gradients through its graphs', () => {
  for (const form of ['loop', 'parallel']) {
    for (const decay of ['none', 'paper'] as const) {
      it(`${form}, decay ${decay}: those of the backward recursion`, () => {
        const parameters = parametersOf(lightningAttention, { form, decay, block: 7, layer: 19, layers: 20 });
        const inputs: AttentionInputs = {
          query: normalTensor([1, 1, 23, 8], 1),
          key: normalTensor([1, 1, 23, 8], 2),
          value: normalTensor([1, 1, 23, 6], 3),
          weights: {},
        };
        const g = normalTensor([1, 1, 23, 6], 4);
        const { graph, outputs } = reopen(
          lightningAttention.build(shape, parameters as Parameters<typeof lightningAttention.build>[1], 'float32'),
        );
        const seed = graph.input('seed', 'float32', outputs[0]!.shape);
        const names = ['query', 'key', 'value'] as const;
        const wrt = names.map((name) => graph.inputs.find((input) => input.name === name)!);
        const found = gradients(graph, [[outputs[0]!, seed]], wrt);
        found.forEach((value, at) => graph.output(value, `gradient of ${names[at]}`));
        const values = evaluate(graph, { query: inputs.query, key: inputs.key, value: inputs.value, seed: g });
        const slope = transnormerSlopes(1, { decay, layer: 19, layers: 20 })[0]!;
        const expected = backward(inputs, g, shape, slope, 5);
        for (const name of names) {
          const { maxAbsolute } = measureError(values.get(`gradient of ${name}`)!, expected[name]);
          // The graph holds its decays in float32.
          assert.ok(maxAbsolute < (decay === 'none' ? 1e-10 : 1e-5), `${name}: ${maxAbsolute}`);
        }
      });
    }
  }
});
