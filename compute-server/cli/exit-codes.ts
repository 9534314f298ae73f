import { FailureError } from '../../protocol/wire/failures';
import type { Failure } from '../../protocol/wire/failures';
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

export function commandErrorOf(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const failure: Failure =
    error instanceof FailureError
      ? error.failure
      : { code: 'internal', detail: error instanceof Error ? error.message : String(error) };
  const codes: Partial<Record<Failure['code'], number>> = {
    'bad-request': exitCodes.wrongUsage,
    cancelled: exitCodes.cancelled,
  };
  return new CommandError(codes[failure.code] ?? exitCodes.failed, sentenceOf(failure));
}
