/** A run of an analysis or an experiment, step by step: progress and partial results said, steps kept, cancelled between two. */

import type { Step } from '../../diagnostics/analysis';
import type { AnalysisProgress } from '../../protocol/analysis/analysis';
import { FailureError } from '../../protocol/wire/failures';
import type { Job } from '../dispatch/dispatcher';
import type { Surroundings } from '../surroundings';
import type { ShowsOf } from '../own-analyses/run-analysis';
import type { StepStore } from './step-store';
import { taskSurroundings } from '../runner/task-surroundings';

type Result = Readonly<Record<string, unknown>>;

export interface Followed {
  /** The result of a run that is cancelled, of what is known by then. */
  readonly stopped?: ((known: Partial<Result>) => Result | undefined | Promise<Result | undefined>) | undefined;
  readonly steps: StepStore;
  /** What a person should know of the run while it goes on, as a sentence. */
  readonly note?: string | undefined;
  /** The steps of a part are for the run that joins the parts. */
  readonly keepsSteps?: boolean;
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal;
}

export const stage = (
  sentence: string,
  share: number,
  kept: number,
  note?: string,
): Extract<AnalysisProgress, { readonly kind: 'stage' }> => ({
  kind: 'stage',
  sentence,
  share,
  kept,
  ...(note === undefined ? {} : { note }),
});

/** Where a run stands, and what it knows by then: a part of its result. */
export type RunProgress =
  | Extract<AnalysisProgress, { readonly kind: 'stage' }>
  | { readonly kind: 'known'; readonly partial: Partial<Result> };

/** What is known as it is shown. */
export async function* shown<R>({ finding, sections }: ShowsOf, run: Job<RunProgress, R>): Job<AnalysisProgress, R> {
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
    if (step.value.kind === 'stage') yield step.value;
    else {
      const { partial } = step.value;
      yield { kind: 'partial', finding: await finding(partial), sections: await sections(partial) };
    }
  }
}

/**
 * Gives the result; what was kept is removed. A run that fails on values that an earlier run kept is started once more without
 * them: they may be of another build, and would fail it each time.
 */
export async function* followed(
  start: () => AsyncGenerator<Step<Result>, Result>,
  of: Followed,
): Job<RunProgress, Result> {
  const { steps, surroundings, signal } = of;
  try {
    return yield* followedOnce(start(), of);
  } catch (error) {
    if (error instanceof Stopped) return error.result;
    if (steps.reused === 0 || signal.aborted || error instanceof FailureError) throw error;
    surroundings.log('warn', `The run failed on kept steps (${String(error)}), and measures them again.`);
    steps.startOver();
    return yield* followedOnce(start(), of);
  }
}

/** Steps of which nothing is kept: they belong to a result that is there already. */
export async function* unkept(
  run: AsyncGenerator<Step<Result>, Result>,
  signal: AbortSignal,
): Job<RunProgress, Result> {
  const left = new TimeLeft();
  const { pause } = taskSurroundings(signal);
  for (;;) {
    signal.throwIfAborted();
    await pause();
    const step = await run.next();
    if (step.done) return step.value;
    const { sentence, done, total, partial } = step.value;
    const secondsLeft = left.after(done, total, 0);
    const share = total > 0 ? Math.min(1, done / total) : 0;
    yield { ...stage(sentence, share, 0), ...(secondsLeft === undefined ? {} : { secondsLeft }) };
    if (partial) yield { kind: 'known', partial };
  }
}

async function* followedOnce(
  run: AsyncGenerator<Step<Result>, Result>,
  { steps, surroundings, signal, stopped, note, keepsSteps = false }: Followed,
): Job<RunProgress, Result> {
  const left = new TimeLeft();
  const { pause } = taskSurroundings(signal);
  let known: Partial<Result> = {};
  const next = async () => {
    try {
      signal.throwIfAborted();
      // Steps that wait for nothing would keep the message of a cancel from being read.
      await pause();
      return await run.next();
    } catch (error) {
      const result = signal.aborted ? await stopped?.(known) : undefined;
      throw result ? new Stopped(result) : error;
    }
  };
  for (;;) {
    const step = await next();
    if (step.done) {
      if (!keepsSteps) await steps.remove();
      return step.value;
    }
    const { sentence, done, total, partial } = step.value;
    if (steps.problem !== undefined) {
      surroundings.log('warn', `The steps of the run are not kept, so it cannot be resumed: ${steps.problem}`);
      steps.problem = undefined;
    }
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const secondsLeft = left.after(done, total, steps.reused);
    yield {
      ...stage(sentence, share, steps.kept, note),
      ...(secondsLeft === undefined ? {} : { secondsLeft }),
    };
    if (partial) {
      known = partial;
      yield { kind: 'known', partial };
    }
  }
}

/** The end of a run that was cancelled and has a result; its steps are kept. */
class Stopped extends Error {
  constructor(readonly result: Result) {
    super('the run was cancelled');
  }
}

/** Share of the memory limit that an analysis may hold beside a run: weights and the run itself have the rest. */
export const heldShare = 0.25;

/** Seconds that a run of equal steps still takes, by the steps of this run: those taken from disk took no time. */
class TimeLeft {
  private started = performance.now();
  private from = 0;
  private reused = 0;

  /** Undefined until a step was run. */
  after(done: number, total: number, reused: number): number | undefined {
    if (reused > this.reused) {
      this.reused = reused;
      this.from = done;
      this.started = performance.now();
      return undefined;
    }
    if (done <= this.from) return undefined;
    return ((performance.now() - this.started) / 1000 / (done - this.from)) * Math.max(0, total - done);
  }
}
