/** Rows of the table from what was measured. */
import type { BackwardTimes, BenchmarkRow, CacheTimes, Roof } from '../../protocol/results/benchmark-schema';
import type { DeviceId } from '../runtime/session';
import { beyondCaches } from '../devices/roof';
import { costOf, type Cell } from './cell';
import type { Check } from './correctness';
import { predictedPeakBytes } from './memory-limit';
import type { PeakMemory } from './peak-memory';
import { ratioOfPairs } from './statistics/ratio';
import { fewestPairs } from './statistics/signed-rank';
import { summary } from './statistics/summary';
import { interquartileMean } from './statistics/trimmed-mean';
import { pairs, type Series, type TimingEnd } from './timing';

type Refusal = NonNullable<BenchmarkRow['refusal']>;

/** A cell without a time, and why. */
export const refusedRow = (cell: Cell, refusal: Refusal, reason: string, check?: Check): BenchmarkRow => ({
  mechanism: cell.mechanism.id,
  length: cell.length,
  ok: false,
  reason,
  refusal,
  ...checked(check),
});

/** What a row says of its proof. */
export const checked = (check: Check | undefined) =>
  check
    ? {
        maxError: check.maxError,
        tolerance: check.tolerance,
        ...(check.checkedRows === undefined ? {} : { checkedRows: check.checkedRows }),
        ...(check.checkedLength === undefined ? {} : { checkedLength: check.checkedLength }),
      }
    : {};

export interface Measured {
  readonly cell: Cell;
  readonly check: Check;
  readonly series: Series;
  /** Undefined for the baseline itself, and when the baseline could not be timed. */
  readonly baseline: Series | undefined;
  readonly end: TimingEnd | undefined;
  readonly peak: PeakMemory | undefined;
  readonly predictedMs?: number | undefined;
  readonly backward?: BackwardTimes | undefined;
  readonly caches?: CacheTimes | undefined;
  /** Other processes used the machine while it was timed. */
  readonly busy?: boolean;
}

export function timedRow(measured: Measured, device: DeviceId): BenchmarkRow {
  const { cell, check, series, baseline, end, peak, predictedMs, backward, caches } = measured;
  const times = [...series.times.values()];
  const { median, quartiles, relativeSd } = summary(times);
  const cost = costOf(cell);
  const compared = baseline ? pairs(baseline, series) : ([[], []] as const);
  const notes = [
    ...(end === 'cancelled' ? ['cancelled'] : []),
    ...(end === 'budget' && !series.settled ? ['budget'] : []),
    ...(baseline && compared[0].length < fewestPairs ? ['few-pairs'] : []),
    ...(peak ? [] : ['predicted']),
    ...(peak?.notReset ? ['not-reset'] : []),
    ...(measured.busy ? ['busy'] : []),
    // onnxruntime-node takes and gives host memory only: each run copies to the device and back.
    ...(device === 'cpu' ? [] : ['transfers']),
  ];
  return {
    mechanism: cell.mechanism.id,
    length: cell.length,
    ok: true,
    medianMs: median,
    relativeSd,
    samples: series.times.size,
    quartilesMs: quartiles,
    trimmedMs: interquartileMean(times),
    ...(predictedMs === undefined ? {} : { predictedMs }),
    ...(peak ? { peakBytes: peak.bytes, peakBy: peak.by } : {}),
    predictedPeakBytes: predictedPeakBytes(cell),
    flops: cost.flops,
    bytes: cost.bytes,
    gflops: cost.flops / median / 1e6,
    bandwidthGBs: cost.bytes / median / 1e6,
    ...checked(check),
    ...(baseline && compared[0].length > 0 ? { ratioToBaseline: ratioOfPairs(...compared) } : {}),
    ...(backward ? { backward } : {}),
    ...(caches ? { caches } : {}),
    ...(notes.length > 0 ? { notes } : {}),
  };
}

/** A few per cent above a ceiling is noise of the ceiling; more is a time that cannot be. */
const slack = 1.1;

/**
 * Whether a time is impossible on this device: more operations a second than its best GEMM, or, for tensors that no cache
 * holds, more bytes of input and output alone than its best copy moves. `bandwidthGBs` of a row counts the traffic between
 * operators as well, which a cache may serve, so that it may be above the roof.
 */
export function impossible(row: BenchmarkRow, cell: Cell, roof: Roof): string | undefined {
  if (!row.ok || row.medianMs === undefined) return undefined;
  if (row.gflops! > roof.peakGflops * slack) {
    return `${row.gflops!.toFixed(0)} GFLOP/s is above the ${roof.peakGflops.toFixed(0)} GFLOP/s that this device reaches, so the time cannot be right and is not shown.`;
  }
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = cell.shape;
  const moved = 4 * batch * (heads * queries * (headDim + valueDim) + kvHeads * keys * (headDim + valueDim));
  const rate = moved / row.medianMs / 1e6;
  if (moved > beyondCaches && rate > roof.peakBandwidthGBs * slack) {
    return `Reading its inputs and writing its output at ${rate.toFixed(0)} GB/s is above the ${roof.peakBandwidthGBs.toFixed(0)} GB/s that this device reaches, so the time cannot be right and is not shown.`;
  }
  return undefined;
}

/** The row without the time of its backward pass where that is above the roof. */
export function withoutImpossible(row: BenchmarkRow, roof: Roof): BenchmarkRow {
  const { gflops, flops, maxError, tolerance } = row.backward ?? {};
  if (gflops === undefined || gflops <= roof.peakGflops * slack) return row;
  const reason = `${gflops.toFixed(0)} GFLOP/s is above the ${roof.peakGflops.toFixed(0)} GFLOP/s that this device reaches, so the time cannot be right and is not shown.`;
  return {
    ...row,
    backward: {
      reason,
      ...(flops === undefined ? {} : { flops }),
      ...(maxError === undefined ? {} : { maxError }),
      ...(tolerance === undefined ? {} : { tolerance }),
    },
  };
}
