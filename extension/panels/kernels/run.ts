/**
 * The benchmark in flight and the last one that ended, shared by the side view and the full panel, so that both show the same
 * points. One run at a time: starting one cancels the one before. Pure of VS Code.
 */
import type { Disposable } from 'vscode';
import type { BenchmarkProgress } from '../../../protocol/compute/api';
import type { ToKernelsPanel } from '../../../protocol/panels/kernels';
import type { BenchmarkPlan, BenchmarkResult, BenchmarkRow } from '../../../protocol/results/benchmark';
import { unreachable } from '../../../protocol/unreachable';
import { isCancelled, wordsOf } from '../../platform/compute';
import { Owner } from '../../platform/owner';
import { Signal } from '../../platform/signal';

/** What happened, as the panel is told; `planned` comes first and names the plan. */
export type RunEvent =
  | { readonly kind: 'started'; readonly plan: BenchmarkPlan }
  | Extract<ToKernelsPanel, { readonly kind: 'stage' | 'row' | 'result' | 'failed' | 'overdue' }>;

/** Rows that were measured and are not in a saved result yet: kept outside the process, so that a reload loses nothing. */
export interface Draft {
  readonly plan: BenchmarkPlan;
  readonly rows: readonly BenchmarkRow[];
}

export interface RunWorld {
  benchmark(
    plan: BenchmarkPlan,
    signal: AbortSignal,
    onProgress: (progress: BenchmarkProgress) => void,
  ): Promise<BenchmarkResult>;
  /** The result of the plan's `done` rows, where the process of a cancelled run was ended before it gave one. */
  stopped(plan: BenchmarkPlan): Promise<BenchmarkResult>;
  /** Saves a result and returns where, in words. */
  save(result: BenchmarkResult): Promise<string>;
  keepDraft(draft: Draft | undefined): void;
}

export class BenchmarkRun extends Owner {
  readonly #world: RunWorld;
  readonly #events = this.own(new Signal<RunEvent>());
  #abort: AbortController | undefined;
  #settled: Promise<void> = Promise.resolve();
  #plan: BenchmarkPlan | undefined;
  #rows = new Map<string, BenchmarkRow>();
  #stage: RunEvent | undefined;
  #last: Extract<RunEvent, { readonly kind: 'result' }> | undefined;
  #failed: Extract<RunEvent, { readonly kind: 'failed' }> | undefined;

  constructor(world: RunWorld, draft?: Draft) {
    super();
    this.#world = world;
    if (draft !== undefined && draft.rows.length > 0) {
      this.#plan = draft.plan;
      for (const row of draft.rows) this.#rows.set(keyOf(row), row);
      const count = draft.rows.length === 1 ? '1 point was' : `${draft.rows.length} points were`;
      this.#failed = { kind: 'failed', sentence: `The last run was cut off; ${count} kept. Resume measures the rest.` };
    }
  }

  readonly onEvent = (listener: (event: RunEvent) => void): Disposable => this.#events.event(listener);

  get running(): boolean {
    return this.#abort !== undefined;
  }

  /** The plan in flight, or of the last run. */
  get plan(): BenchmarkPlan | undefined {
    return this.#plan;
  }

  get result(): Extract<RunEvent, { readonly kind: 'result' }> | undefined {
    return this.#last;
  }

