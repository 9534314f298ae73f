/**
 * What a run of a model takes and gives inside the compute server (the port's request, and what only the server has), and which
 * rows of a prompt are run at a time.
 */
import { readsBothWays } from '../../../../models/architectures/block-heads';
import { markedRows } from '../../../../models/architectures/marked-tokens';
import { ModelError, type ModelSpec } from '../../../../models/architectures/model-spec';
import type { Sequence } from '../../../../diagnostics/model-runner/sequence';
import type {
  KeptPrefix,
  LayerResult,
  ResidualStream,
  RunRequest as PortRequest,
  RunResult as PortResult,
} from '../../../../diagnostics/model-runner/run-request';
import type { KeyValueCache } from '../cache/key-value-cache';
import type { LayerKeys } from './layer-feeds';

export type { LayerReinforcement, LayerResult, ResidualStream } from '../../../../diagnostics/model-runner/run-request';

/** A prefix with the cache that holds it. */
export interface CachedPrefix extends KeptPrefix {
  readonly cache: KeyValueCache;
}

export interface RunRequest extends Omit<PortRequest, 'depth'> {
  readonly past?: CachedPrefix;
  readonly chunk: number;
  /** The uninstrumented graphs: no variants, taps or statistics. For parity. */
  readonly plain?: boolean;
  /** Residual streams to start from instead of token embeddings (resumed or patched runs). */
  readonly from?: ResidualStream;
  /** Keep the residual stream that enters these layers. */
  readonly keepResiduals?: readonly number[];
  /** Give the stream that leaves the last layer. */
  readonly keepLast?: boolean;
  /** Keep keys and values, for decoding. */
  readonly keepCache?: boolean;
  /** Keeps only what the heads of the one variant with a plan keep, once a layer is done. */
  readonly compress?: boolean;
  /** Leave those kept where they were computed: who asks for it disposes of `RunResult.keys`. */
  readonly keysInPlace?: boolean;
}

export interface RunResult extends PortResult {
  readonly cache?: KeyValueCache;
  /** By layer, over the cache, where they were left in place. */
  readonly keys?: readonly LayerKeys[];
  readonly residuals: readonly ResidualStream[];
  /** What leaves the last layer, where it was kept. */
  readonly last?: ResidualStream;
}

export interface RunHooks {
  readonly signal?: AbortSignal | undefined;
  /** After each layer of a run to its end; the stream is fetched from the device for it. */
  readonly onLayer?: (result: LayerResult, residual: ResidualStream) => void;
  /** Between chunks: layer, and share of the layer done. */
  readonly onChunk?: (layer: number, share: number) => void;
}

export interface Chunk {
  readonly start: number;
  readonly length: number;
}

/** Rows that read later rows too: all of a bidirectional model's, else the prefix of the sequence. */
export const prefixOf = (model: ModelSpec, { ids, prefix }: Pick<Sequence, 'ids' | 'prefix'>): number =>
  readsBothWays(model) ? ids.length : (prefix ?? 0);

/** Rows that read each other in both directions cannot be cut: the first chunk holds them all. */
export function chunksOf(length: number, chunk: number, prefix = 0): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < length; start += chunks.at(-1)?.length ?? length) {
    chunks.push({ start, length: Math.min(start === 0 ? Math.max(chunk, prefix) : chunk, length - start) });
  }
  return chunks;
}

/** Up to here another call of each layer costs more than statistics of all rows (demo models, 2 cores, 2026-11-24). */
const shortPrompt = 128;

export function chunksOfRun(model: ModelSpec, request: RunRequest): readonly Chunk[] {
  const { length } = request.ids;
  const { past } = request;
  if (past) {
    const behind = chunksOf(length - past.length, request.chunk);
    return behind.map((chunk) => ({ ...chunk, start: chunk.start + past.length }));
  }
  const prefix = prefixOf(model, request);
  if (!request.lastMass || length <= shortPrompt || prefix === length) return chunksOf(length, request.chunk, prefix);
  return [...chunksOf(length - 1, request.chunk, prefix), { start: length - 1, length: 1 }];
}

/** Throws where the parts of a request contradict each other: what a caller inside the process got wrong. */
export function requirePossible(
  { marks }: Pick<ModelSpec, 'marks'>,
  { ids, past, variantIds, variantSources, ...request }: RunRequest,
  variants: number,
): void {
  if (variantSources && variantSources.length !== variants)
    throw new RangeError(`sources of ${variantSources.length} variants, for ${variants}`);
  if (variantIds && (variantIds.length !== variants || variantIds.some((own) => own.length !== ids.length))) {
    throw new RangeError(`ids of ${variantIds.length} variants, for ${variants} variants of ${ids.length} rows`);
  }
  const marked = (own: readonly number[]): string => (marks ? markedRows(marks, own).join() : '');
  if (variantIds?.some((own) => marked(own) !== marked(ids)))
    throw new ModelError(
      'The model marks other tokens in one text than in another, so the two are not run together. Make their questions equally long.',
    );
  if (!past) return;
  const { statistics, topKeys, maps, lastMass, reinforcement, keepCache, prefix } = request;
  if (statistics || topKeys || maps || lastMass || reinforcement || keepCache || prefix !== undefined) {
    throw new RangeError('rows behind a kept prefix give taps, logits and losses alone');
  }
  if (past.length >= ids.length) throw new RangeError(`no row is behind ${past.length} of ${ids.length}`);
}
