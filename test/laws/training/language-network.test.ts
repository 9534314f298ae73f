/** A model as a network that can be trained is the model that is run: the loss of each token agrees on every family. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../compute-server/runner/server-trainer';
import { languageBatch } from '../../../diagnostics/shared/training/language-batch';
import { startingState } from '../../../diagnostics/shared/training/parameters';
import { parameterPlaces } from '../../../kernels/training/network';
import { usualAdam } from '../../../kernels/training/training-step';
import { languageNetwork } from '../../../models/architectures/training-network';
import { tinyModels, tinyTensors } from '../../support/checkpoints/tiny-models';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { runnerOf } from '../../support/model-jobs';

const sequences = [
  [3, 17, 5, 5, 40, 2, 9, 31],
  [60, 1, 17, 3],
];

describe('Law: a language model as a network is the model that is run', function () {
  this.timeout(60_000);
  const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
  after(() => trainer.close());

  for (const tiny of tinyModels) {
    it(tiny.name, async function () {
      const opened = await openTiny(tiny);
      const { model } = opened;
      try {
        const runner = runnerOf(model);
        if (!runner.facts.predicts) return;
        const tensors = Object.entries(Object.fromEntries(tinyTensors(tiny)));
        const shapes = Object.fromEntries(tensors.map(([name, { shape }]) => [name, shape]));
        const network = languageNetwork(tiny.name, model.spec, shapes);
        const parameters = Object.fromEntries(tensors.map(([name, { data }]) => [name, data]));
        // Weights 1 and 2, and none for the tokens behind the end of the shorter one.
        const weighted = sequences.map((ids, row) => ({ ids, weights: ids.map(() => row + 1) }));
        const { loss, outputs } = await trainer.forward(network, parameters, languageBatch(model.spec, weighted));
        const expected = await runner.nextTokens(sequences, [[]]);
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
