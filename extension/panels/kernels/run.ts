/** What the Kernels panel runs: a benchmark, whose points come one after the other and which is saved by itself. */
import type { ToKernelsPanel } from '../../../protocol/panels/kernels';
import type { BenchmarkRow, BenchmarkSetup, BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { FailureError } from '../../../protocol/wire/failures';
import { isCancelled, type Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import type { RunInFlight } from '../flight';
import { PanelRun } from '../panel-run';

export type BenchmarkEvent = Extract<ToKernelsPanel, { readonly kind: 'stage' | 'row' | 'result' }>;
export type BenchmarkRun = PanelRun<BenchmarkSetup, BenchmarkEvent, BenchmarkResult>;

/** Rows that were measured and are not in a saved result yet: kept outside the process, so that a reload loses nothing. */
export interface Draft {
  readonly plan: BenchmarkSetup;
  readonly rows: readonly BenchmarkRow[];
}

export interface BenchmarkRunServices extends Pick<Compute, 'benchmark'> {
  /** What the process is doing beside, as "running an analysis". */
  jobs(): readonly string[];
  /** Asks the person what to do while the process is `doing` that; undefined when they decide not to run. */
  waitOrRunBeside(doing: string): Promise<'wait' | 'beside' | undefined>;
  /** The result of the plan's `done` rows, where the process of a cancelled run was ended before it gave one. */
  stopped: Compute['stoppedBenchmark'];
  /** Saves a result and returns where, in words. */
  save(result: BenchmarkResult): Promise<string>;
  keep(result: BenchmarkResult): Promise<void>;
  keepDraft(draft: Draft | undefined): void;
}

const keyOf = (row: BenchmarkRow): string => `${row.mechanism} ${row.length}`;
const rowEvent = (row: BenchmarkRow): BenchmarkEvent => ({ kind: 'row', row, final: true });

export function benchmarkRun(services: BenchmarkRunServices, draft?: Draft): BenchmarkRun {
  /** Why the last result was not saved. */
  let unsaved: Error | undefined;
  const { plan, rows = [] } = draft ?? {};
  const count = rows.length === 1 ? '1 point was' : `${rows.length} points were`;
  const sentence = `The last run was cut off; ${count} kept. Resume measures the rest.`;
  return new PanelRun<BenchmarkSetup, BenchmarkEvent, BenchmarkResult>(
    {
      async perform(planned, flight) {
        unsaved = undefined;
        const jobs = services.jobs();
        const how = jobs.length === 0 ? 'wait' : await services.waitOrRunBeside(jobs.join(' and '));
        if (how === undefined) throw new FailureError({ code: 'cancelled' });
        const result = await measure(services, planned, how === 'beside' ? { beside: true } : {}, flight);
        // Stopped before its first point: there is nothing to show in place of the result before it.
        if (result.rows.length === 0 && result.state === 'cancelled') throw new FailureError({ code: 'cancelled' });
        try {
          const savedAs = result.rows.length === 0 ? undefined : await services.save(result);
          services.keepDraft(undefined);
          return { result, ...defined({ savedAs }) };
        } catch (error) {
          // The result stays on the screen and its rows in the draft; Save tries again.
          services.keepDraft({ plan: result.plan, rows: result.rows });
          unsaved = error instanceof Error ? error : new Error(String(error));
          return { result };
        }
      },
      finished: (result, savedAs) => ({ kind: 'result', result, ...defined({ savedAs }) }),
      key: (event) => (event.kind === 'row' && event.final ? keyOf(event.row) : undefined),
      async keep(result) {
        // What was saved is not lost where the history has no place for it.
        if (result.rows.length > 0) await services.keep(result).catch(() => undefined);
        if (unsaved !== undefined) throw unsaved;
      },
      notKept: 'The result could not be saved. Export it, or save it again.',
      afterFailure: (_error, shown) => (shown > 0 ? ` ${shown} points are kept; Resume measures the rest.` : ''),
      outlasts: 'The points shown are kept.',
    },
    plan === undefined || rows.length === 0 ? undefined : { plan, events: rows.map(rowEvent), sentence },
  );
}

async function measure(
  services: BenchmarkRunServices,
  plan: BenchmarkSetup,
  how: { readonly beside?: true },
  { signal, emit, recall, isOver }: RunInFlight<BenchmarkEvent>,
): Promise<BenchmarkResult> {
  const rows = new Map((plan.done ?? []).map((row) => [keyOf(row), row]));
  for (const row of rows.values()) recall(rowEvent(row));
  const started = performance.now();
  try {
    return await services.benchmark({ ...plan, ...how }, signal, (progress) => {
      emit(progress);
      if (progress.kind !== 'row' || !progress.final) return;
      rows.set(keyOf(progress.row), progress.row);
      services.keepDraft({ plan, rows: [...rows.values()] });
    });
  } catch (error) {
    if (rows.size === 0) services.keepDraft(undefined);
    if (!isCancelled(error) || isOver()) throw error;
    // A cancelled run that had to be ended with its process gave no result of its own: its points make one.
    const result = await services.stopped({ ...plan, done: [...rows.values()] });
    return { ...result, seconds: (performance.now() - started) / 1000 };
  }
}
