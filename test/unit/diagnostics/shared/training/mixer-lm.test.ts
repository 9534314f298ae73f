/** The small language model around a mixer against float64, and the text that it is trained on. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import { MarkovText } from '../../../../../diagnostics/shared/training/markov-text';
import {
  mixerBatch,
  mixerMeasures,
  mixerModel,
  mixerPrefix,
} from '../../../../../diagnostics/shared/training/mixer-lm';
import { layerNorm, linear, relu, sum } from '../../../../../kernels/module-parts/layers';
import { relativeAttention, relativeGraph } from '../../../../../kernels/modules/rcmha/relative-attention';
import { random } from '../../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../../kernels/tensors/tensor';

describe('a language model around a mixer', () => {
  const module = {
    tokens: 4,
    memory: 0,
    width: 6,
    heads: 2,
    convolution: true,
    relative: true,
    kernel: 2,
    maxDistance: 4,
    batch: 2,
  };
  const size = { vocabulary: 5, length: 4, width: 6, feedForward: 7, layers: 2, batch: 2, positions: true };

  it('computes what its equations say', async () => {
    const model = mixerModel('tiny', size, {
      weights: relativeAttention.weights(module),
      build: (graph) => relativeGraph(graph, module),
    });
    const learned = model.initial(3);
    const weight = (name: string): Tensor => tensor(model.network.parameters[name]!, Float64Array.from(learned[name]!));
    const sequences = [
      [0, 3, 1, 4, 2],
      [2, 2, 0, 1, 3],
    ];
    const layer = (x: Tensor, name: string): Tensor => linear(x, weight(`${name}.weight`), weight(`${name}.bias`));
    const norm = (x: Tensor, name: string): Tensor =>
      layerNorm(x, weight(`${name}.weight`), weight(`${name}.bias`), 1e-5);
    const rows = sequences.flatMap((ids) =>
      ids
        .slice(0, 4)
        .flatMap((id, place) =>
          Array.from(
            { length: 6 },
            (_, at) => weight('embedding.weight').data[id * 6 + at]! + weight('positions.weight').data[place * 6 + at]!,
          ),
        ),
    );
    let stream = tensor([2, 4, 6], Float64Array.from(rows));
    for (const at of [0, 1]) {
      const prefix = mixerPrefix(at);
      const weights = Object.fromEntries(
        relativeAttention.weights(module).map(({ name }) => [name, weight(prefix + name)]),
      );
      const x = norm(stream, `layers.${at}.norm_self_attn`);
      stream = sum(stream, relativeAttention.reference({ inputs: { x }, weights }, module)['output']!);
      const hidden = relu(layer(norm(stream, `layers.${at}.norm_ff`), `layers.${at}.feed_forward.layer1`));
      stream = sum(stream, layer(hidden, `layers.${at}.feed_forward.layer2`));
    }
    const logits = layer(norm(stream, 'norm'), 'generator').data;
    // Only the last two places count.
    let loss = 0;
    let right = 0;
    sequences.forEach((ids, row) => {
      for (const place of [2, 3]) {
        const own = Array.from(logits.subarray((row * 4 + place) * 5, (row * 4 + place + 1) * 5));
        const total = own.reduce((all, logit) => all + Math.exp(logit), 0);
        loss += (Math.log(total) - own[ids[place + 1]!]!) / 4;
        if (own.indexOf(Math.max(...own)) === ids[place + 1]) right += 1 / 4;
      }
    });
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const found = await mixerMeasures(trainer, model.network, learned, [mixerBatch(sequences, (place) => place >= 2)]);
    await trainer.close();
    assert.ok(Math.abs(found.loss - loss) < 1e-5, `${found.loss} and ${loss}`);
    assert.equal(found.accuracy, right);
  });
});

describe('Markov text', () => {
  it('says its likely token as often as it is asked to, and how well it can be predicted', () => {
    const text = new MarkovText(2, 4, 0.8, 7);
    assert.equal(text.preferred.length, 16);
    const tokens = text.drawn(20_000, random(1));
    let likely = 0;
    for (let at = 2; at < tokens.length; at++) if (tokens[at] === text.likely(tokens.slice(0, at))) likely += 1;
    // 0.8 + 0.2 / 4; three deviations of a share over 20,000 are 0.008.
    assert.ok(Math.abs(likely / (tokens.length - 2) - 0.85) < 0.008);
    assert.ok(Math.abs(text.bestAccuracy - 0.85) < 1e-12);
    // -(0.85 ln 0.85 + 3 * 0.05 ln 0.05)
    assert.ok(Math.abs(text.leastLoss - 0.587_50) < 1e-4);
    assert.deepEqual(new MarkovText(2, 4, 0.8, 7).preferred, text.preferred);
    assert.notDeepEqual(new MarkovText(2, 4, 0.8, 8).preferred, text.preferred);
  });
});
