import { FailureError } from '../../protocol/wire/failures';
import type { Failure } from '../../protocol/wire/failures';
import { EngineRefusal } from '../sweeps/engine';
import { sentenceOf } from '../../protocol/wire/words';

export const exitCodes = {
  done: 0,
  /** Findings, or a kernel that failed its check. */
  findings: 1,
  wrongUsage: 2,
  /** The run failed: model, device, memory. */
  failed: 3,
  cancelled: 130,
} as const;

/** Ends a command with its exit code and one sentence for stderr. */
export class CommandError extends Error {
  constructor(
    readonly exitCode: number,
    sentence: string,
  ) {
    super(sentence);
    this.name = 'CommandError';
  }
}

export const wrongUsage = (sentence: string): CommandError => new CommandError(exitCodes.wrongUsage, sentence);

/** `stopped`: by Ctrl+C. A terminal sends it to the compute process too, which it ends while that starts. */
export function commandErrorOf(error: unknown, stopped = false): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof EngineRefusal) return new CommandError(exitCodes.failed, error.message);
  const found: Failure =
    error instanceof FailureError
      ? error.failure
      : { code: 'internal', detail: error instanceof Error ? error.message : String(error) };
  const ended = found.code === 'compute-unavailable' || found.code === 'compute-restarted';
  const failure: Failure = stopped && ended ? { code: 'cancelled' } : found;
  const codes: Partial<Record<Failure['code'], number>> = {
    'bad-request': exitCodes.wrongUsage,
    cancelled: exitCodes.cancelled,
  };
  return new CommandError(codes[failure.code] ?? exitCodes.failed, sentenceOf(failure));
}
