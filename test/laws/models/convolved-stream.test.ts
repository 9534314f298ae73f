/** The convolution of DeBERTa v2 against its equation in float64. Without it the stream of the first layer is compared with its class elsewhere. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layerWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { embedTokens } from '../../../compute-server/model/run/stream/embed';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { objectiveAt } from '../../../diagnostics/shared/gradients/objective';
import { layerAttributionGraph } from '../../../models/architectures/attribution-graphs';
import { gelu, layerNorm, someNumbers } from '../../support/reference/class-heads';
import { difference } from '../../support/reference/compare-model';
import { runnerOf } from '../../support/model-jobs';
import { firstOf, readExpected, referenceModels } from '../../support/reference/reference-models';
import { readTensors } from '../../support/reference/variants';
import { writeSafetensors } from '../../support/safetensors-file';

const name = 'deberta_v2--DebertaV2ForMaskedLM--hard';
const size = 3;

describe('a convolution of the stream', () => {
  const reference = referenceModels.find((one) => one.name === name);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-convolved-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  if (!reference) return;

  const ids = (): readonly number[] =>
    firstOf(readExpected(reference).get('input.input_ids') ?? assert.fail()).data.slice(0, 9);
  const open = (at: string) => openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });

  function written(activation: 'gelu' | 'tanh', more: object = {}) {
    const copy = mkdtempSync(join(folder, 'model-'));
    cpSync(reference?.folder ?? '', copy, { recursive: true, dereference: true, mode: 0 });
    const tensors = readTensors(join(copy, 'model.safetensors'));
    const width = Number(reference?.config['hidden_size']);
    const at = (tensor: string): string => `deberta.encoder.conv.${tensor}`;
    tensors.set(at('conv.weight'), someNumbers([width, width, size], 1));
    tensors.set(at('conv.bias'), someNumbers([width], 2));
    tensors.set(at('LayerNorm.weight'), someNumbers([width], 3));
    tensors.set(at('LayerNorm.bias'), someNumbers([width], 4));
    for (const file of ['model.safetensors', 'config.json']) rmSync(join(copy, file), { force: true });
    writeSafetensors(join(copy, 'model.safetensors'), tensors);
    const config = { ...reference?.config, conv_kernel_size: size, conv_act: activation, ...more };
    writeFileSync(join(copy, 'config.json'), JSON.stringify(config));
    return { copy, tensors, width, at };
  }

  for (const activation of ['gelu', 'tanh'] as const)
    it(`adds the activation of its products (${activation}) to the first layer, and norms the sum`, async () => {
      const { copy, tensors, width, at } = written(activation);
      const [plain, convolved] = [await open(reference.folder), await open(copy)];
      const request = { ids: ids(), chunk: 4, logits: 'none' } as const;
      const leaving = async ({ spec, sessions }: typeof plain) =>
        (await runPrompt(spec, sessions, { ...request, taps: [{ layer: 0, tap: 'residual' }] })).layers[0]?.taps
          .residual?.data as Float32Array;
      const entering = await embedTokens(plain.spec, plain.sessions, { ids: ids() }, 0, ids());
      const [without, found] = [await leaving(plain), await leaving(convolved)];
      const [kernel, bias] = ['conv.weight', 'conv.bias'].map((of) => tensors.get(at(of))?.data ?? assert.fail(of));
      const row = (position: number): readonly number[] => {
        const sum = Array.from({ length: width }, (_, o) => {
          let product = bias?.[o] ?? 0;
          for (let step = 0; step < size; step++) {
            const read = position + step - 1;
            if (read < 0 || read >= ids().length) continue;
            for (let i = 0; i < width; i++)
              product += (kernel?.[(o * width + i) * size + step] ?? 0) * (entering[read * width + i] ?? 0);
          }
          return activation === 'gelu' ? gelu(product) : Math.tanh(product);
        });
        const added = sum.map((value, i) => value + (without[position * width + i] ?? 0));
        return layerNorm(tensors, at('LayerNorm'), added, Number(reference.config['layer_norm_eps']));
      };
      const expected = ids().flatMap((_, position) => row(position));
      const error = difference(found, expected, true);
      assert.ok(error <= 1e-5, `differs by ${error}`);
      for (const model of [plain, convolved]) await model.sessions.release();
    });

  it('gradients of a label go through it', async () => {
    const { copy, tensors, width } = written('gelu', { architectures: ['DebertaV2ForSequenceClassification'] });
    for (const [map, outputs] of [
      ['pooler.dense', width],
      ['classifier', 2],
    ] as const) {
      tensors.set(`${map}.weight`, someNumbers([outputs, width], 5));
      tensors.set(`${map}.bias`, someNumbers([outputs], 6));
    }
    writeSafetensors(join(copy, 'model.safetensors'), tensors);
    const model = await open(copy);
    const runner = runnerOf(model);
    const asked = [{ row: 0, tokens: [1, 0] }];
    const sequence = { ids: ids() };
    const subject = { sequence, asked, right: 1 };
    const objective = await objectiveAt(runner, sequence, subject, { metric: 'logit', variant: [] });
    const { layers } = await runner.gradients({ ids: ids(), objective, headGains: true });
    const labelAt = async (layer: number, head: number, gain: number): Promise<number> => {
      const [[found] = []] = await runner.answers(sequence, asked, [[{ kind: 'gain', layer, head, gain }]]);
      return found?.logits[0] ?? Number.NaN;
    };
    const [found, expected]: [number[], number[]] = [[], []];
    for (const { layer, headGains } of layers)
      for (const [head, gradient] of (headGains ?? []).entries()) {
        found.push(gradient);
        expected.push(((await labelAt(layer, head, 1.02)) - (await labelAt(layer, head, 0.98))) / 0.04);
      }
    assert.equal(found.length, model.summary.layers * model.summary.heads);
    assert.ok(difference(found, expected, true) <= 5e-3, `${found.join()} and ${expected.join()}`);
    await model.sessions.release();
  });

  it('is not taken apart by the weights of its layer, and no more is the network of a language', async () => {
    const language = referenceModels.find((one) => one.name === 'xmod--XmodForCausalLM');
    for (const [from, sentence] of [
      [
        written('tanh', { relative_attention: false, position_biased_input: false }).copy,
        /a convolution of its stream/,
      ],
      ...(language ? [[language.folder, /a network for each language/] as const] : []),
    ] as const) {
      const { spec, weights, weightsFolder, sessions } = await open(from);
      const [block] = spec.blocks;
      await assert.rejects(layerWeights(block ?? assert.fail(), weights, weightsFolder), sentence);
      assert.throws(() => layerAttributionGraph(spec, block ?? assert.fail(), weights), sentence);
      await sessions.release();
    }
  });
});
