/** The line between the embeddings of two prompts. */
import assert from 'node:assert/strict';
import { embeddingLine } from '../../../../../diagnostics/shared/gradients/embedding-line';
import type { ModelRunner } from '../../../../../diagnostics/model-runner/model-runner';

/** Embeddings of width 2 of a model whose token t is [t, 10 t]. */
const runner = {
  run: ({ ids, taps }: { readonly ids: readonly number[]; readonly taps: readonly { readonly layer: number }[] }) => {
    const data = Float32Array.from(ids.flatMap((id) => [id, 10 * id]));
    return Promise.resolve({
      layers: [{ taps: taps.some(({ layer }) => layer === 0) ? { 'residual.input': { data } } : {} }],
    });
  },
} as unknown as Pick<ModelRunner, 'run'>;

describe('the line of integrated gradients', () => {
  it('joins the embeddings that enter the first layer, and its parts are taken at their middles', async () => {
    const line = await embeddingLine(runner, { ids: [0, 4] }, { ids: [8, 4] });
    assert.deepEqual(
      [[...line.start], [...line.end]],
      [
        [0, 0, 4, 40],
        [8, 80, 4, 40],
      ],
    );
    // The middle of the second of four parts: 3 / 8 of the way.
    const { ids, embeddings } = await line.at(1, 4);
    assert.deepEqual(
      [ids, embeddings?.rows, [...(embeddings?.data ?? [])]],
      [
        [8, 4],
        [0, 1],
        [3, 30, 4, 40],
      ],
    );
  });
});
