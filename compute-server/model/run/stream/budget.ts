/** Memory of a run of a model, estimated before it starts, and the chunk of queries that keeps it inside the limit. */
import type { SourceRows } from '../../../../diagnostics/model-runner/sequence';
import type { PlanChange } from '../../../../models/instrument/changes/plan';
import { headsOf, readsBothWays } from '../../../../models/architectures/block-heads';
import { rowWidth } from '../../../../models/architectures/carried-rows';
import type { StateSpec } from '../../../../models/architectures/state-spec';
import { positionsOfState, readsShape, stateShapes } from '../../../../models/architectures/states/state-branch';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { innerWidth } from '../../../../models/architectures/network-spec';
import type { LayerRange } from '../../../../protocol/inputs/devices';
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
  /** Recurrences give their effective attention. */
  readonly effective?: boolean;
  /** The run goes back, for which recurrences keep states on the way. */
  readonly backwards?: boolean;
  /** First rows that read each other in both directions, and so run as one chunk. */
  readonly prefix?: number | undefined;
  /** What cross-attention reads. */
  readonly source?: Pick<SourceRows, 'ids'> | undefined;
}

/** Numbers of keys and values of a source, in one layer. */
const sourceNumbers = ({ cross }: BlockSpec, { source }: Pick<RunShape, 'source'>): number =>
  cross && source ? 2 * source.ids.length * cross.attention.kvHeads * cross.attention.headDim : 0;

/** Bytes of one layer's chunk: scores, keys and values (as they come and transposed), activations. */
export function layerBytes(
  model: ModelSpec,
  block: BlockSpec,
  run: Omit<RunShape, 'keepCache' | 'logits'>,
  chunk: number,
): number {
  const { attention, cross, feedForward } = block;
  const { heads, kvHeads, headDim } = headsOf(block);
  const window = attention?.window;
  const keys = Math.min(run.length, window === undefined ? run.length : window + chunk);
  const scores = attention ? scoreCopies * run.batch * heads * chunk * keys : 0;
  const cache = 4 * run.batch * kvHeads * headDim * keys + stateNumbers(block, run, chunk);
  // The neutral arrays of replacements are as large as what they would replace.
  const replacements = 2 * model.hiddenSize + heads * headDim;
  const activations =
    run.batch * chunk * (4 * model.hiddenSize + 2 * rowWidth(model) + 3 * innerWidth(feedForward) + replacements);
  // Keys of a source are repeated for each variant.
  const rows = run.source?.ids.length ?? 0;
  const ofSource = cross
    ? run.batch * (scoreCopies * cross.attention.heads * chunk * rows + sourceNumbers(block, run))
    : 0;
  return 4 * (scores + cache + activations + ofSource);
}

/** Those of the layer that takes most. */
const chunkBytes = (model: ModelSpec, run: RunShape, chunk: number): number =>
  Math.max(...model.blocks.map((block) => layerBytes(model, block, run, chunk)));

/** Numbers of the recurrence of a block: its states, as they come and go, and rows of its heads behind projection, convolution and recurrence. */
function stateNumbers(
  { state }: BlockSpec,
  { batch, length, effective = false, backwards = false }: Omit<RunShape, 'keepCache' | 'logits'>,
  chunk: number,
): number {
  if (!state) return 0;
  const channels = 'convolution' in state ? state.convolution.channels : 0;
  // What the recurrence makes of the identity, as it comes and goes, and rows of all heads over the keys, which are copied by head.
  const reads = effective ? (readsShape(state) ?? []) : [];
  const perKey = reads.length === 0 ? 0 : 2 * sizeOf(reads) + 2 * chunk * state.heads;
  // States in front of each chunk, and in front of each block of positions in it.
  const kept = backwards ? stateSize(state) * (length / chunk + chunk / positionsOfState(state)) : 0;
  return (
    kept + batch * (2 * stateSize(state) + chunk * (2 * channels + 4 * state.heads * state.headDim) + length * perKey)
  );
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, axis) => size * axis, 1);

/** Numbers of the states of one text. */
const stateSize = (state: StateSpec): number =>
  Object.values(stateShapes(state)).reduce((sum, shape) => sum + sizeOf(shape), 0);

