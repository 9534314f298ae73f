/**
 * Head outputs mixed with those of another run, as DuoAttention trains its gates: the gradient of the distance of both runs with
 * respect to the shares, against central differences in float64.
 */
import { planChanges } from '../../../diagnostics/model-runner/plan-changes';
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import { random } from '../../../kernels/tensors/random';
import { openTiny, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { tinyTensors } from '../../support/checkpoints/tiny-models';
import { runnerOf } from '../../support/model-jobs';
import { Float64Model } from './float64-model';

const ids = [5, 17, 3, 42, 17, 8, 29, 3, 50, 11];
const rows = [2, 5, 8, 9];

describe('Law: shares of a mixture', function () {
  this.timeout(60_000);
  /** Grouped heads and RMSNorm; learned positions and LayerNorm. */
  for (const name of ['llama', 'gpt2']) {
    describe(name, () => {
      let opened: OpenTiny;
      let full: { readonly outputs: readonly Float32Array[]; readonly stream: Float32Array };
      before(async () => {
        opened = await openTiny(name);
        full = await teacher();
      });
      after(() => opened.close());

      const floats = (data: unknown): Float32Array => {
        assert.ok(data instanceof Float32Array);
        return data;
      };
      async function teacher() {
        const model = runnerOf(opened.model);
        const last = model.facts.blocks.length - 1;
        const { layers } = await model.run({
          ids,
          taps: [
            ...model.facts.blocks.map((_, layer) => ({ layer, tap: 'attention.head_output' as const })),
            { layer: last, tap: 'residual' },
          ],
          logits: 'none',
        });
        const stream = floats(layers[last]?.taps.residual?.data);
        const width = model.facts.hiddenSize;
        return {
          outputs: layers.map(({ taps }) => floats(taps['attention.head_output']?.data)),
          stream: Float32Array.from(rows.flatMap((row) => [...stream.subarray(row * width, (row + 1) * width)])),
        };
      }
      /** All heads read the first position, the one before and their own, and give their share of the full output. */
      function student(share: (layer: number, head: number) => number): Variant {
        const { blocks } = runnerOf(opened.model).facts;
        const held = { sinks: 1, recent: 1, mean: false, append: false };
        return [
          ...planChanges({
            prompt: ids.length,
            from: 0,
            heads: blocks.map(({ kvHeads }) => Array.from({ length: kvHeads }, () => held)),
          }),
          ...blocks.map(({ heads }, layer) => ({
            kind: 'mixture' as const,
            layer,
            shares: Array.from({ length: heads }, (_, head) => share(layer, head)),
            outputs: full.outputs[layer]!,
          })),
        ];
      }
      const request = (variant: Variant): GradientRequest => ({
        ids,
        variant,
        objective: { kind: 'distance', rows, other: full.stream },
        mixtureShares: true,
      });

      it('the gradient at random shares is that of central differences within 1e-4, in chunks too', async () => {
        const { model, tiny } = opened;
        const source = random(9);
        const asked = request(student(() => 0.1 + 0.8 * source.uniform()));
        const result = await runGradients(model, { ...asked, chunk: ids.length });
        assert.equal(result.layers.length, model.spec.blocks.length);
        assert.ok(result.objective > 1e-6);
        const reference = new Float64Model(model.spec, model.weights, tinyTensors(tiny), asked);
        const plain = reference.objective();
        assert.ok(Math.abs(result.objective - plain) < 1e-5 * plain, `${result.objective}, not ${plain}`);
        const largest = Math.max(...result.layers.flatMap(({ mixtureShares }) => [...mixtureShares!].map(Math.abs)));
        for (const { layer, mixtureShares } of result.layers) {
          mixtureShares!.forEach((found, head) => {
            const at = (step: number): number => {
              const by = new Float64Array(mixtureShares!.length);
              by[head] = step;
              return reference.objective({ shares: new Map([[layer, by]]) });
            };
            const expected = (at(1e-4) - at(-1e-4)) / 2e-4;
            assert.ok(Math.abs(found - expected) < 1e-4 * largest, `L${layer}H${head}: ${found}, not ${expected}`);
          });
        }
        const chunked = await runGradients(model, { ...asked, chunk: 4 });
        result.layers.forEach(({ mixtureShares }, at) =>
          mixtureShares!.forEach((expected, head) => {
            const found = chunked.layers[at]!.mixtureShares![head]!;
            assert.ok(Math.abs(found - expected) < 1e-4 * Math.max(...mixtureShares!.map(Math.abs)) + 1e-9);
          }),
        );
      });

      it('at shares of 1 the runs are the same: distance and gradient are 0', async () => {
        const result = await runGradients(opened.model, { ...request(student(() => 1)), chunk: ids.length });
        assert.ok(result.objective < 1e-12, `${result.objective}`);
        result.layers.forEach(({ mixtureShares }) =>
          mixtureShares!.forEach((each) => assert.ok(Math.abs(each) < 1e-6, `${each}`)),
        );
      });

      it('at shares of 0 nothing is mixed in, to the bit', async () => {
        const model = runnerOf(opened.model);
        const both = student(() => 0);
        const [mixed, plain] = await Promise.all(
          [both, changesOf(both, 'plan')].map(
            async (variant) => (await model.run({ ids, variants: [variant], logits: 'all' })).logits?.data,
          ),
        );
        assert.deepEqual(mixed, plain);
        assert.notDeepEqual(plain, (await model.run({ ids, logits: 'all' })).logits?.data);
      });
    });
  }
});
