/** MobileBERT's narrow stream: rows of its networks are as wide as it, and a layer is not taken apart. Its outputs are compared with its class elsewhere. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layerWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { sizesOf } from '../../../diagnostics/shared/effects/outputs';
import { widthOf } from '../../../diagnostics/shared/effects/parts';
import { layerAttributionGraph, writtenGraph } from '../../../models/architectures/attribution-graphs';
import { difference } from '../../support/reference/compare-model';
import { runnerOf } from '../../support/model-jobs';
import { firstOf, readExpected, referenceModels } from '../../support/reference/reference-models';
import { readTensors } from '../../support/reference/variants';
import { writeSafetensors } from '../../support/safetensors-file';

describe('a stream that layers narrow', () => {
  const reference = referenceModels.find(({ name }) => name === 'mobilebert--MobileBertForMaskedLM');
  if (!reference) return;
  const open = (at: string) => openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });

  it('takes rows of its width instead of what its network adds', async () => {
    const ids = firstOf(readExpected(reference).get('input.input_ids') ?? assert.fail()).data;
    const folder = mkdtempSync(join(tmpdir(), 'headscope-narrow-'));
    cpSync(reference.folder, folder, { recursive: true, dereference: true, mode: 0 });
    const tensors = readTensors(join(folder, 'model.safetensors'));
    for (const of of ['weight', 'bias'])
      tensors.get(`mobilebert.encoder.layer.1.output.dense.${of}`)?.data.fill(0) ?? assert.fail();
    rmSync(join(folder, 'model.safetensors'), { force: true });
    writeSafetensors(join(folder, 'model.safetensors'), tensors);
    const [model, without] = [await open(reference.folder), await open(folder)];
    const { facts } = runnerOf(model);
    const width = widthOf(facts, { layer: 1 });
    assert.deepEqual([facts.hiddenSize, width, sizesOf(facts, 'mlp', 1).width], [64, 128, 128]);
    const request = { ids, chunk: ids.length, logits: 'all' } as const;
    const logits = async (
      { spec, sessions }: typeof model,
      variant: NonNullable<Parameters<typeof runPrompt>[2]['variants']>[number] = [],
    ): Promise<number[]> =>
      [...((await runPrompt(spec, sessions, { ...request, variants: [variant] })).logits?.data ?? [])].map(Number);
    const nothing = { target: 'mlp', everywhere: true, data: new Float32Array(width) } as const;
    const replaced = await logits(model, [{ kind: 'replacement', layer: 1, ...nothing }]);
    assert.ok(difference(replaced, await logits(without), true) <= 1e-5);
    assert.ok(difference(replaced, await logits(model), true) > 1e-3);
    for (const one of [model, without]) await one.sessions.release();
    rmSync(folder, { recursive: true });
  });

  it('is not taken apart by the weights of a layer, nor by what its parts add', async () => {
    const { spec, weights, weightsFolder, sessions } = await open(reference.folder);
    const block = spec.blocks[0] ?? assert.fail();
    await assert.rejects(layerWeights(block, weights, weightsFolder), /narrows its stream/);
    for (const graph of [layerAttributionGraph, writtenGraph])
      assert.throws(() => graph(spec, block, weights), /narrows its stream/);
    await sessions.release();
  });
});
