/** Memory of a run of a model, estimated before it starts, and the chunk of queries that keeps it inside the limit. */
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { FailureError } from '../../../protocol/wire/failures';

/** Queries of a chunk; the first when memory does not matter: the scores of larger ones fall out of the processor's caches. */
const chunks = [256, 128, 64, 32, 16];

/** Copies of [batch, heads, chunk, keys] that live at once: scores, masked scores, probabilities. */
const scoreCopies = 3;

export interface RunShape {
  readonly length: number;
  readonly batch: number;
  readonly keepCache: boolean;
  /** Positions that join the cache after the prompt (generated tokens). */
  readonly further?: number;
  readonly logits: 'last' | 'all' | 'none';
  /** First rows that read each other in both directions, and so run as one chunk. */
  readonly prefix?: number | undefined;
}

/** Bytes of one layer's chunk: scores, keys and values (as they come and transposed), activations. */
function chunkBytes(model: ModelSpec, run: RunShape, chunk: number): number {
  return Math.max(
    ...model.blocks.map(({ attention, feedForward }) => {
      const keys = Math.min(run.length, attention.window === undefined ? run.length : attention.window + chunk);
      const scores = scoreCopies * run.batch * attention.heads * chunk * keys;
      const cache = 4 * run.batch * attention.kvHeads * attention.headDim * keys;
      // The neutral arrays of replacements are as large as what they would replace.
      const replacements = 2 * model.hiddenSize + attention.heads * attention.headDim;
      const activations = run.batch * chunk * (6 * model.hiddenSize + 3 * feedForward.up.outputs + replacements);
      return 4 * (scores + cache + activations);
    }),
  );
}

/** Bytes of what is held over the layers: the residual stream twice, the caches when they are kept, the logits. */
function heldBytes(model: ModelSpec, run: RunShape): number {
  const stream = 2 * run.batch * run.length * model.hiddenSize;
  const caches = run.keepCache
    ? model.blocks.reduce(
        (sum, { attention }) =>
          sum + 2 * run.batch * attention.kvHeads * attention.headDim * (run.length + (run.further ?? 0)),
        0,
      )
    : 0;
  const vocabulary = model.head.vocabulary?.outputs ?? 0;
  const logits = run.batch * vocabulary * (run.logits === 'all' ? run.length : run.logits === 'last' ? 1 : 0);
  return 4 * (stream + caches + logits);
}

/**
 * The chunk to run with: the one that is wanted, the whole prompt of a bidirectional model, or the largest that fits. Refuses
 * a run that does not fit (even with the smallest, where there is a choice), naming the longest prompt that does.
 */
export function planChunk(
  model: ModelSpec,
  run: RunShape,
  limitBytes: number,
  wanted?: number,
  /** Whether a shorter run is a way out: not where the rows are those of a picture. */
  shortenable = true,
): number {
  const need = (length: number, chunk: number): number => {
    const shorter = { ...run, length };
    return chunkBytes(model, shorter, Math.min(Math.max(chunk, run.prefix ?? 0), length)) + heldBytes(model, shorter);
  };
  // Half of the limit: the other half is for weights.
  const limit = limitBytes / 2;
  const choices = model.blocks.some(({ attention }) => !attention.causal)
    ? [Infinity]
    : wanted !== undefined
      ? [wanted]
      : chunks;
  for (const chunk of choices) if (need(run.length, chunk) <= limit) return Math.min(chunk, run.length);
  const smallest = choices.at(-1) ?? 1;
  // Both in terms of the limit that a person sets, of which the weights have the other half.
  const neededBytes = Math.ceil(2 * need(run.length, smallest));
  if (!shortenable) {
    throw new FailureError({ code: 'out-of-memory', neededBytes, limitBytes });
  }
  let [low, high] = [0, run.length];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (need(middle, smallest) <= limit) low = middle;
    else high = middle;
  }
  throw new FailureError({
    code: 'out-of-memory',
    neededBytes,
    limitBytes,
    ...(low > 0 ? { fittingLength: low } : {}),
  });
}
