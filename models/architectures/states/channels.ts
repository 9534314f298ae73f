/**
 * Recurrences whose channels each have a state and decays of their own. Thousands of channels are shown by blocks, which stand where
 * heads do: the effective attention of a block is the mean over its channels of what each multiplies its own values with. It is exact for
 * each channel; the mean times the mean of the values is not the mean of the outputs.
 */
import { multiply } from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../../kernels/graph/operators/layout';
import { reduceMean } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { effectiveAttention, type Effective } from './effective';

/** Channels of a block where the family divides them in no way of its own: as many as the heads of Mamba-2 and RWKV-5 have. */
const most = 64;

/** How many channels stand together: the largest divisor up to 64. */
export function blockOf(channels: number): number {
  let size = Math.min(most, channels);
  while (channels % size !== 0) size--;
  return size;
}

/** What is read beside the values: all [b, n, ..]. */
export interface ChannelRecurrence {
  /** h blocks of d channels. */
  readonly heads: number;
  readonly headDim: number;
  /** [b, n, N], the same for all channels. */
  readonly query: Value;
  readonly key: Value;
  /** ln of the decays of the channels of one block from this one on, [b, n, d N]. */
  readonly decay: (from: number) => Value;
  /** [b, n, h d] */
  readonly factor: Value;
  /** [h d] */
  readonly direct?: Value;
}

/** By channel, of a block: [b, d, n, past + n], and the reads [b, d, N, past + n]. */
function effectiveOfBlock(
  { headDim, query, key, decay, factor, direct }: ChannelRecurrence,
  reads: Value,
  block: number,
): Effective {
  const from = block * headDim;
  const own = (x: Value, axis: number): Value => slice(x, axis, from, from + headDim);
  return effectiveAttention(
    {
      query,
      key,
      options: { rule: 'gated', queryHeads: 1, heads: headDim, decay: decay(from) },
      factor: own(factor, 2),
      ...(direct ? { direct: own(direct, 0) } : {}),
    },
    own(reads, 1),
  );
}

/** The effective attention of all blocks: matrix [b, h, n, past + n], reads [b, h d, N, past + n] of `reads` [b, h d, N, past]. */
export function effectiveOfBlocks(recurrence: ChannelRecurrence, reads: Value): Effective {
  return meansOf(Array.from({ length: recurrence.heads }, (_, block) => effectiveOfBlock(recurrence, reads, block)));
}

/** Means over the channels of blocks, and the reads of all. */
export const meansOf = (blocks: readonly Effective[]): Effective =>
  joined(blocks.map(({ matrix, reads }) => ({ matrix: reduceMean(matrix, [1]), reads })));

/** Blocks side by side. */
export const joined = (blocks: readonly Effective[]): Effective => ({
  matrix: concat(
    blocks.map(({ matrix }) => matrix),
    1,
  ),
  reads: concat(
    blocks.map(({ reads }) => reads),
    1,
  ),
});

/** Decays dt A [b, n, d N] of the steps [b, n, d] and rates [d, N] of some channels. */
export function decays(steps: Value, rates: Value): Value {
  const [batch = 1, length = 1, channels = 1] = steps.shape;
  const [, state = 1] = rates.shape;
  const each = multiply(reshape(steps, [batch, length, channels, 1]), rates);
  return reshape(each, [batch, length, Number(channels) * Number(state)]);
}
