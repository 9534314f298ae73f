/** A line of a file of a person's own. */
export interface FilePlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column?: number;
}

/**
 * Every way a job of the compute server can fail: a code and plain facts, no prose. `extension` and the command line turn a
 * code into one sentence with a next step (protocol/wire/words.ts), so that both say the same.
 */
export type Failure =
  | { readonly code: 'bad-request'; readonly detail: string }
  | { readonly code: 'unsupported'; readonly detail: string }
  | { readonly code: 'device-unavailable'; readonly device: string; readonly detail: string }
  | {
      readonly code: 'out-of-memory';
      readonly neededBytes: number;
      readonly limitBytes: number;
      /** The mechanism that needs it, where the request had several. */
      readonly mechanism?: string;
      /** The longest length that fits, of the whole request, where it had one. */
      readonly fittingLength?: number;
      /** A part of a model that is opened as a whole, where it alone is larger than the limit. */
      readonly part?: string;
      /** The memory is that of this device, and not the limit of the process. */
      readonly device?: string;
      /** The model fits on that device when its weights are kept in float16. */
      readonly halfWeightsFit?: boolean;
    }
  /** A checkpoint that cannot be run; `detail` is one sentence. */
  | { readonly code: 'model-unusable'; readonly folder: string; readonly detail: string }
  /** A file of a person's own is at fault; `detail` is one sentence that begins with the place. */
  | { readonly code: 'kernel-file'; readonly detail: string; readonly sentence: string; readonly place?: FilePlace }
  | { readonly code: 'runtime-failed'; readonly detail: string }
  | { readonly code: 'cancelled' }
  | { readonly code: 'compute-restarted'; readonly detail: string }
  | { readonly code: 'compute-unavailable'; readonly detail: string }
  | { readonly code: 'internal'; readonly detail: string };

/** Thrown inside a process, sent as its `failure` between processes. */
export class FailureError extends Error {
  constructor(readonly failure: Failure) {
    super('detail' in failure ? `${failure.code}: ${failure.detail}` : failure.code);
    this.name = 'FailureError';
  }
}

/** `detail` is one sentence with a next step. */
export const refusal = (detail: string): FailureError => new FailureError({ code: 'bad-request', detail });
