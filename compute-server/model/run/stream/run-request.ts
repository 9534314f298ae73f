/** What a run of a model takes and gives inside the compute server: the port's request, and what only the server has. */
import type {
  KeptPrefix,
  LayerResult,
  ResidualStream,
  RunRequest as PortRequest,
  RunResult as PortResult,
} from '../../../../diagnostics/model-runner/run-request';
import type { KeyValueCache } from '../cache/key-value-cache';
import type { LayerKeys } from './layer-keys';

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
  /** Of the one variant with a plan: keep what its heads keep, once a layer is done. */
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
