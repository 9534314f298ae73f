/** What a benchmark is of, and which of its rows a resumed run keeps. */
import type { BenchmarkRow } from './benchmark-schema';
import type { AttentionPattern } from './attention-pattern';

export type { AttentionPattern };
export type Precision = 'float32' | 'float16';

/** `prefill`: n queries read n keys. `decode`: one new query reads a cache of n keys and its own. */
export type BenchmarkMode = 'prefill' | 'decode';

/**
 * Whether a resumed run keeps a row of an earlier one. What was stopped while it was timed is measured again; so is what was
 * refused for memory or by the runtime, since the limit, the free memory and the device may have changed.
 */
export const keptOnResume = ({ notes, refusal }: BenchmarkRow): boolean =>
  !notes?.includes('cancelled') && refusal !== 'memory' && refusal !== 'runtime';
