/** What no training has made has no name: random weights in the layout of a real small model have no label. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { headLabels } from '../../../protocol/results/heads';
import { writeSafetensors } from '../../support/safetensors-file';
import { llamaLike, tinyTensors, writeConfig } from '../../support/checkpoints/tiny-models';
import { headsIn } from '../../support/heads-call';
import { surroundingsOf } from '../../support/model-jobs';

/** Layers, heads and widths of llama2.c's stories260K. */
const stories = llamaLike('stories260K', 'llama', {
  hidden_size: 64,
  intermediate_size: 172,
  num_hidden_layers: 5,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  vocab_size: 512,
  max_position_embeddings: 512,
});

/** A fresh model, every matrix times `scale`: as Hugging Face starts training (deviation 0.02), and up to rows on one key. */
async function labelled(scale: number, length: number, seed: number) {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-random-'));
  try {
    const tensors = tinyTensors(stories, 'F32', seed);
    for (const { shape, data } of tensors.values())
      if (shape.length > 1) data.forEach((x, at) => (data[at] = x * scale));
    writeConfig(folder, stories.config);
    writeSafetensors(join(folder, 'model.safetensors'), tensors);
    const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    try {
      const ids = [1, ...Array.from({ length: length - 1 }, (_, i) => 3 + ((i * 197 + seed * 31) % 509))];
      return await headsIn(
        model,
        {
          folder,
          prompt: { kind: 'ids', ids },
          interventions: [],
          classify: true,
          causal: false,
          thumbnails: false,
          seed,
        },
        surroundingsOf({ cacheFolder: folder }),
        new AbortController().signal,
      );
    } finally {
      await model.sessions.release();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('random weights', function () {
  this.timeout(60_000);
  for (const [scale, words] of [
    [0.16, 'as training starts'],
    [1, 'of unit gain'],
    [4, 'of sharp rows'],
    [8, 'of rows on one key'],
  ] as const) {
    it(`${words}: no label on a short prompt or a longer one, every score of every head`, async () => {
      for (const [length, seed] of [
        [24, 3],
        [60, 4],
      ] as const) {
        const { classes, labelScores } = await labelled(scale, length, seed);
        assert.deepEqual(classes, []);
        for (const label of headLabels) {
          const scores = labelScores?.[label]?.score.flat() ?? [];
          assert.equal(scores.length, 40, label);
          assert.ok(scores.every(Number.isFinite), label);
        }
      }
    });
  }
});
