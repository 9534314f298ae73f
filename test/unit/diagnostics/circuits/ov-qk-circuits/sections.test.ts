/** What is shown of a result, and what a run is estimated to hold, by hand. */
import assert from 'node:assert/strict';
import { ovQkCircuits } from '../../../../../diagnostics/circuits/ov-qk-circuits/analysis';
import { sections } from '../../../../../diagnostics/circuits/ov-qk-circuits/sections';
import type { ModelFacts } from '../../../../../diagnostics/model-runner/model-runner';

describe('OV and QK circuits', () => {
  it('without a pair of heads in different layers show heads and spectra alone', () => {
    const result = {
      ovRank: [[2]],
      qkRank: [[3]],
      ovNorm: [[1]],
      qkNorm: [[1]],
      compared: [{ layer: 0, head: 0 }],
      scores: { query: [[Number.NaN]], key: [[Number.NaN]], value: [[Number.NaN]] },
      comparisons: 0,
      rotations: 19,
      hiddenSize: 8,
    };
    const ids = (of: Parameters<typeof sections>[0]): readonly string[] => sections(of).map(({ id }) => id);
    assert.deepEqual(ids({ ...result, strongest: [] }), ['heads', 'spectra']);
    const pair = {
      kind: 'query',
      reader: { layer: 1, head: 0 },
      writer: { layer: 0, head: 0 },
      score: 0.5,
      chance: 0.35,
      z: 2,
    } as const;
    assert.deepEqual(ids({ ...result, strongest: [pair] }), [
      ...['heads', 'graph', 'strongest', 'scores-query', 'scores-key', 'scores-value', 'spectra'],
    ]);
  });

  it('are estimated by the layers that are named', () => {
    const block = { heads: 2, headDim: 3 };
    const facts = { blocks: [block, block], hiddenSize: 10, summary: { vocabulary: 0 } } as unknown as ModelFacts;
    const bytes = (layers: string) =>
      ovQkCircuits.estimate(facts, { kind: 'none', prompts: [] } as never, { layers, rotations: 19 }).bytes;
    // Float32 of one layer: 60 written, 12 times 60 and 36 at once, 40 for each pair of the two heads.
    assert.equal(bytes('0'), 4 * (60 + 720 + 36 + 160));
    assert.equal(bytes(''), 4 * (120 + 720 + 36 + 640));
  });
});
