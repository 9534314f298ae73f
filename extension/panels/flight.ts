/** One run of a panel, by its number: its setup, what it gave so far, and how it ended. */
import { sentenceOfError } from './questions';

export interface Failed {
  readonly kind: 'failed';
  readonly sentence: string;
  readonly details?: string;
  /** The run ended before it gave anything: what it replaced stands again. */
  readonly refused?: true;
}

export interface RunInFlight<Event> {
  /** Its number. */
  readonly run: number;
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
  keep?(result: Result, plan: Setup | undefined): Promise<void>;
  readonly notKept: string;
  /** Follows the sentence of a failure; `shown`: how many events are replayed. */
  afterFailure?(error: unknown, shown: number, run: number): string;
  /** Which part of the panel outlasts a restart of the process. */
  readonly outlasts: string;
  /** A run that starts leaves the others alone: they take turns (`platform/run-queue.ts`). */
  readonly queues?: true;
}

/** A run of the session before, which a reload cut off. */
export interface CutOff<Setup, Event> {
  readonly plan: Setup;
  readonly events: readonly Event[];
  readonly sentence: string;
}

export class Flight<Setup, Event extends { readonly kind: string }, Result> {
  readonly number: number;
  readonly plan: Setup;
  readonly abort = new AbortController();
  /** Waits for another one, or goes on. */
  running = true;
  /** It has given something itself. */
  gave = false;
  stage: Event | undefined;
  finished: Finished<Result> | undefined;
  failed: Failed | undefined;
  /** What a webview that opens now is sent, by key. */
  private replayed = new Map<string, Event>();
  private readonly kind: RunKind<Setup, Event, Result>;

  constructor(number: number, plan: Setup, kind: RunKind<Setup, Event, Result>) {
    this.number = number;
    this.plan = plan;
    this.kind = kind;
  }

  remember(event: Event): void {
    const key = this.kind.key(event);
    if (key !== undefined) this.replayed.set(key, event);
    else if (event.kind === 'stage') this.stage = event;
  }

  given(event: Event): void {
    this.gave ||= this.kind.key(event) !== undefined;
  }

  rest(): void {
    this.running = false;
    this.stage = undefined;
  }

  fail(error: unknown): Failed {
    const { sentence, ...details } = sentenceOfError(error);
    const after = this.kind.afterFailure?.(error, this.replayed.size, this.number) ?? '';
    this.failed = { kind: 'failed', sentence: `${sentence}${after}`, ...details };
    return this.failed;
  }

  /** It gave nothing: what it replaced stands again. */
  inherit(before: Flight<Setup, Event, Result> | undefined): void {
    this.finished = before?.finished;
    // A whole result holds what was given on the way to it.
    this.replayed = before === undefined || before.finished !== undefined ? new Map<string, Event>() : before.replayed;
  }

  /** What a webview that opens now is sent after `open`, so that it shows what the others show. */
  replay(): readonly (Event | Failed)[] {
    if (this.finished !== undefined && !this.running && !this.failed) return [];
    const stage = this.running && this.stage !== undefined ? [this.stage] : [];
    return [...this.replayed.values(), ...stage, ...(this.failed === undefined ? [] : [this.failed])];
  }
}
