/**
 * The roofline (Williams, Waterman and Patterson, Communications of the ACM 52(4), 2009): an operator takes no less than its
 * arithmetic at the peak, its bytes at the bandwidth of the memory, and what it sends at the speed of the link; here it takes
 * the longest of the three. That bounds one operator whose inputs and outputs lie in memory; good kernels reach 60 to 90 % of it. It
 * does not bound kernels that do two operators at once (an activation in the epilogue of a product), which leave out the bytes of
 * activations between the two.
 */
import { arithmeticOf, type ServingDevice } from './devices';

export type Bound = 'memory' | 'compute' | 'network';

export interface Traffic {
  readonly flops: number;
  readonly weightBytes: number;
  readonly cacheBytes: number;
  readonly activationBytes: number;
  /** Bytes that one device sends. */
  readonly networkBytes: number;
  /** Which rate of a measured device it runs at. */
  readonly work: 'vector' | 'product' | 'scores' | 'pass';
  /** Bytes among those of activations that a measured rate of products counts. */
  readonly productBytes: number;
}

/** Multiply-adds of 8 bits where both factors have no more, else of 16 (or of 32, where the device has no others). */
export function timeOf(
  traffic: Traffic,
  device: ServingDevice,
  bits: 8 | 16,
): { readonly seconds: number; readonly bound: Bound } {
  const memoryBytes = traffic.weightBytes + traffic.cacheBytes + traffic.activationBytes;
  const network =
    traffic.networkBytes === 0 ? 0 : device.link === undefined ? Infinity : traffic.networkBytes / device.link;
  const { rates } = device;
  if (rates !== undefined) {
    // A graph runs its operators one after the other: what products take, and what passes over memory take beside them.
    const products =
      traffic.work === 'vector' ? 0 : traffic.flops / (traffic.work === 'scores' ? rates.scores : rates.products);
    const weights = traffic.work === 'vector' ? traffic.weightBytes / rates.weightBytes : 0;
    const over = traffic.activationBytes - traffic.productBytes;
    const passes =
      traffic.cacheBytes / rates.passes + over / (traffic.work === 'scores' ? rates.scorePasses : rates.passes);
    const own = products + weights + passes;
    return {
      seconds: Math.max(own, network),
      bound: network > own ? 'network' : products > weights + passes ? 'compute' : 'memory',
    };
  }
  const compute = traffic.flops === 0 ? 0 : traffic.flops / arithmeticOf(device, bits).rate;
  const memory = memoryBytes / device.bandwidth;
  const seconds = Math.max(compute, memory, network);
  return { seconds, bound: seconds === network && network > 0 ? 'network' : compute > memory ? 'compute' : 'memory' };
}