/** Bytes that are held across layers: the residual stream twice, a shortcut beside it, the caches if they are kept, the logits. */
function heldBytes(model: ModelSpec, run: RunShape): number {
  const beside = model.blocks.some(({ shortcut }) => shortcut) ? model.hiddenSize : 0;
  const stream = run.batch * run.length * (2 * rowWidth(model) + beside);
  const caches = run.keepCache ? cacheNumbers(model, run) : 0;
  const vocabulary = model.head.vocabulary?.outputs ?? 0;
  const logits = run.batch * vocabulary * (run.logits === 'all' ? run.length : run.logits === 'last' ? 1 : 0);
  const ofSource = model.blocks.reduce((sum, block) => sum + sourceNumbers(block, run), 0);
  return 4 * (stream + caches + logits + ofSource);
}

/** Numbers of keys and values at the end of the text. Under a plan, those of one layer at the end of its prompt are added. */
function cacheNumbers(model: ModelSpec, { batch, length, further = 0, plan }: RunShape): number {
  const last = length + further;
  return model.blocks.reduce((sum, block, at) => {
    const { kvHeads, headDim } = headsOf(block);
    // The value of latent attention is its key, which is held once.
    const numbers = (block.attention?.projection.kind === 'latent' ? 1 : 2) * headDim;
    const own = layerPlanOf(plan, block);
    const rows =
      own && heldByHeads(own, block)
        ? own.heads.reduce((total, held) => total + rowsHeld(held, own.prompt, last), 0)
        : kvHeads * last;
    const states = block.state ? batch * stateSize(block.state) : 0;
    return sum + states + batch * numbers * (rows + (plan && at === 0 ? kvHeads * length : 0));
  }, 0);
}

/** The memory of another device than the cpu, as far as a run there is concerned. */
export interface DeviceRoom {
  readonly device: DeviceId;
  /** The layers that run there, in one place of the model or in several, each with whether the language head follows; absent: all. */
  readonly parts?: readonly { readonly layers: LayerRange; readonly head: boolean }[];
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
  rooms: readonly DeviceRoom[] = [],
): number {
  const need = (length: number, chunk: number, of = model): number => {
    const shorter = { ...run, length };
    return chunkBytes(of, shorter, Math.min(Math.max(chunk, run.prefix ?? 0), length)) + heldBytes(of, shorter);
  };
  // Half of the limit: the other half is for weights.
  const limit = limitBytes / 2;
  const parts = rooms.map((room) => ({ room, of: partOf(model, room) }));
  const fitsPart = ({ room, of }: (typeof parts)[number], length: number, chunk: number, half = false): boolean =>
    room.memoryBytes === undefined ||
    (half ? room.halfWeightBytes : room.weightBytes) + need(length, chunk, of) <= room.memoryBytes;
  const fitsDevice = (length: number, chunk: number): boolean => parts.every((part) => fitsPart(part, length, chunk));
  const fitsProcess = (length: number, chunk: number): boolean => need(length, chunk) <= limit;
  const choices = readsBothWays(model)
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
  const full = parts.find((part) => !fitsPart(part, length, smallest));
  if (full?.room.memoryBytes !== undefined && fitsProcess(length, smallest)) {
    const { room, of } = full;
    throw new FailureError({
      code: 'out-of-memory',
      device: room.device,
      neededBytes: Math.ceil(room.weightBytes + need(length, smallest, of)),
      limitBytes: full.room.memoryBytes,
      ...longest((shorter) => fitsProcess(shorter, smallest) && fitsDevice(shorter, smallest)),
      ...halfWeights(room, fitsPart(full, length, smallest, true)),
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

/** What of a model runs on a device. */
function partOf(model: ModelSpec, { parts }: DeviceRoom): ModelSpec {
  if (!parts) return model;
  const { vocabulary: _, ...withoutVocabulary } = model.head;
  const blocks = parts.flatMap(({ layers }) => model.blocks.slice(layers.first, layers.last + 1));
  return { ...model, blocks, head: parts.some(({ head }) => head) ? model.head : withoutVocabulary };
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

/** The chunk of a run of an opened model, in the process and on its devices. */
export const chunkThatFits = (
  { spec, rooms }: { readonly spec: ModelSpec; readonly rooms?: readonly DeviceRoom[] | undefined },
  run: RunShape,
  limitBytes: number,
  wanted?: number,
): number => largestChunk(spec, run, limitBytes, wanted, true, rooms);