  /** What a panel that opens now has to be told after `open`, so that it shows what the others show. */
  replay(): readonly RunEvent[] {
    if (this.#plan === undefined || (this.#last !== undefined && !this.running)) return [];
    const rows = [...this.#rows.values()].map((row): RunEvent => ({ kind: 'row', row, final: true }));
    return [...rows, ...(this.running && this.#stage ? [this.#stage] : []), ...(this.#failed ? [this.#failed] : [])];
  }

  /** Settles when the run ended, however it ended; what it said went out as events. */
  async start(plan: BenchmarkPlan): Promise<void> {
    this.cancel();
    const abort = new AbortController();
    this.#abort = abort;
    const before = this.#settled;
    const run = before.then(() => this.#run(plan, abort));
    this.#settled = run;
    return run;
  }

  cancel(): void {
    this.#abort?.abort();
  }

  /** The cancelled run does not stop by itself. */
  overdue(): void {
    if (!this.running) return;
    this.#fire({
      kind: 'overdue',
      sentence: 'The run in flight does not stop by itself; its process is being restarted. The points shown are kept.',
    });
  }

  override dispose(): void {
    this.cancel();
    super.dispose();
  }

  async #run(plan: BenchmarkPlan, abort: AbortController): Promise<void> {
    if (abort.signal.aborted) return;
    this.#plan = plan;
    this.#rows = new Map((plan.done ?? []).map((row) => [keyOf(row), row]));
    this.#stage = this.#last = this.#failed = undefined;
    this.#fire({ kind: 'started', plan });
    const started = performance.now();
    try {
      const result = await this.#world
        .benchmark(plan, abort.signal, (progress) => this.#onProgress(progress))
        .catch((error: unknown) => this.#stopped(error, plan, started));
      await this.#finish(result, abort);
    } catch (error) {
      this.#fail(error, abort);
    }
  }

  /** A cancelled run that had to be ended with its process gave no result of its own: its points make one. */
  async #stopped(error: unknown, plan: BenchmarkPlan, started: number): Promise<BenchmarkResult> {
    if (!isCancelled(error) || this.disposed) throw error;
    const result = await this.#world.stopped({ ...plan, done: [...this.#rows.values()] });
    return { ...result, seconds: (performance.now() - started) / 1000 };
  }

  async #finish(result: BenchmarkResult, abort: AbortController): Promise<void> {
    if (result.rows.length === 0) {
      this.#world.keepDraft(undefined);
      this.#end({ kind: 'result', result }, abort);
      return;
    }
    try {
      const savedAs = await this.#world.save(result);
      this.#world.keepDraft(undefined);
      this.#end({ kind: 'result', result, savedAs }, abort);
    } catch (error) {
      // The result stays on the screen and its rows in the draft; Save tries again.
      this.#world.keepDraft({ plan: result.plan, rows: result.rows });
      this.#end({ kind: 'result', result }, abort);
      const reason = error instanceof Error ? error.message : String(error);
      this.#fire({
        kind: 'failed',
        sentence: `The result could not be saved. Export it, or save it again.`,
        details: reason,
      });
    }
  }

  #fail(error: unknown, abort: AbortController): void {
    const kept = this.#rows.size;
    if (kept === 0) this.#world.keepDraft(undefined);
    const words = wordsOf(error);
    const resumable = kept > 0 ? ` ${kept} points are kept; Resume measures the rest.` : '';
    const failed: RunEvent = { kind: 'failed', ...words, sentence: `${words.sentence}${resumable}` };
    this.#failed = failed;
    this.#rest(abort);
    this.#fire(failed);
  }

  /** The state is at rest before the listeners hear of it: a listener may start the next run. */
  #end(event: Extract<RunEvent, { readonly kind: 'result' }>, abort: AbortController): void {
    this.#last = event;
    this.#rest(abort);
    this.#fire(event);
  }

  /** A newer run that waits for this one to end keeps its own controller. */
  #rest(abort: AbortController): void {
    this.#stage = undefined;
    if (this.#abort === abort) this.#abort = undefined;
  }

  #onProgress(progress: BenchmarkProgress): void {
    switch (progress.kind) {
      case 'stage':
        this.#stage = progress;
        this.#fire(progress);
        return;
      case 'row':
        if (progress.final && this.#plan !== undefined) {
          this.#rows.set(keyOf(progress.row), progress.row);
          this.#world.keepDraft({ plan: this.#plan, rows: [...this.#rows.values()] });
        }
        this.#fire(progress);
        return;
      default:
        unreachable(progress);
    }
  }

  #fire(event: RunEvent): void {
    this.#events.fire(event);
  }
}

const keyOf = (row: BenchmarkRow): string => `${row.mechanism} ${row.length}`;
