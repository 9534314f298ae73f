/** `closed`: a model that was closed. `usage`: a call with a wrong argument. The others are failures of a run. */
export type ErrorCode =
  | 'closed'
  | 'usage'
  | 'bad-request'
  | 'unsupported'
  | 'device-unavailable'
  | 'out-of-memory'
  | 'model-unusable'
  | 'kernel-file'
  | 'runtime-failed'
  | 'cancelled'
  | 'compute-restarted'
  | 'compute-unavailable'
  | 'internal';

/** What every call rejects with. The message is a sentence that says what to do. */
export class HeadscopeError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'HeadscopeError';
    this.code = code;
  }
}
