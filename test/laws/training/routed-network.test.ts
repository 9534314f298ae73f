/** Heads chosen token by token, as they are trained: the forward pass that is run, a gradient through the choice, and even loads. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../compute-server/runner/server-trainer';
import { loadsOf, sumsOf, type RoutedLayer } from '../../../diagnostics/plans/moh/routing';
import { routedSpec } from '../../../diagnostics/plans/moh/tuning';
import { languageBatch } from '../../../diagnostics/shared/training/language-batch';
import { startingState } from '../../../diagnostics/shared/training/parameters';
import { multiply } from '../../../kernels/graph/operators/elementwise';
import { transpose } from '../../../kernels/graph/operators/layout';
import { reduceSum, softmax } from '../../../kernels/graph/operators/reduce';
import { random } from '../../../kernels/tensors/random';
import type { Network } from '../../../kernels/training/network';
import { straightThrough } from '../../../kernels/training/straight-through';
import { usualAdam } from '../../../kernels/training/training-step';
import { balanceLoss, routingLoads, trainedRouting } from '../../../models/architectures/training-routing';
import { languageNetwork } from '../../../models/architectures/training-network';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { tinyTensors } from '../../support/checkpoints/tiny-models';
import { runnerOf } from '../../support/model-jobs';

describe('Law: chosen heads as they are trained', () => {
  const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
  after(() => trainer.close());

  /** The first moment of one step of Adam is 0.1 of the gradient. */
  const gradientOf = async (network: Network, parameters: Record<string, Float32Array>, batch = {}) => {
    const task = { network, seed: 0, adam: usualAdam, rate: () => 0, batch: () => batch };
    const { state, points } = await trainer.advance(task, startingState(network, parameters), 1);
    return { gradient: Array.from(state.first, (value) => 10 * value), loss: points[0]!.loss };
  };

  it('a choice has its own value and the gradient of the probability, by hand', async () => {
    // loss = 3 g_0 + 5 g_1 + g_2 of the choice 1, 0, 0; p = (1, 2, 5) / 8 as the logits are ln 1, ln 2, ln 5.
    const network: Network = {
      name: 'choice',
      parameters: { logits: [3] },
      batch: { choice: { type: 'float32', shape: [3] } },
      build(graph, { logits }, { choice }) {
        const gains = straightThrough(choice!, softmax(logits!, -1));
        return { loss: reduceSum(multiply(gains, graph.constant('float32', [3], [3, 5, 1])), [0], false) };
      },
    };
    const logits = Float32Array.of(0, Math.log(2), Math.log(5));
    const choice = { data: Float32Array.of(1, 0, 0), shape: [3] };
    const { gradient, loss } = await gradientOf(network, { logits }, { choice });
    assert.equal(loss, 3);
    // p_e (c_e - sum p c), and sum p c = (3 + 10 + 5) / 8 = 2.25.
    [(3 - 2.25) / 8, (2 * (5 - 2.25)) / 8, (5 * (1 - 2.25)) / 8].forEach((expected, at) => {
      assert.ok(Math.abs(gradient[at]! - expected) < 1e-6, `${gradient[at]}, not ${expected}`);
    });
  });

  it('the balance loss is that of the loads, and its gradient that of finite differences', async () => {
    const [rows, heads, width] = [5, 4, 2];
    const layer: RoutedLayer = { shared: [1], active: 1 };
    const network: Network = {
      name: 'balance',
      // As `sumsOf` reads it.
      parameters: { query: [1, heads, rows, width] },
      batch: { counted: { type: 'float32', shape: [1, rows] } },
      build(_, { query }, { counted }) {
        const routing = trainedRouting(layer, transpose(query!, [0, 2, 1, 3]));
        return { loss: balanceLoss(routingLoads(routing!, counted!)) };
      },
    };
    const source = random(5);
    const query = Float32Array.from({ length: rows * heads * width }, () => source.normal());
    const counted = { data: new Float32Array(rows).fill(1), shape: [1, rows] };
    const { gradient, loss } = await gradientOf(network, { query }, { counted });
    const referenceAt = (values: Float32Array): number =>
      3 * loadsOf([sumsOf(values, heads, width, layer)], layer).balance;
    assert.ok(Math.abs(loss - referenceAt(query)) < 1e-6, `${loss}, not ${referenceAt(query)}`);
    const loadsAt = (values: Float32Array) => loadsOf([sumsOf(values, heads, width, layer)], layer).loads;
    for (const at of query.keys()) {
      const [up, down] = [Float32Array.from(query), Float32Array.from(query)];
      up[at]! += 1e-3;
      down[at]! -= 1e-3;
      assert.deepEqual([loadsAt(up), loadsAt(down)], [loadsAt(query), loadsAt(query)], 'no choice turns');
      const expected = (referenceAt(up) - referenceAt(down)) / (up[at]! - down[at]!);
      assert.ok(Math.abs(gradient[at]! - expected) < 1e-5, `number ${at}: ${gradient[at]}, not ${expected}`);
    }
    assert.ok(Math.max(...gradient.map(Math.abs)) > 0.01);
  });

  it('a routed language model as a network is the model under the intervention', async () => {
    const opened = await openTiny('llama');
    const { model, tiny } = opened;
    try {
      const layers = model.spec.blocks.map((): RoutedLayer => ({ shared: [1], active: 1 }));
      const spec = routedSpec(model.spec, layers);
      const tensors = [...tinyTensors(tiny)];
      const network = languageNetwork('routed', spec, tiny.shapes);
      const parameters = Object.fromEntries(tensors.map(([name, { data }]) => [name, data]));
      const ids = [3, 17, 5, 5, 40, 2, 9, 31];
      const batch = languageBatch(spec, [{ ids, weights: ids.map(() => 1) }]);
      const { outputs } = await trainer.forward(network, parameters, batch);
      const runner = runnerOf(model);
      const variants = [[], layers.map((of, layer) => ({ kind: 'routing' as const, layer, ...of }))];
      const [[plain, expected] = []] = await runner.nextTokens([ids], variants);
      const found = outputs['surprisal']!.data as Float32Array;
      expected!.loss.forEach((value, at) => assert.ok(Math.abs(found[at]! - value) < 1e-4, `token ${at}`));
      assert.ok(plain!.loss.some((value, at) => Math.abs(found[at]! - value) > 1e-2));
      const { gradient } = await gradientOf(network, parameters, batch);
      assert.ok(gradient.every(Number.isFinite));
      await runner.close();
    } finally {
      await opened.close();
    }
  });
});
