import assert from 'node:assert/strict';
import { latentOutputs } from '../../../../../diagnostics/plans/x-ecomla/head-outputs';

describe('X-EcoMLA: what heads put out', () => {
  it('is a softmax of the scores over the root of the width of a head, over positions up to the own one', async () => {
    // One head of width 4 without a rotary part, of a stream of width 1: query (2 x, 0, 0, 0), key (x, 0, 0, 0), value (x, 0, 0, 0).
    const weights = {
      query: Float64Array.of(2, 0, 0, 0),
      down: Float64Array.of(1),
      up: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0),
    };
    const layer = { heads: 1, headDim: 4, rank: 1, rotary: 0, layout: 'half', weights } as const;
    const product = (x: Float32Array, rows: Float32Array) =>
      Promise.resolve(Float32Array.from([...x].flatMap((value) => [...rows].map((row) => value * row))));
    const none = { cos: new Float32Array(), sin: new Float32Array() };
    const out = await latentOutputs({ product }, layer, none, Float32Array.of(1, 3), 1);
    // Scores of the second position: 2 3 1 / 2 = 3 and 2 3 3 / 2 = 9.
    const second = (Math.exp(3) * 1 + Math.exp(9) * 3) / (Math.exp(3) + Math.exp(9));
    [1, 0, 0, 0, second, 0, 0, 0].forEach((value, at) =>
      assert.ok(Math.abs((out[at] ?? Number.NaN) - value) < 1e-6, `${out[at]}, not ${value}`),
    );
  });
});
