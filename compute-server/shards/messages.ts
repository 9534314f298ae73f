/** What the caller of a sharded run and its workers say to each other. Tensors do not travel this way: see exchange.ts. */
import type { DistributedParameters } from '../../kernels/mechanisms/distributed/distributed-mha';
import type { AttentionShape } from '../../kernels/shape';
import type { Failure } from '../../protocol/wire/failures';

export interface ShardedCall {
  readonly shape: AttentionShape;
  readonly parameters: DistributedParameters;
  /** The numbers are those of kernels/inputs.ts for this seed. */
  readonly seed: number;
}

/** Milliseconds and bytes of one worker in one call. */
export interface WorkerTimes {
  /** In onnxruntime. */
  readonly computeMs: number;
  /** Writing and reading what is exchanged; waiting for other workers is not in it. */
  readonly exchangeMs: number;
  /** Processor time of the worker's process in the call: waiting, also for a core that other work holds, is not in it. */
  readonly cpuMs: number;
  /** Bytes of keys and values that it passed on (ring) or collected (gather), as the files took or gave them. */
  readonly passedBytes: number;
}

/** Sent by the caller to a worker: `open` once, then `run` once for each call, `handed` whenever another worker wrote. */
export type ToWorker =
  | { readonly kind: 'open'; readonly worker: number; readonly call: ShardedCall; readonly folder: string }
  /** `collect`: the worker also writes its output for the caller. */
  | { readonly kind: 'run'; readonly collect: boolean }
  | { readonly kind: 'handed'; readonly from: number; readonly step: number };

/** Sent by a worker: `opened` once, `handed` after it wrote keys and values for others, `ran` or `failed` at the end of a call. */
export type FromWorker =
  | { readonly kind: 'opened' }
  | { readonly kind: 'handed'; readonly step: number }
  | { readonly kind: 'ran'; readonly times: WorkerTimes }
  | { readonly kind: 'failed'; readonly failure: Failure };
