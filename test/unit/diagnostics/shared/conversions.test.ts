/** What analyses that convert have in common, and decoding in turns where a text fills the context. */
import assert from 'node:assert/strict';
import { analyses } from '../../../../diagnostics/catalogue';
import {
  comparedSides,
  decodingSpeeds,
  pairedSpeeds,
  type Side,
} from '../../../../diagnostics/shared/conversions/before-after';
import { rangesOf } from '../../../../diagnostics/shared/conversions/cut';
import { openTiny } from '../../../support/checkpoints/open-tiny';
import { runnerOf } from '../../../support/model-jobs';

describe('conversions', () => {
  it('have a folder, which is empty unless one is given', () => {
    const converting = analyses.filter(({ converts }) => converts);
    assert.ok(converting.some(({ id }) => id === 'amp') && converting.some(({ id }) => id === 'moh'));
    for (const { id, parameters } of converting) {
      assert.deepEqual([parameters['folder']?.kind, parameters['folder']?.default], ['folder', ''], id);
    }
  });

  it('take neighbouring heads or units as one range', () => {
    assert.deepEqual(rangesOf([0, 1, 3], 4), [
      [0, 8],
      [12, 16],
    ]);
  });

  const side = (tokensPerSecond: number | null): Side => ({
    ...{ parameters: 1000, weightBytes: 2000, kvBytesPerToken: 64, loss: 2, tokens: 10, task: null },
    tokensPerSecond,
  });

  it('decoding is compared within rounds: a machine that slows down for a while changes nothing', () => {
    // In every round the second takes 1.08 times as long. The machine is slow in rounds of both, but not in the same ones.
    const before = [100, 100, 100, 55, 50, 54, 100];
    const after = [92, 93, 94, 50.6, 46.3, 50, 92.4];
    const speeds = pairedSpeeds(before, after);
    // Ratios 0.92, 0.93, 0.94, 0.92, 0.926, 0.9259, 0.924: the median is that of the sixth round.
    assert.deepEqual([speeds.before, speeds.after], [54, 50]);
    const { rows } = comparedSides(side(speeds.before), side(speeds.after), { apart: true, speedup: speeds.speedup });
    const row = rows.find(({ quantity }) => quantity === 'Decoding');
    assert.ok(row?.low !== undefined && row.high !== undefined);
    // By hand from the sorted ratios: 100 (50/54 - 1), and the least and the largest of the seven.
    assert.ok(Math.abs(row.change - (100 * 50) / 54 + 100) < 1e-9, String(row.change));
    assert.ok(Math.abs(row.low + 8) < 1e-9, String(row.low));
    assert.ok(Math.abs(row.high + 6) < 1e-9, String(row.high));
  });

  it('nothing is called held out where one text is what they are made on and judged on', () => {
    const words = (apart: boolean): string => {
      const comparison = comparedSides(side(null), side(null), { apart });
      const curve = [0, 1].map((share) => ({ share, percent: share, standard: 1, reversed: 1, random: [] }));
      const point = { ...{ randomMean: 1, randomLow: 1, randomHigh: 1 }, ...{ active: 1, loss: 1, kl: 1 } };
      const points = curve.map((one) => ({ ...one, ...point, fixedLoss: 1, fixedKl: 1 }));
      const measures = { kl: 1, loss: 1, balance: 1, ratio: 1, entropy: 1 };
      const arm = { balance: 0, after: measures, curves: { loss: [], measures: {} } };
      const tuning = { steps: 1, apart, trained: 1, tested: 1, before: measures, arms: [arm] };
      const result = { apart, comparison, curve: points, byLayer: [1], surgery: 1e-6, difference: 1e-6, tuning };
      return JSON.stringify(['amp', 'moh'].map((id) => analyses.find((one) => one.id === id)?.sections(result)));
    };
    assert.match(words(true), /Held-out loss/);
    assert.match(words(false), /Loss on the same text/);
    assert.doesNotMatch(words(false), /held[- ]out/i);
  });

  it('a text as long as the context leaves room for the tokens that are decoded', async () => {
    const tiny = await openTiny('llama');
    try {
      const runner = runnerOf(tiny.model);
      const { contextLength = 0 } = runner.facts.summary;
      const text = Array.from({ length: contextLength }, (_, at) => at % 50);
      const { before, after, speedup } = await decodingSpeeds(runner, runner, text);
      assert.ok(Number(before) > 0 && Number(after) > 0 && Number(speedup?.median) > 0);
    } finally {
      await tiny.close();
    }
  });
});
