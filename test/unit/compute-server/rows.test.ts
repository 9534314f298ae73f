import assert from 'node:assert/strict';
import path from 'node:path';
import { tiled } from '../../../kernels/mechanisms/tiled';
import { betterOf } from '../../../compute-server/devices/roof-cache';
import { exponentFits } from '../../../compute-server/harness/conclusions';
import { resetPeak, type PeakMemory } from '../../../compute-server/harness/peak-memory';
import { timedRow } from '../../../compute-server/harness/rows';
import type { Roof } from '../../../protocol/results/benchmark-schema';
import type { Cell } from '../../../compute-server/harness/cell';
import { row } from '../extension/samples';

describe('a row', () => {
  const shape = {
    pattern: 'causal-self',
    batch: 1,
    heads: 1,
    kvHeads: 1,
    queries: 64,
    keys: 64,
    headDim: 8,
    valueDim: 8,
  };
  const cell = { mechanism: tiled, parameters: { tile: 64 }, shape, length: 64, decoding: false } as unknown as Cell;
  const notesOf = (peak: PeakMemory | undefined) =>
    timedRow(
      {
        cell,
        check: { ok: true, maxError: 0, tolerance: 1 },
        series: { name: 'tiled', times: new Map([[0, 1]]), settled: true },
        baseline: undefined,
        end: 'settled',
        peak,
      },
      'cpu',
    ).notes;

  it('says that its peak memory counts from an earlier mark where the mark could not be reset', () => {
    assert.equal(resetPeak(path.join(__dirname, 'no', 'clear_refs')), false);
    assert.deepEqual(notesOf({ bytes: 1, by: 'VmHWM', notReset: true }), ['not-reset']);
    assert.equal(notesOf({ bytes: 1, by: 'VmHWM' }), undefined);
    assert.deepEqual(notesOf(undefined), ['predicted']);
  });
});

describe('the growth of a time', () => {
  it('is fitted through three lengths or more: through two every line is exact', () => {
    const rows = [256, 512, 1024].map((length) => row('tiled', length, { medianMs: length ** 2 }));
    assert.deepEqual(exponentFits(rows.slice(0, 2)), []);
    const [fit] = exponentFits(rows);
    assert.ok(fit && Math.abs(fit.exponent - 2) < 1e-9 && fit.r2 > 0.999);
  });
});

describe('a roof measured again', () => {
  const roof = (peakGflops: number, peakBandwidthGBs: number, measured: string): Roof => ({
    peakGflops,
    peakBandwidthGBs,
    gflopsMeasured: measured,
    bandwidthMeasured: measured,
    measured,
  });
  const [before, now] = ['2026-11-01T00:00:00.000Z', '2026-11-25T00:00:00.000Z'];

  it('keeps the better of each figure under the date of its own measurement', () => {
    const kept = betterOf(roof(300, 10, before), roof(200, 12, now));
    assert.deepEqual(kept, {
      peakGflops: 300,
      peakBandwidthGBs: 12,
      gflopsMeasured: before,
      bandwidthMeasured: now,
      measured: before,
    });
    const third = betterOf(kept, roof(100, 11, '2026-11-26T00:00:00.000Z'));
    assert.deepEqual(third, kept, 'measuring a third time makes no figure younger');
    assert.deepEqual(betterOf(roof(1, 1, before), roof(2, 2, now)), roof(2, 2, now));
  });

  it('dates the figures of an earlier version by the only date that they have', () => {
    const old: Roof = { peakGflops: 300, peakBandwidthGBs: 10, measured: before };
    assert.equal(betterOf(old, roof(200, 12, now)).gflopsMeasured, before);
  });
});
