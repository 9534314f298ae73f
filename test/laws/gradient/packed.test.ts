import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { tinyModel, writeTinyModel } from '../../support/checkpoints/tiny-models';

const ids = [5, 17, 3, 42, 17, 8];

describe('gradients of a model whose weights are held in integers', () => {
  it('are of the rounded weights: near those of the exact ones, and not the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-packed-gradient-'));
    try {
      writeTinyModel(folder, tinyModel('llama'));
      const gradientOf = async (held: { readonly weights?: 'q8' | 'q4' }): Promise<Float32Array> => {
        const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9, ...held });
        const objective = { kind: 'logits', terms: [{ row: 5, token: 7, weight: 1 }] } as const;
        const { embedding } = await runGradients(model, { ids, objective, embedding: true, chunk: 6 });
        await model.sessions.release();
        return embedding!;
      };
      const exact = await gradientOf({});
      const distance = (other: Float32Array): number =>
        Math.hypot(...other.map((value, at) => value - exact[at]!)) / Math.hypot(...exact);
      const [eight, four] = [
        distance(await gradientOf({ weights: 'q8' })),
        distance(await gradientOf({ weights: 'q4' })),
      ];
      assert.ok(eight > 1e-4 && eight < 0.06, `${eight}`);
      assert.ok(four > 2 * eight && four < 0.5, `${four}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
