/**
 * The time of a run predicted from the work of its graph (kernels/graph/work.ts) and a few rates of this machine
 * (compute-server/devices/calibration.ts): the same rates for every mechanism.
 *
 * time = sum over the nodes of: times * (calls * overhead + flops / G(flops) + bytes / B(kind, bytes)), where
 * - overhead is what calling an operator takes with few numbers; a new shape for the same numbers (kind `view`) takes less;
 * - G(flops) is the rate of matrix products at the shapes of attention, of so many flops a call: small ones repack their
 *   keys more often and share worse between threads; interpolated as B. Their bytes count only as far as they no longer come from a
 *   cache: bytes * (1 / B(elementwise, bytes) - 1 / B(elementwise, small));
 * - B(kind, bytes) is the rate of the kind's pass over so many bytes: measured over a small and a large array and
 *   interpolated in the logarithms between them, constant outside.
 */
import type { Calibration, RateBySize } from '../../../protocol/results/benchmark-schema';
import type { Work, WorkKind } from '../../../kernels/graph/work';

/** Milliseconds of one run. */
export function predictedMs(works: readonly Work[], calibration: Calibration): number {
  return works.reduce((sum, work) => sum + work.times * secondsOf(work, calibration), 0) * 1000;
}

function secondsOf({ kind, calls, flops, bytes }: Work, calibration: Calibration): number {
  if (kind === 'view') return (calls * calibration.viewMicroseconds) / 1e6;
  const overhead = (calls * calibration.callMicroseconds) / 1e6;
  if (kind === 'product') {
    const small = secondsPerByte('elementwise', calibration.smallBytes, calibration);
    const beyond = secondsPerByte('elementwise', bytes, calibration) - small;
    const { products, smallFlops, largeFlops } = calibration;
    const gflops = rateAt(flops, products, smallFlops, largeFlops);
    return overhead + flops / (gflops * 1e9) + Math.max(0, beyond) * bytes;
  }
  return overhead + bytes * secondsPerByte(kind, bytes, calibration);
}

type PassKind = Exclude<WorkKind, 'product' | 'view'>;

function secondsPerByte(kind: PassKind, bytes: number, { passes, smallBytes, largeBytes }: Calibration): number {
  return 1e-9 / rateAt(bytes, passes[kind], smallBytes, largeBytes);
}

/** Geometric between the two rates. */
function rateAt(size: number, { small, large }: RateBySize, smallSize: number, largeSize: number): number {
  const share = Math.log(size / smallSize) / Math.log(largeSize / smallSize);
  const between = Math.min(1, Math.max(0, share));
  return small ** (1 - between) * large ** between;
}
