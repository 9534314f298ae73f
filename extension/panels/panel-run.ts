/**
 * The run of a panel in flight and what the last one gave, shared by its webviews, so that all show the same. One run at a time:
 * starting one cancels the one before. A run that ends before it gave anything leaves in place what was there before it. What a
 * panel runs, and what of it a webview that opens later is sent, its `RunKind` says.
 */
import type { Disposable } from 'vscode';
import { NotKept } from '../history/history-folder';
import { Owner } from '../platform/owner';
import { Signal } from '../platform/signal';
import { sentenceOfError } from './questions';

interface Started<Setup> {
  readonly kind: 'started';
  readonly plan: Setup;
}

export interface Failed {
  readonly kind: 'failed';
  readonly sentence: string;
  readonly details?: string;
  /** The run ended before it gave anything: what it replaced stands again. */
  readonly refused?: true;
}

interface Overdue {
  readonly kind: 'overdue';
  readonly sentence: string;
}

/** What happened; `started` comes first and names the plan, the others are messages to the panel. */
export type RunEvent<Setup, Event> = Started<Setup> | Event | Failed | Overdue;

export interface RunInFlight<Event> {
  readonly signal: AbortSignal;
  readonly emit: (event: Event) => void;
  /** Sends what an earlier run gave and this one continues from: it does not count as given by this run. */
  readonly recall: (event: Event) => void;
  /** True once the window closes: nothing more is asked. */
  readonly isOver: () => boolean;
}

export interface Finished<Result> {
  readonly result: Result;
  /** Where it was saved by itself, in words. */
  readonly savedAs?: string;
}

export interface RunKind<Setup, Event, Result> {
  perform(plan: Setup, flight: RunInFlight<Event>): Promise<Finished<Result>>;
  /** The message that brings a result to a webview. */
  finished(result: Result, savedAs?: string): Event;
  /**
   * A webview that opens later is sent the last event of each key, and a run that sent one has given something; undefined: of the
   * moment only.
   */
  key(event: Event): string | undefined;
  /** Keeps the result outside the process, so that a reload loses nothing. */
  keep?(result: Result): Promise<void>;
  readonly notKept: string;
  /** Follows the sentence of a failure; `shown`: how many events are replayed. */
  afterFailure?(error: unknown, shown: number): string;
  /** Which part of the panel outlasts a restart of the process. */
  readonly outlasts: string;
}

/** A run of the session before, which a reload cut off. */
export interface CutOff<Setup, Event> {
  readonly plan: Setup;
  readonly events: readonly Event[];
  readonly sentence: string;
}

export class PanelRun<Setup, Event extends { readonly kind: string }, Result> extends Owner {
  private readonly kind: RunKind<Setup, Event, Result>;
  private readonly events = this.own(new Signal<RunEvent<Setup, Event>>());
  /** What a webview that opens now is sent, by key. */
  private replayed = new Map<string, Event>();
  private abort: AbortController | undefined;
  private settled: Promise<void> = Promise.resolve();
  private current: Setup | undefined;
  private stage: Event | undefined;
  private finished: Finished<Result> | undefined;
  private failed: Failed | undefined;

  constructor(kind: RunKind<Setup, Event, Result>, cutOff?: CutOff<Setup, Event>) {
    super();
    this.kind = kind;
    if (cutOff === undefined) return;
    this.current = cutOff.plan;
    for (const event of cutOff.events) this.remember(event);
    this.failed = { kind: 'failed', sentence: cutOff.sentence };
  }

  readonly onEvent = (listener: (event: RunEvent<Setup, Event>) => void): Disposable => this.events.event(listener);

  get running(): boolean {
    return this.abort !== undefined;
  }

  /** The plan in flight, or of the last run. */
  get plan(): Setup | undefined {
    return this.current;
  }

  /** What the last run gave; undefined from the start of the next one, and again there when that one is refused. */
  get result(): Result | undefined {
    return this.finished?.result;
  }

