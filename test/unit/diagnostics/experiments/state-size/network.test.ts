import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import { recallNetwork } from '../../../../../diagnostics/experiments/state-size/network';

describe('the network of associative recall', () => {
  it('norms the stream with the epsilon of layer norms, 1e-5, and takes logits by the embeddings', async () => {
    const task = { length: 1, pairs: 1, vocabulary: 2 };
    const recall = recallNetwork('recall', task, 'softmax', { width: 2, keyWidth: 1, degree: 2 });
    // With mixers that add nothing, the stream is the embedding (e, -e) with a variance of 1e-5.
    const e = Math.sqrt(1e-5);
    const zeros = Object.entries(recall.initial(1)).map(
      ([name, { length }]) => [name, new Float32Array(length)] as const,
    );
    const parameters = {
      ...Object.fromEntries(zeros),
      'backbone.embeddings.word_embeddings.weight': Float32Array.of(e, -e, 0, 0),
      'backbone.ln_f.weight': new Float32Array(2).fill(1 / (2 * e)),
    };
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const { loss } = await trainer.forward(recall.network, parameters, {
      ids: { data: BigInt64Array.of(0n), shape: [1, 1] },
      labels: { data: BigInt64Array.of(0n), shape: [1, 1] },
      counted: { data: Float32Array.of(1), shape: [1, 1] },
    });
    await trainer.close();
    // Normed: e / root(2e-5) = 1 / root 2, times the gain 1 / 2e. Logits: 2 e of that, and 0.
    const expected = Math.log(1 + Math.exp(-Math.SQRT1_2));
    assert.ok(Math.abs(loss - expected) < 1e-5, `${loss}, not ${expected}`);
  });
});
