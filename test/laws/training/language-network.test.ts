/** A model as a network that can be trained is the model that is run: the loss of each token agrees on every family. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { ServerTrainer } from '../../../compute-server/runner/server-trainer';
import { languageBatch } from '../../../diagnostics/shared/training/language-batch';
import { startingState } from '../../../diagnostics/shared/training/parameters';
import { parameterPlaces } from '../../../kernels/training/network';
import { usualAdam } from '../../../kernels/training/training-step';
import { languageNetwork } from '../../../models/architectures/training-network';
import { tinyModels, tinyTensors } from '../../support/checkpoints/tiny-models';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { runnerOf } from '../../support/model-jobs';
import { referenceModels } from '../../support/reference/reference-models';
import { readTensors } from '../../support/reference/variants';
import type { CheckpointTensor } from '../../support/safetensors-file';

const sequences = [
  [3, 17, 5, 5, 40, 2, 9, 31],
  [60, 1, 17, 3],
];

describe('Law: a language model as a network is the model that is run', function () {
  this.timeout(60_000);
  const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
  after(() => trainer.close());

  async function assertSameLosses(name: string, model: LoadedModel, stored: ReadonlyMap<string, CheckpointTensor>) {
    const tensors = [...stored];
    const shapes = Object.fromEntries(tensors.map(([tensor, { shape }]) => [tensor, shape]));
    const network = languageNetwork(name, model.spec, shapes);
    const parameters = Object.fromEntries(tensors.map(([tensor, { data }]) => [tensor, data]));
    // Weights 1 and 2, and none for tokens after the end of the shorter one.
    const weighted = sequences.map((ids, row) => ({ ids, weights: ids.map(() => row + 1) }));
    const { loss, outputs } = await trainer.forward(network, parameters, languageBatch(model.spec, weighted));
    const expected = await runnerOf(model).nextTokens(sequences, [[]]);
    const width = outputs['surprisal']!.shape[1]!;
    let [sum, count] = [0, 0];
    for (const [row, [answer]] of expected.entries()) {
      for (const [place, surprisal] of answer!.loss.entries()) {
        const at = row * width + place;
        assert.ok(
          Math.abs((outputs['surprisal']!.data[at] as number) - surprisal) < 1e-4,
          `row ${row}, token ${place}`,
        );
        assert.equal(Number(outputs['best']!.data[at]), answer!.best[place]);
        sum += (row + 1) * surprisal;
        count += row + 1;
      }
    }
    assert.ok(Math.abs(loss - sum / count) < 1e-4, `${loss}, not ${sum / count}`);
    return { network, parameters, weighted, loss };
  }

  // Heads of experts, and a shortcut from block to block, which no tiny checkpoint has.
  for (const { name, folder } of referenceModels.filter(({ name }) => /^(jetmoe|longcat_flash)--/.test(name)))
    it(name, async () => {
      const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      try {
        const { network, parameters, weighted, loss } = await assertSameLosses(
          name,
          model,
          readTensors(join(folder, 'model.safetensors')),
        );
        const task = {
          ...{ network, seed: 1, adam: { ...usualAdam }, rate: () => 1e-3 },
          batch: () => languageBatch(model.spec, weighted),
        };
        const { points } = await trainer.advance(task, startingState(network, parameters), 8);
        assert.ok(points.at(-1)!.loss < loss, 'a step against its gradient lowers the loss');
      } finally {
        await model.sessions.release();
      }
    });

  for (const [beginning, reason] of [
    ['zamba--', /^Rows of the model carry more than its stream from layer to layer\. Headscope trains only/],
    ['falcon_h1--', /^Layer 0 has a recurrence beside its attention\. Headscope trains only/],
    ['mamba--', /^Layer 0 has a Mamba recurrence and no attention\. Headscope trains only/],
  ] as const)
    for (const { name, folder } of referenceModels.filter((one) => one.name.startsWith(beginning)).slice(0, 1))
      it(`${name} is refused`, async () => {
        const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
        try {
          assert.throws(() => languageNetwork(name, model.spec, {}), { name: 'ModelError', message: reason });
        } finally {
          await model.sessions.release();
        }
      });

  for (const tiny of tinyModels) {
    it(tiny.name, async function () {
      const opened = await openTiny(tiny);
      const { model } = opened;
      try {
        if (!runnerOf(model).facts.predicts) return;
        const tensors = tinyTensors(tiny);
        const { network, parameters, weighted, loss } = await assertSameLosses(tiny.name, model, tensors);
        const from = startingState(network, parameters);
        const task = {
          network,
          seed: 1,
          adam: { ...usualAdam },
          rate: () => 1e-3,
          batch: () => languageBatch(model.spec, weighted),
        };
        const { state, points } = await trainer.advance(task, from, 20);
        assert.ok(points.at(-1)!.loss < loss, 'a step against its gradient lowers the loss');
        const still = parameterPlaces(network).filter(({ offset, size }) =>
          state.parameters.subarray(offset, offset + size).every((value, i) => value === from.parameters[offset + i]),
        );
        assert.deepEqual(
          still.map(({ name }) => name),
          [],
          'parameters without a gradient',
        );
      } finally {
        await opened.close();
      }
    });
  }
});
