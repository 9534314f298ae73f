/**
 * The long jobs of this window: one runs, the others wait here, where they can be reordered and cancelled before the compute
 * server knows of them. A job that a person lets run beside the others takes no turn. Short questions do not queue.
 *
 * A job that fails, or whose process dies, ends with its own failure, and the next one takes its turn.
 */
import type { Disposable } from 'vscode';
import { FailureError } from '../../protocol/wire/failures';
import { closing } from './closing';
import { Owner } from './owner';
import { Signal } from './signal';

/** What a person calls it. */
interface RunName {
  /** As "Ablation of heads and MLPs". */
  readonly title: string;
  /** The model it runs; empty where it runs none. */
  readonly model: string;
  /** As "running an analysis". */
  readonly doing: string;
}

/** How far it is, as far as it has said. */
export interface RunStanding {
  readonly sentence: string;
  /** 0..1 */
  readonly share?: number;
  /** Seconds that this run alone still takes; while it waits, the time that it is expected to take. */
  readonly secondsLeft?: number;
}

export interface QueuedRun extends RunName, RunStanding {
  readonly id: string;
  readonly state: 'waiting' | 'running';
  /** A person let it run beside what was going on: times that are taken meanwhile are longer. */
  readonly beside?: true;
  /** When it began to run, in milliseconds since 1970. */
  readonly begun?: number;
}

export interface RunToQueue extends RunName {
  readonly beside?: boolean;
  /** It runs already, in a process of its own: it waits for no turn, and the others wait for it. */
  readonly goesOn?: boolean;
  /** Seconds that it is expected to take. */
  readonly expected?: number | undefined;
  /** Hears what it waits for, as a sentence without its end, each time that this changes. */
  readonly onWaiting?: (sentence: string) => void;
}

interface Entry extends Omit<RunToQueue, 'beside'> {
  readonly id: string;
  readonly beside: boolean;
  /** Aborted by whoever asked for the run. */
  readonly asked: AbortSignal;
  readonly abort: AbortController;
  /** Gives it its turn. */
  readonly begin: () => void;
  begun?: number;
  standing: RunStanding;
}

export class RunQueue extends Owner {
  private readonly changed = this.own(new Signal<readonly QueuedRun[]>());
  /** Those that run come first. */
  private entries: Entry[] = [];
  private nextId = 1;

  /** Something began, waits, moved, said how far it is, or ended. */
  readonly onChange = (listener: (list: readonly QueuedRun[]) => void): Disposable => this.changed.event(listener);

  /** What runs, then what waits in its order. */
  get list(): readonly QueuedRun[] {
    return this.entries.map(asShown);
  }

  /** What goes on now, as "running an analysis". */
  get doing(): readonly string[] {
    return [...new Set(this.entries.flatMap(({ begun, doing }) => (begun === undefined ? [] : [doing])))];
  }

  /** The run that was asked for with this signal. */
  of(asked: AbortSignal): QueuedRun | undefined {
    const entry = this.entries.find((one) => one.asked === asked);
    return entry && asShown(entry);
  }

  /** Acts when its turn comes. Cancelled while it waits it throws `cancelled`; the signal that it is given ends it later. */
  async run<T>(
    run: RunToQueue,
    asked: AbortSignal,
    act: (signal: AbortSignal, say: (standing: RunStanding) => void) => Promise<T>,
  ): Promise<T> {
    if (asked.aborted || this.disposed) throw cancelled();
    let [begin, refuse] = [(): void => {}, (_failure: FailureError): void => {}];
    const turn = new Promise<void>((resolve, reject) => ([begin, refuse] = [resolve, reject]));
    const abort = new AbortController();
    const { beside = false, goesOn = false, expected } = run;
    const entry: Entry = {
      ...run,
      id: `run-${this.nextId++}`,
      beside,
      asked,
      abort,
      begin,
      standing: { sentence: '', ...(expected === undefined ? {} : { secondsLeft: expected }) },
    };
    const onAbort = (): void => abort.abort(asked.reason);
    asked.addEventListener('abort', onAbort, { once: true });
    abort.signal.addEventListener('abort', () => refuse(cancelled()), { once: true });
    if (beside || goesOn) this.start(entry);
    this.entries.push(entry);
    this.settle();
    try {
      if (entry.begun === undefined) await turn;
      return await act(abort.signal, (standing) => {
        entry.standing = standing;
        this.fire();
      });
    } finally {
      asked.removeEventListener('abort', onAbort);
      this.entries = this.entries.filter((one) => one !== entry);
      this.settle();
    }
  }

  /** One that waits leaves the queue; one that runs stops as it would by the Cancel of its panel. */
  cancel(id: string): void {
    this.entries.find((one) => one.id === id)?.abort.abort();
  }

  /** A run that waits goes before another that waits, or with `undefined` to the end. */
  moveBefore(id: string, other: string | undefined): void {
    const moved = this.entries.find((one) => one.id === id);
    if (moved === undefined || moved.begun !== undefined || id === other) return;
    const rest = this.entries.filter((one) => one !== moved);
    const at = other === undefined ? rest.length : rest.findIndex((one) => one.id === other);
    if (at < 0 || rest[at]?.begun !== undefined) return;
    this.entries = rest.toSpliced(at, 0, moved);
    this.settle();
  }

  override dispose(): void {
    super.dispose();
    for (const { abort } of [...this.entries]) abort.abort(closing);
  }

  private start(entry: Entry): void {
    entry.begun = Date.now();
    entry.standing = { ...entry.standing, sentence: 'Starting' };
    entry.begin();
  }

  /** Gives the turn on where nobody has it, and tells those that wait what they wait for. */
  private settle(): void {
    if (!this.disposed && !this.entries.some((one) => one.begun !== undefined && !one.beside)) {
      const next = this.entries.find((one) => one.begun === undefined && !one.abort.signal.aborted);
      if (next !== undefined) this.start(next);
    }
    const runs = (one: Entry): boolean => one.begun !== undefined;
    this.entries = [...this.entries.filter(runs), ...this.entries.filter((one) => !runs(one))];
    const sentence = `Waiting until Headscope is done ${this.doing.join(' and ')}`;
    for (const entry of this.entries) {
      if (runs(entry) || entry.standing.sentence === sentence) continue;
      entry.standing = { ...entry.standing, sentence };
      entry.onWaiting?.(sentence);
    }
    this.fire();
  }

  private fire(): void {
    this.changed.fire(this.list);
  }
}

const cancelled = (): FailureError => new FailureError({ code: 'cancelled' });

const asShown = ({ id, title, model, doing, beside, begun, standing }: Entry): QueuedRun => ({
  id,
  title,
  model,
  doing,
  state: begun === undefined ? 'waiting' : 'running',
  ...(beside ? { beside: true as const } : {}),
  ...(begun === undefined ? {} : { begun }),
  ...standing,
});

/** Seconds until the queue is done; `atLeast` where some of its runs have not said how long they take. */
export function queueTime(
  list: readonly QueuedRun[],
): { readonly seconds: number; readonly atLeast: boolean } | undefined {
  const known = list.flatMap(({ secondsLeft }) => secondsLeft ?? []);
  if (known.length === 0) return undefined;
  // What runs beside goes on meanwhile.
  const inTurn = list.filter(({ beside }) => beside !== true).reduce((sum, one) => sum + (one.secondsLeft ?? 0), 0);
  return { seconds: Math.max(inTurn, ...known), atLeast: known.length < list.length };
}