  get savedAs(): string | undefined {
    return this.finished?.savedAs;
  }

  /** The message that brings a result to a webview. */
  message(result: Result, savedAs?: string): Event {
    return this.kind.finished(result, savedAs);
  }

  /** What a webview that opens now is sent after `open`, so that it shows what the others show. */
  replay(): readonly (Event | Failed)[] {
    if (this.current === undefined || (this.finished !== undefined && !this.running && !this.failed)) return [];
    const stage = this.running && this.stage !== undefined ? [this.stage] : [];
    return [...this.replayed.values(), ...stage, ...(this.failed === undefined ? [] : [this.failed])];
  }

  /** Settles when the run ended, however it ended; what it said went out as events. */
  start(plan: Setup): Promise<void> {
    this.cancel();
    const abort = new AbortController();
    this.abort = abort;
    this.settled = this.settled.then(() => this.run(plan, abort));
    return this.settled;
  }

  cancel(): void {
    this.abort?.abort();
  }

  /** The cancelled run does not stop by itself. */
  overdue(): void {
    if (!this.running) return;
    const sentence = `The run in flight does not stop by itself; its process is being restarted. ${this.kind.outlasts}`;
    this.events.fire({ kind: 'overdue', sentence });
  }

  /** The last result with what was asked of it since. */
  async amend(result: Result): Promise<void> {
    this.finished = { result };
    this.events.fire(this.kind.finished(result));
    await this.kind.keep?.(result);
  }

  /** The person saved a result: if it is the last one, all its webviews say where. */
  savedNow(result: Result, savedAs: string): void {
    if (this.result !== result) return;
    this.finished = { result, savedAs };
    this.events.fire(this.kind.finished(result, savedAs));
  }

  override dispose(): void {
    this.cancel();
    super.dispose();
  }

  private async run(plan: Setup, abort: AbortController): Promise<void> {
    if (abort.signal.aborted) return;
    const before = { finished: this.finished, replayed: this.replayed };
    let gave = false;
    this.current = plan;
    this.replayed = new Map();
    this.stage = this.finished = this.failed = undefined;
    this.events.fire({ kind: 'started', plan });
    try {
      const recall = (event: Event): void => {
        this.remember(event);
        this.events.fire(event);
      };
      const emit = (event: Event): void => {
        gave ||= this.kind.key(event) !== undefined;
        recall(event);
      };
      const finished = await this.kind.perform(plan, {
        signal: abort.signal,
        emit,
        recall,
        isOver: () => this.disposed,
      });
      this.finished = finished;
      this.rest(abort);
      this.events.fire(this.kind.finished(finished.result, finished.savedAs));
      await this.keep(finished.result);
    } catch (error) {
      const { sentence, ...details } = sentenceOfError(error);
      const after = this.kind.afterFailure?.(error, this.replayed.size) ?? '';
      this.failed = { kind: 'failed', sentence: `${sentence}${after}`, ...details };
      if (!gave) {
        this.finished = before.finished;
        // A whole result holds what was given on the way to it.
        this.replayed = before.finished === undefined ? before.replayed : new Map<string, Event>();
      }
      this.rest(abort);
      this.events.fire(gave ? this.failed : { ...this.failed, refused: true });
    }
  }

  private async keep(result: Result): Promise<void> {
    try {
      await this.kind.keep?.(result);
    } catch (error) {
      const details = error instanceof Error ? error.message : String(error);
      const why = error instanceof NotKept ? ` ${error.message}` : '';
      this.events.fire({ kind: 'failed', sentence: `${this.kind.notKept}${why}`, details });
    }
  }

  /** At rest before the listeners hear of it, as one may start the next run; a newer run keeps its own controller. */
  private rest(abort: AbortController): void {
    this.stage = undefined;
    if (this.abort === abort) this.abort = undefined;
  }

  private remember(event: Event): void {
    const key = this.kind.key(event);
    if (key !== undefined) this.replayed.set(key, event);
    else if (event.kind === 'stage') this.stage = event;
  }
}
