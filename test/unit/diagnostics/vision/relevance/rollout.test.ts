/** Relevance by gradient and attention, orders of squares, and squares of pictures, against sums by hand. */
import assert from 'node:assert/strict';
import { hiddenSquares, ranked, sharedTop } from '../../../../../diagnostics/vision/relevance/deletion';
import { throughLayer } from '../../../../../diagnostics/vision/relevance/rollout';
import { byRow, bySquare, squaresOf } from '../../../../../diagnostics/vision/relevance/squares';
import type { Prompt } from '../../../../../diagnostics/model-runner/model-runner';

describe('relevance by gradient and attention', () => {
  it('is the row of R, with the positive parts alone and the mean over heads', () => {
    // Two layers of two heads over three tokens. Products A * g, rows queries:
    // layer 0: head 0 [1; .5 .5; 0 .5 .5] * [2; 1 -4; 9 2 1], head 1 [1; 1 0; .25 .25 .5] * [-1; 2 5; 4 -4 2]
    const first = [
      { weights: [1, 0, 0, 0.5, 0.5, 0, 0, 0.5, 0.5], slopes: [2, 0, 0, 1, -4, 0, 9, 2, 1] },
      { weights: [1, 0, 0, 1, 0, 0, 0.25, 0.25, 0.5], slopes: [-1, 0, 0, 2, 5, 0, 4, -4, 2] },
    ];
    const second = [
      { weights: [1, 0, 0, 0.5, 0.5, 0, 0.5, 0.25, 0.25], slopes: [0, 0, 0, 0, 0, 0, 2, 8, -4] },
      { weights: [1, 0, 0, 0.5, 0.5, 0, 0, 1, 0], slopes: [0, 0, 0, 0, 0, 0, 7, -1, 7] },
    ];
    const layer = (heads: typeof first) =>
      heads.map(({ weights, slopes }) => ({
        weights: Float32Array.from(weights),
        slopes: Float32Array.from(slopes),
        stride: 3,
      }));
    const row = Float64Array.from([0, 0, 1]);
    throughLayer(row, layer(second));
    // M of layer 1, last row: [(1 + 0) / 2, (2 + 0) / 2, 0].
    assert.deepEqual([...row], [0.5, 1, 1]);
    throughLayer(row, layer(first));
    // M of layer 0: rows [1, 0, 0], [(.5 + 2) / 2, 0, 0], [(0 + 1) / 2, 1 / 2, (.5 + 1) / 2].
    assert.deepEqual([...row], [0.5 + 0.5 + 1.25 + 0.5, 1 + 0.5, 1 + 0.75]);
  });

  it('hides the most relevant squares first, at least one of them', () => {
    const order = ranked([0.5, Number.NaN, 2, 0.5]);
    assert.deepEqual(order, [2, 0, 3, 1]);
    assert.deepEqual(hiddenSquares(order), [[2], [2], [2], [2, 0], [2, 0, 3]]);
    // The first two of 20 squares: 0 and 1, and 1 and 2.
    const falling = Array.from({ length: 20 }, (_, square) => -square);
    assert.equal(
      sharedTop(
        falling,
        falling.map((value, square) => (square === 0 ? -99 : value)),
      ),
      0.5,
    );
  });

  it('gives each patch of every tile to the square that it lies in, and newline tokens to none', () => {
    // 4 x 4 patches of 10 pixels; a second tile of 2 x 2 patches over the right half, with a newline token behind each row.
    const tiles = [
      { x: 0, y: 0, width: 40, height: 40, rows: 4, columns: 4, first: 0, stride: 4 },
      { x: 20, y: 0, width: 20, height: 40, rows: 2, columns: 2, first: 16, stride: 3 },
    ];
    const image = { name: '', path: '', sha256: '', width: 40, height: 40, start: 0, end: 22, tokens: 22, tiles };
    const prompt = { ids: [], text: null, tokens: [], image } as Prompt;
    const squares = squaresOf(prompt, { rows: [...Array(22).keys()] }, 2);
    assert.deepEqual(squares.places, [
      [0, 1, 4, 5],
      [2, 3, 6, 7, 16, 17],
      [8, 9, 12, 13],
      [10, 11, 14, 15, 19, 20],
    ]);
    const spread = byRow([1, 2, 3, 4], squares.places, 22);
    assert.deepEqual([spread[5], spread[17], spread[18], spread[20]], [1, 2, Number.NaN, 4]);
    assert.deepEqual(bySquare(spread, squares), [1, 2, 3, 4]);
    // 24 x 24 patches: 12 x 12 squares of 2 are more than 100, 8 x 8 of 3 are not.
    const [whole] = tiles;
    const large = { ...image, tiles: [{ ...whole!, rows: 24, columns: 24, stride: 24 }] };
    assert.equal(squaresOf({ ...prompt, image: large }, { rows: [...Array(576).keys()] }, 0).side, 3);
  });
});
