/** The experiment `state-size`: its mixers against float64, and what little training tells apart. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../compute-server/runner/server-trainer';
import { stateSizeExperiment } from '../../../diagnostics/experiments/state-size/experiment';
import {
  mixerGraph,
  mixerKinds,
  mixerWeights,
  stateOf,
  type MixerKind,
} from '../../../diagnostics/experiments/state-size/mixers';
import { recallBatch, recalled, recallNetwork } from '../../../diagnostics/experiments/state-size/network';
import { drawnWeights, trainedShapes } from '../../../diagnostics/shared/training/module-weights';
import { train } from '../../../diagnostics/shared/training/train';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import { linear } from '../../../kernels/mechanisms/linear';
import { linear as layer } from '../../../kernels/module-parts/layers';
import { normalTensor, random } from '../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import { surroundingsOf } from '../../support/model-jobs';

const trainerOf = () => new ServerTrainer({ ...surroundingsOf(), defaultThreads: 1 }, new AbortController().signal);

describe('the experiment state-size', function () {
  this.timeout(60_000);
  const [batch, n, size] = [2, 7, { width: 5, keyWidth: 3, degree: 2 }];
  const x = normalTensor([batch, n, size.width], 1);

  /** Straight from the definition, head by head of one. */
  function expected(kind: MixerKind, weights: Readonly<Record<string, Tensor>>): Float64Array {
    const of = (name: string, from: Tensor): Tensor => layer(from, weights[`${name}.weight`]!, weights[`${name}.bias`]);
    const [qk, value] = [of('Wqk', x), of('Wv', x)];
    const [d, m] = [size.width, size.keyWidth];
    if (kind === 'linear') {
      // The catalogue's own, which adds 1e-6 to each denominator.
      const part = (at: number): Tensor =>
        tensor(
          [batch, 1, n, m],
          Float64Array.from(
            { length: batch * n * m },
            (_, i) => qk.data[Math.floor(i / m) * 2 * m + at * m + (i % m)]!,
          ),
        );
      const shape = {
        pattern: 'causal-self' as const,
        batch,
        heads: 1,
        kvHeads: 1,
        queries: n,
        keys: n,
        headDim: m,
        valueDim: d,
      };
      const inputs = { query: part(0), key: part(1), value: tensor([batch, 1, n, d], value.data), weights: {} };
      const parameters = Object.fromEntries(
        Object.entries(linear.parameters).map(([name, row]) => [name, row.default]),
      );
      return of('out_proj', tensor([batch, n, d], linear.reference(inputs, shape, parameters as never).data)).data;
    }
    const mixed = new Float64Array(batch * n * d);
    for (let row = 0; row < batch * n; row++) {
      const first = row - (row % n);
      const products = Array.from({ length: row - first + 1 }, (_, j) => {
        let sum = 0;
        for (let c = 0; c < m; c++) sum += qk.data[row * 2 * m + c]! * qk.data[(first + j) * 2 * m + m + c]!;
        return sum;
      });
      const scaled = products.map((product) => product / Math.sqrt(m));
      const kernels =
        kind === 'softmax'
          ? scaled.map(Math.exp)
          : kind === 'taylor'
            ? scaled.map((s) => 1 + s + s ** 2 / 2)
            : products;
      const eta =
        kind === 'normalised' ? Math.exp(of('Wn', x).data[row]!) : kernels.reduce((sum, weight) => sum + weight, 0);
      for (const [j, weight] of kernels.entries())
        for (let c = 0; c < d; c++) mixed[row * d + c]! += (weight / eta) * value.data[(first + j) * d + c]!;
    }
    return of('out_proj', tensor([batch, n, d], mixed)).data;
  }

  for (const kind of mixerKinds) {
    it(`${kind} is what its definition says`, async () => {
      const trainer = trainerOf();
      const weights = mixerWeights(kind, size).map((weight) => ({
        ...weight,
        initial: { kind: 'normal' as const, deviation: 0.6 },
      }));
      const network: Network = {
        name: kind,
        parameters: trainedShapes(weights),
        batch: { x: { type: 'float32', shape: [batch, n, size.width] } },
        build(graph, parameters, inputs) {
          const y = mixerGraph(trainedModule(graph, inputs, parameters), kind, size);
          return { loss: reduceSum(y, [0, 1, 2], false), outputs: { y } };
        },
      };
      const parameters = drawnWeights(weights, 4);
      const { outputs } = await trainer.forward(network, parameters, {
        x: { data: Float32Array.from(x.data), shape: x.shape },
      });
      await trainer.close();
      const tensors = Object.fromEntries(
        Object.entries(parameters).map(([name, data]) => [
          name,
          tensor(trainedShapes(weights)[name]!, Float64Array.from(data)),
        ]),
      );
      const known = expected(kind, tensors);
      const largest = known.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.equal(outputs['y']!.data.length, known.length);
      for (const [at, value] of known.entries()) {
        assert.ok(Math.abs(Number(outputs['y']!.data[at]) - value) < 2e-5 * largest, `${at}: ${value}`);
      }
    });
  }

  it('counts the numbers of a state', () => {
    const of = (kind: MixerKind, degree = 2) => stateOf(kind, { width: 64, keyWidth: 4, degree });
    assert.deepEqual([of('linear'), of('normalised'), of('taylor'), of('taylor', 8)], [4, 4, 15, 495]);
    assert.ok(Number.isNaN(of('softmax')));
  });

  it('softmax learns to recall what linear attention of a small state does not', async () => {
    const trainer = trainerOf();
    const task = { length: 16, pairs: 2, vocabulary: 16 };
    const asked = recallBatch(task, 200, random(99));
    const reached = async (kind: MixerKind, keyWidth: number): Promise<number> => {
      const model = recallNetwork(kind, task, kind, { width: 32, keyWidth, degree: 2 });
      const { network } = model;
      const running = train(trainer, (_, act) => act(), {
        key: kind,
        network,
        initial: model.initial(1),
        steps: 500,
        every: 250,
        seed: 1,
        rate: { peak: 0.005, warmUp: 20, shape: 'cosine', last: 0.05 },
        adam: { beta2: 0.98, clip: 1, weightDecay: 0.1 },
        batch: (_step, source) => recallBatch(task, 32, source),
      });
      let next = await running.next();
      while (!next.done) next = await running.next();
      return (await recalled(trainer, network, next.value.parameters, asked)).accuracy;
    };
    const [softmax, small] = [await reached('softmax', 16), await reached('linear', 2)];
    await trainer.close();
    assert.ok(softmax > 0.95, `softmax ${softmax}`);
    assert.ok(small < 0.75, `linear with n = 2: ${small}`);
  });

  it('refuses a sequence that does not hold its questions', async () => {
    const parameters = {
      ...{ length: 14, pairs: 4, vocabulary: 16, width: 8, smallest: 2, largest: 2, degree: 2, rate: 0.01 },
      ...{ steps: 1, seeds: 1, folder: '' },
    };
    const bench = { trainer: trainerOf() } as unknown as Parameters<typeof stateSizeExperiment.run>[0];
    const running = stateSizeExperiment.run(bench, {
      ...{ parameters, variant: [], groups: [], seed: 1, input: { given: { kind: 'none' }, prompts: [] } },
      step: (_, act) => act(),
    });
    await assert.rejects(
      () => running.next(),
      (error: { failure?: { detail?: string } }) =>
        error.failure?.detail ===
        '14 tokens do not hold 4 pairs and their questions. Take an even length of 16 or more.',
    );
  });
});
