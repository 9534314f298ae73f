/** Memory of a run of a model, estimated before it starts, and the chunk of queries that keeps it inside the limit. */
import type { PlanChange } from '../../../../models/instrument/changes/plan';
import { innerWidth, type ModelSpec } from '../../../../models/architectures/model-spec';
import { rowsHeld } from '../../../../protocol/plans/held';
import { FailureError } from '../../../../protocol/wire/failures';
import type { DeviceId } from '../../../runtime/session';
import { heldByHeads, layerPlanOf } from '../cache/layer-plan';

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
  /** The plan that the cache holds to; absent: everything is kept. */
  readonly plan?: readonly PlanChange[] | undefined;
  readonly logits: 'last' | 'all' | 'none';
  /** Something is decided over all rows: one chunk where that fits, so that no layer runs twice. */
  readonly atOnce?: boolean;
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
      const activations = run.batch * chunk * (6 * model.hiddenSize + 3 * innerWidth(feedForward) + replacements);
      return 4 * (scores + cache + activations);
    }),
  );
}

/** Bytes of what is held over the layers: the residual stream twice, the caches when they are kept, the logits. */
function heldBytes(model: ModelSpec, run: RunShape): number {
  const stream = 2 * run.batch * run.length * model.hiddenSize;
  const caches = run.keepCache ? cacheNumbers(model, run) : 0;
  const vocabulary = model.head.vocabulary?.outputs ?? 0;
  const logits = run.batch * vocabulary * (run.logits === 'all' ? run.length : run.logits === 'last' ? 1 : 0);
  return 4 * (stream + caches + logits);
}

/** Numbers of keys and values at the end of the text. Under a plan, those of one layer at the end of its prompt are added. */
function cacheNumbers(model: ModelSpec, { batch, length, further = 0, plan }: RunShape): number {
  const last = length + further;
  return model.blocks.reduce((sum, block, at) => {
    const { kvHeads, headDim, projection } = block.attention;
    // The value of latent attention is its key, which is held once.
    const numbers = (projection.kind === 'latent' ? 1 : 2) * headDim;
    const own = layerPlanOf(plan, block);
    const rows =
      own && heldByHeads(own, block)
        ? own.heads.reduce((total, held) => total + rowsHeld(held, own.prompt, last), 0)
        : kvHeads * last;
    return sum + batch * numbers * (rows + (plan && at === 0 ? kvHeads * length : 0));
  }, 0);
}

/** The memory of another device than the cpu, as far as a run there is concerned. */
export interface DeviceRoom {
  readonly device: DeviceId;
  /** That a run may take; absent: not known, and nothing is refused for it. */
  readonly memoryBytes?: number | undefined;
  /** The most bytes of weights that are open there at once, as opened, and what they would take in float16. */
  readonly weightBytes: number;
  readonly halfWeightBytes: number;
}

/**
 * The chunk to run with: the one that is wanted, the whole prompt of a bidirectional model, or the largest that fits. Refuses
 * a run that does not fit (even with the smallest, where there is a choice), naming the longest prompt that does.
 *
 * Two limits hold. Of the process: activations of one chunk of one layer (`chunkBytes`), with streams, caches and logits
 * (`heldBytes`), in half of the memory limit. Of a device whose memory is known: its weights as opened and the same bytes of
 * the run, all of which may lie there at once (an upper bound: a cache that stays with the host takes nothing).
 */
export function largestChunk(
  model: ModelSpec,
  run: RunShape,
  limitBytes: number,
  wanted?: number,
  /** Whether a shorter run is a way out: not where the rows are those of a picture. */
  shortenable = true,
  room?: DeviceRoom,
): number {
  const need = (length: number, chunk: number): number => {
    const shorter = { ...run, length };
    return chunkBytes(model, shorter, Math.min(Math.max(chunk, run.prefix ?? 0), length)) + heldBytes(model, shorter);
  };
  // Half of the limit: the other half is for weights.
  const limit = limitBytes / 2;
  const onDevice = room?.memoryBytes;
  const fitsDevice = (length: number, chunk: number, weights = room?.weightBytes ?? 0): boolean =>
    onDevice === undefined || weights + need(length, chunk) <= onDevice;
  const fitsProcess = (length: number, chunk: number): boolean => need(length, chunk) <= limit;
  const choices = model.blocks.some(({ attention }) => !attention.causal)
    ? [Infinity]
    : wanted !== undefined
      ? [wanted]
      : [...(run.atOnce ? [run.length] : []), ...chunks];
  const { length } = run;
  for (const chunk of choices) {
    if (fitsProcess(length, chunk) && fitsDevice(length, chunk)) return Math.min(chunk, length);
  }
  const smallest = choices.at(-1) ?? 1;
  const longest = (fits: (length: number) => boolean): { readonly fittingLength?: number } => {
    let [low, high] = [0, length];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (fits(middle)) low = middle;
      else high = middle;
    }
    return shortenable && low > 0 ? { fittingLength: low } : {};
  };
  if (room && onDevice !== undefined && fitsProcess(length, smallest)) {
    throw new FailureError({
      code: 'out-of-memory',
      device: room.device,
      neededBytes: Math.ceil(room.weightBytes + need(length, smallest)),
      limitBytes: onDevice,
      ...longest((shorter) => fitsProcess(shorter, smallest) && fitsDevice(shorter, smallest)),
      ...halfWeights(room, fitsDevice(length, smallest, room.halfWeightBytes)),
    });
  }
  throw new FailureError({
    code: 'out-of-memory',
    // Both in terms of the limit that a person sets, of which the weights have the other half.
    neededBytes: Math.ceil(2 * need(length, smallest)),
    limitBytes,
    ...longest((shorter) => fitsProcess(shorter, smallest) && fitsDevice(shorter, smallest)),
  });
}

const halfWeights = ({ halfWeightBytes, weightBytes }: DeviceRoom, fits: boolean): { halfWeightsFit?: true } =>
  fits && halfWeightBytes < weightBytes ? { halfWeightsFit: true } : {};

/** Refuses a model whose weights alone do not fit the device, before anything is opened there. */
export function requireRoom(room: DeviceRoom): void {
  const { device, memoryBytes, weightBytes, halfWeightBytes } = room;
  if (memoryBytes === undefined || weightBytes <= memoryBytes) return;
  throw new FailureError({
    code: 'out-of-memory',
    device,
    neededBytes: weightBytes,
    limitBytes: memoryBytes,
    ...halfWeights(room, halfWeightBytes <= memoryBytes),
  });
}

/** The chunk of a run of an opened model, in the process and on its device. */
export const chunkThatFits = (
  { spec, room }: { readonly spec: ModelSpec; readonly room?: DeviceRoom | undefined },
  run: RunShape,
  limitBytes: number,
  wanted?: number,
): number => largestChunk(spec, run, limitBytes, wanted, true, room);
