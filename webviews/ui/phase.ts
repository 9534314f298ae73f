/** Where a run of a panel stands, and how its messages change that. */
export type Phase =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'running';
      readonly sentence: string;
      /** How much of `total` is done, in points or pictures; a share, with a total of 1, where the run gives only that. */
      readonly done: number;
      readonly total: number;
      readonly secondsLeft?: number;
      readonly cancelling: boolean;
      readonly overdue?: string;
    }
  | { readonly kind: 'failed'; readonly sentence: string; readonly details?: string };

export type Running = Extract<Phase, { kind: 'running' }>;

export const idle: Phase = { kind: 'idle' };

export interface Stage {
  readonly sentence: string;
  readonly secondsLeft?: number;
}

/** A stage of the run: what was asked of it meanwhile (to stop) and what was said of it (that it does not) stays. */
export function runningPhase(
  before: Phase,
  { sentence, secondsLeft, ...far }: Stage & ({ readonly share: number } | Pick<Running, 'done' | 'total'>),
): Running {
  const running = before.kind === 'running' ? before : undefined;
  return {
    kind: 'running',
    sentence,
    ...('share' in far ? { done: far.share, total: 1 } : { done: far.done, total: far.total }),
    ...(secondsLeft === undefined ? {} : { secondsLeft }),
    cancelling: running?.cancelling ?? false,
    ...(running?.overdue === undefined ? {} : { overdue: running.overdue }),
  };
}

export const startedPhase: Running = { kind: 'running', sentence: 'Starting', done: 0, total: 1, cancelling: false };

export const overduePhase = (before: Phase, overdue: string): Phase =>
  before.kind === 'running' ? { ...before, overdue } : before;

export const failedPhase = ({
  sentence,
  details,
}: {
  readonly sentence: string;
  readonly details?: string;
}): Phase => ({ kind: 'failed', sentence, ...(details === undefined ? {} : { details }) });
