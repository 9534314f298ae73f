/**
 * The runs of a panel, by number, shared by its webviews, so that all show the same. In most panels one goes on at a time: starting
 * one cancels the one before; where they queue, each goes on by itself. The one that began last is in front: a run that ends before
 * it gave anything leaves in place what was there before it. What a panel runs, and what of it a webview that opens later is sent,
 * its `RunKind` says.
 */
import type { Disposable } from 'vscode';
import { NotKept } from '../history/history-folder';
import { closing } from '../platform/closing';
import { Owner } from '../platform/owner';
import { Signal } from '../platform/signal';
import { Flight, type CutOff, type Failed, type Finished, type RunKind } from './flight';

interface Started<Setup> {
  readonly kind: 'started';
  readonly plan: Setup;
}

interface Overdue {
  readonly kind: 'overdue';
  readonly sentence: string;
}

/** What happened; `started` comes first and names the plan, the others are messages to the panel. */
export type RunEvent<Setup, Event> = Started<Setup> | Event | Failed | Overdue;

interface Numbered<Event> {
  readonly event: Event;
  readonly run: number;
}

export class PanelRun<Setup, Event extends { readonly kind: string }, Result> extends Owner {
  private readonly kind: RunKind<Setup, Event, Result>;
  private readonly events = this.own(new Signal<Numbered<RunEvent<Setup, Event>>>());
  /** Those that wait or go on, by number. */
  private readonly flights = new Map<number, Flight<Setup, Event, Result>>();
  private front: Flight<Setup, Event, Result> | undefined;
  private settled: Promise<void> = Promise.resolve();
  private last = 0;

  constructor(kind: RunKind<Setup, Event, Result>, cutOff?: CutOff<Setup, Event>) {
    super();
    this.kind = kind;
    if (cutOff !== undefined) this.front = this.earlier(cutOff);
  }

  /** A run of an earlier window, at rest. */
  earlier({ plan, events, sentence }: CutOff<Setup, Event>): Flight<Setup, Event, Result> {
    const flight = this.next(plan);
    for (const event of events) flight.remember(event);
    flight.failed = { kind: 'failed', sentence };
    flight.rest();
    return flight;
  }

  readonly onEvent = (listener: (event: RunEvent<Setup, Event>, run: number) => void): Disposable =>
    this.events.event(({ event, run }) => listener(event, run));

  /** One waits or goes on. */
  get running(): boolean {
    return this.flights.size > 0;
  }

  /** The one that began last. */
  get current(): Flight<Setup, Event, Result> | undefined {
    return this.front;
  }

  /** The plan in flight, or of the last run. */
  get plan(): Setup | undefined {
    return this.front?.plan;
  }

  /** What the last run gave; undefined from the start of the next one, and again there when that one is refused. */
  get result(): Result | undefined {
    return this.front?.finished?.result;
  }

  get savedAs(): string | undefined {
    return this.front?.finished?.savedAs;
  }

  /** The message that brings a result to a webview. */
  message(result: Result, savedAs?: string): Event {
    return this.kind.finished(result, savedAs);
  }

  /** What a webview that opens now is sent after `open`, so that it shows what the others show. */
  replay(): readonly (Event | Failed)[] {
    return this.front?.replay() ?? [];
  }

  /** Settles when the run ended, however it ended; what it said went out as events. */
  start(plan: Setup): Promise<void> {
    return this.begin(plan).ended;
  }

  /** Where runs queue, its events have begun when this returns. */
  begin(plan: Setup): { readonly flight: Flight<Setup, Event, Result>; readonly ended: Promise<void> } {
    if (this.kind.queues !== true) this.cancel();
    const flight = this.next(plan);
    this.flights.set(flight.number, flight);
    if (this.kind.queues === true) return { flight, ended: this.fly(flight) };
    this.settled = this.settled.then(() => this.fly(flight));
    return { flight, ended: this.settled };
  }

  /** One by its number, else all of them. */
  cancel(run?: number): void {
    if (run !== undefined) this.flights.get(run)?.abort.abort();
    else for (const { abort } of [...this.flights.values()]) abort.abort();
  }

  /** The cancelled run does not stop by itself. */
  overdue(): void {
    const sentence = `The run in flight does not stop by itself; its process is being restarted. ${this.kind.outlasts}`;
    for (const { number, abort } of this.flights.values()) {
      // A run that queues and was not cancelled waits or goes on.
      if (this.kind.queues !== true || abort.signal.aborted) this.fire(number, { kind: 'overdue', sentence });
    }
  }

  /** The last result with what was asked of it since. */
  amend(result: Result): Promise<void> {
    return this.extended(result, this.front);
  }

  /** The result of a run with what was asked of it since; `flight`: that run, where this window has it. */
  async extended(result: Result, flight: Flight<Setup, Event, Result> | undefined): Promise<void> {
    if (flight === undefined) return this.kind.keep?.(result, undefined);
    this.finish(flight, { result });
    await this.keep(flight, result);
  }

  /** The person saved a result: if it is the last one, all its webviews say where. */
  savedNow(result: Result, savedAs: string): void {
    if (this.front !== undefined && this.result === result) this.finish(this.front, { result, savedAs });
  }

  override dispose(): void {
    for (const { abort } of [...this.flights.values()]) abort.abort(closing);
    super.dispose();
  }

  private next(plan: Setup): Flight<Setup, Event, Result> {
    this.last += 1;
    return new Flight(this.last, plan, this.kind);
  }

  private async fly(flight: Flight<Setup, Event, Result>): Promise<void> {
    const { number, plan, abort } = flight;
    if (abort.signal.aborted) {
      this.flights.delete(number);
      return;
    }
    const before = this.front;
    this.front = flight;
    this.fire(number, { kind: 'started', plan });
    try {
      const recall = (event: Event): void => {
        flight.remember(event);
        this.fire(number, event);
      };
      const emit = (event: Event): void => {
        flight.given(event);
        recall(event);
      };
      const finished = await this.kind.perform(plan, {
        run: number,
        signal: abort.signal,
        emit,
        recall,
        isOver: () => this.disposed,
      });
      this.rest(flight);
      this.finish(flight, finished);
      await this.keep(flight, finished.result);
    } catch (error) {
      const failed = flight.fail(error);
      if (!flight.gave) flight.inherit(before);
      this.rest(flight);
      this.fire(number, flight.gave ? failed : { ...failed, refused: true });
    }
  }

  private finish(flight: Flight<Setup, Event, Result>, finished: Finished<Result>): void {
    flight.finished = finished;
    this.fire(flight.number, this.kind.finished(finished.result, finished.savedAs));
  }

  private async keep({ number, plan }: Flight<Setup, Event, Result>, result: Result): Promise<void> {
    try {
      await this.kind.keep?.(result, plan);
    } catch (error) {
      const details = error instanceof Error ? error.message : String(error);
      const why = error instanceof NotKept ? ` ${error.message}` : '';
      this.fire(number, { kind: 'failed', sentence: `${this.kind.notKept}${why}`, details });
    }
  }

  /** At rest before the listeners hear of it, as one may start the next run. */
  private rest(flight: Flight<Setup, Event, Result>): void {
    flight.rest();
    this.flights.delete(flight.number);
  }

  private fire(run: number, event: RunEvent<Setup, Event>): void {
    this.events.fire({ run, event });
  }
}
