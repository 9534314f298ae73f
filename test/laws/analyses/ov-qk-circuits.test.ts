/** OV and QK circuits of a model whose circuit was planted, with the numbers worked out by hand. */
import assert from 'node:assert/strict';
import { ovQkCircuits as analysis } from '../../../diagnostics/circuits/ov-qk-circuits/analysis';
import type { CircuitsResult } from '../../../diagnostics/circuits/ov-qk-circuits/result';
import { Cases, type PermutedCase } from './cases';
import { resultFor } from './one-run';

const asked = { input: { kind: 'none' }, parameters: { rotations: 99 } } as const;

describe('OV and QK circuits of planted heads', function () {
  this.timeout(60_000);
  const cases = new Cases();
  let planted: PermutedCase;
  let result: CircuitsResult;
  before(async () => {
    planted = (await cases.permuted())[0] ?? assert.fail();
    result = await resultFor(planted.first.model, analysis, asked);
  });
  after(() => cases.close());

  it('the head that continues a repetition reads the previous-token head by K-composition', () => {
    const [strongest] = result.strongest;
    assert.deepEqual(
      [strongest?.kind, strongest?.reader, strongest?.writer],
      ['key', { layer: 1, head: 0 }, { layer: 0, head: 0 }],
    );
    // Both maps carry 64 directions alike, and those that one writes are those that the other reads: 1 / sqrt(64), but for the
    // mean that the norm takes out.
    assert.ok(Math.abs((strongest?.score ?? 0) - 0.125) < 0.002, `${strongest?.score}`);
    assert.equal(strongest?.p, 0.01);
    // It reads the previous token for no query and no value: the mean alone is left.
    assert.ok((result.scores.query[2]?.[0] ?? 1) < 0.01 && (result.scores.value[2]?.[0] ?? 1) < 0.01);
    assert.match(
      analysis.finding(result),
      /^L1H0 copies most, by a copying score of 1\. K-composition .* L1H0 reads L0H0: 0\.12/,
    );
  });

  it('that head copies, and the heads that write nothing have no spectrum', () => {
    const { copying, ovRank, ovNorm } = result;
    assert.ok(Math.abs((copying?.[1]?.[0] ?? 0) - 1) < 1e-3);
    assert.ok(Math.abs((ovRank[1]?.[0] ?? 0) - 64) < 0.1);
    // Each of 64 tokens with weight 1; of the previous-token head 0.1.
    assert.ok(Math.abs((ovNorm[1]?.[0] ?? 0) - 8) < 0.05 && Math.abs((ovNorm[0]?.[0] ?? 0) - 0.8) < 0.005);
    assert.deepEqual([copying?.[1]?.[1], ovRank[0]?.[1], ovNorm[0]?.[1]], [Number.NaN, Number.NaN, 0]);
    assert.equal(result.comparisons, 3);
  });

  it('heads in another order give the same in that order', async () => {
    const { compared, scores, copying } = await resultFor(planted.second.model, analysis, asked);
    const { orders } = planted;
    compared.forEach((reader, down) =>
      compared.forEach((writer, across) => {
        const before = (place: { layer: number; head: number }): number =>
          result.compared.findIndex(
            ({ layer, head }) => layer === place.layer && head === orders[place.layer]?.[place.head],
          );
        assert.equal(scores.key[down]?.[across], result.scores.key[before(reader)]?.[before(writer)]);
      }),
    );
    assert.ok(Math.abs((copying?.[1]?.[1] ?? 0) - 1) < 1e-3);
  });
});
