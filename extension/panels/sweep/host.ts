/**
 * The extension's half of the Sweeps panel. It asks the command line for what is shown: at once after everything that a person does, and
 * again and again while the sweep runs and the panel can be seen.
 */
import { fromSweepPanel, type FromSweepPanel } from '../../../protocol/panels/sweep-schema';
import type { ToSweepPanel } from '../../../protocol/panels/sweep';
import type { SweepAnswers, SweepAsk, SweepLook, SweepPicture } from '../../../protocol/sweeps/sweep-picture';
import { type Acts, FileHost, type FileHostServices } from '../file-host';

export interface SweepServices extends FileHostServices {
  readonly name: string;
  /** True, or why nothing runs here. */
  mayRun(): true | string;
  isUnsaved(): boolean;
  /** Saves the document; false when that is refused. */
  save(): Promise<boolean>;
  ask<A extends SweepAsk>(ask: A): Promise<SweepAnswers[A['kind']]>;
  /** Ends the process that answers; it starts again with the next question. */
  rest(): void;
  /** True when the person agrees. */
  confirm(question: string, detail: string, action: string): Promise<boolean>;
  openText(line?: number): Promise<void>;
  /** A result by the key of its cell. */
  openResult(cell: string): Promise<void>;
  openLog(cell: string): Promise<void>;
  compare(one: string, other: string): Promise<void>;
}

/** Milliseconds between two looks: while cells run, and while results are still being read. */
const lookEvery = 1500;
const readEvery = 50;
/** A look that takes long is made less often, so that it takes at most so much of the time. */
const mostShare = 0.2;

export class SweepHost extends FileHost<ToSweepPanel> {
  protected override readonly messages = fromSweepPanel;
  private look: SweepLook = {};
  private shown: SweepPicture | undefined;
  private timer: NodeJS.Timeout | undefined;
  private looking = false;
  private stale = false;

  constructor(
    private readonly services: SweepServices,
    send: (message: ToSweepPanel) => void,
  ) {
    super(services, send);
  }

  override hide(): void {
    super.hide();
    this.stop();
    this.services.rest();
  }

  override dispose(): void {
    this.stop();
    this.services.rest();
    super.dispose();
  }

  /** Something in the folder of the sweep has changed. While it runs, it is looked at anyway. */
  changed(): void {
    if (this.mail.isOpen && this.shown?.active !== true) void this.renew();
  }

  protected open(): void {
    const { name } = this.services;
    this.mail.open([{ kind: 'open', name, canRun: this.services.mayRun(), unsaved: this.services.isUnsaved() }]);
    void this.renew();
  }

  protected override acts(): Acts<FromSweepPanel> {
    const { services } = this;
    return {
      ...super.acts(),
      look: ({ look }) => {
        this.look = look;
        return this.renew();
      },
      refresh: () => this.renew(),
      submit: async ({ failedOnly }) => {
        if (services.isUnsaved() && !(await services.save())) return;
        await this.perform('Submitting', { kind: 'submit', which: failedOnly ? 'failed' : 'open' });
      },
      cancel: async () => {
        const running = (this.shown?.states.running ?? 0) + (this.shown?.states.waiting ?? 0);
        const detail = 'Running cells are stopped and waiting ones withdrawn. Results are kept.';
        if (running > 1 && !(await services.confirm(`Cancel ${running} cells?`, detail, 'Cancel Sweep'))) return;
        await this.perform('Cancelling', { kind: 'cancel' });
      },
      again: async ({ cell }) => {
        const isDone = this.shown?.chosen?.state === 'done' && this.shown.chosen.key === cell;
        const detail = 'Its result is moved to the folder results/earlier and no longer collected.';
        if (isDone && !(await services.confirm('Run this cell again?', detail, 'Run Again'))) return;
        await this.perform('Submitting', { kind: 'again', key: cell });
      },
      openResult: ({ cell }) => services.openResult(cell),
      openLog: ({ cell }) => services.openLog(cell),
      compare: ({ one, other }) => services.compare(one, other),
      openText: () => services.openText(),
      openLine: ({ line }) => services.openText(line),
    };
  }

  private async perform(doing: string, ask: Exclude<SweepAsk, { readonly kind: 'look' }>): Promise<void> {
    this.mail.post({ kind: 'doing', sentence: doing });
    try {
      this.mail.post({ kind: 'done', sentence: await this.services.ask(ask) });
    } catch (error) {
      this.fail(error);
    }
    await this.renew();
  }

  /** Looks now. A look that is asked for meanwhile follows it. */
  private async renew(): Promise<void> {
    if (this.services.mayRun() !== true) return;
    this.stale = true;
    if (this.looking) return;
    this.looking = true;
    this.stop();
    try {
      while (this.stale && !this.disposed && this.mail.isOpen) {
        this.stale = false;
        const answer = await this.services.ask({ kind: 'look', look: this.look });
        if (this.disposed) return;
        if ('mistakes' in answer) {
          this.shown = undefined;
          this.mail.post({ kind: 'mistakes', mistakes: answer.mistakes });
        } else {
          this.shown = answer;
          this.mail.post({ kind: 'picture', picture: answer });
          this.plan(answer);
        }
      }
    } catch (error) {
      // Its process was ended because the page is hidden.
      if (!this.disposed && this.mail.isOpen) this.fail(error);
    } finally {
      this.looking = false;
    }
  }

  private fail(error: unknown): void {
    const [sentence, details] =
      error instanceof Error ? [error.message, 'details' in error ? error.details : error.stack] : [String(error), ''];
    this.mail.post({ kind: 'failed', sentence, ...(typeof details === 'string' && details !== '' ? { details } : {}) });
  }

  private plan({ active, read, states, took }: SweepPicture): void {
    this.stop();
    if (!active && read >= states.done) return;
    const least = read < states.done ? readEvery : lookEvery;
    this.timer = setTimeout(() => void this.renew(), Math.max(least, (1000 * took) / mostShare));
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
