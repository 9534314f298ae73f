/** A panel that runs something: holds the state, draws it, and does what every such panel does alike. */
import { render, type TemplateResult } from 'lit';
import type { ExportFormat, FromModelRunPanel } from '../../protocol/panels/messages';
import { announce } from './announce';
import { Arrangement } from './arrangement';
import { acquireHost, type Host } from './host';
import { continues, type Kept } from './kept-form';
import { seconds } from './numbers';
import { failedPhase, idle, type Running } from './phase';
import { SetupReporter } from './setup-reporter';
import { Redraw } from './redraw';
import type { RunState } from './run-state';
import { onThemeChange, readTheme } from './theme';

/** What is said of a message to those who do not see the panel. */
export interface Spoken {
  readonly words: string;
  /** Is said once, however often it comes. */
  readonly step?: string;
}

/** How far a run is, said once for each tenth. */
export function stageSpoken(
  { done, total, secondsLeft }: Pick<Running, 'done' | 'total' | 'secondsLeft'>,
  what: string,
): Spoken {
  const step = `${total > 0 ? Math.floor((10 * done) / total) * 10 : 0} % ${what}`;
  return { words: secondsLeft === undefined ? step : `${step}, about ${seconds(secondsLeft)} left`, step };
}

/** What asks the extension for what the state lacks. */
export interface Asking<S, From> {
  readonly state: () => S;
  readonly setState: (state: S) => void;
  readonly touched: () => boolean;
  readonly nextRequest: () => number;
  readonly post: (message: From) => void;
}

export interface StartedRun<S, Message> {
  readonly state: S;
  readonly message: Message;
  readonly said: string;
}

/** A file that leaves the panel. */
export interface LeavingFile {
  readonly format: ExportFormat;
  readonly name: string;
  readonly data: Promise<string | Uint8Array>;
}

const notShown = 'The panel could not show what came. Run again; if it stays so, report it with the details.';

export abstract class RunPanel<
  S extends RunState,
  To extends { readonly kind: string },
  From,
  Plan,
  K extends Kept<S['form'], S['view']>,
> {
  protected state: S;
  protected readonly host: Host<To, From | FromModelRunPanel<Plan>, K>;
  protected readonly plans: SetupReporter<Plan>;
  /** In the side view nothing is computed before the person does something: it would start a process for an open side bar. */
  protected touched = false;
  protected readonly redraw: Redraw;
  private readonly arrangement: Arrangement;
  private requests = 0;
  private announced = '';

  constructor(
    protected readonly root: HTMLElement,
    initial: S,
    parseKept: (kept: unknown) => K | undefined,
    restore: (state: S, kept: K | undefined) => S,
  ) {
    this.host = acquireHost(parseKept);
    const kept = this.host.restore();
    this.state = restore(initial, kept?.place === initial.place ? kept : undefined);
    this.redraw = new Redraw(root, () => render(this.page(), this.root));
    this.plans = new SetupReporter(kept?.basis ?? [], {
      plan: () => (this.state.opened ? this.setupOf() : undefined),
      report: (plan) => this.host.post({ kind: 'planned', plan }),
      keep: () => this.keepState(),
      reportsOpened: this.reportsOpened(),
    });
    this.arrangement = new Arrangement(root, initial.place === 'side', () => this.draw());
    onThemeChange(() => this.draw());
    document.addEventListener('keydown', (event) => this.onKey(event));
  }

  /** Draws, and asks the extension for its state. Once, when the whole panel is made. */
  start(): void {
    this.redraw.now();
    this.host.connect((message) => this.hear(message), { kind: 'ready' });
  }

  /** What goes wrong with a message is said: else a run whose result cannot be shown would seem to go on. */
  private hear(message: To): void {
    try {
      this.onMessage(message);
    } catch (error) {
      reportError(error);
      const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.change({ ...this.state, phase: failedPhase({ sentence: notShown, details }) });
      announce(notShown);
    }
  }

  protected abstract readonly page: () => TemplateResult;
  protected abstract readonly received: (message: To) => S;
  /** The plan in the form; undefined while it cannot be read. */
  protected abstract readonly setupOf: () => Plan | undefined;
  /** The plan that the full panel is opened with. */
  protected abstract planToOpen(): Plan | undefined;
  protected abstract readonly kept: () => K;
  protected abstract readonly formOfShown: () => S['form'];
  protected abstract readonly spoken: (message: To) => Spoken | undefined;
  protected abstract begin(resume: boolean): StartedRun<S, From> | undefined;

  /** Whether the extension's own plan is sent back to it once, because the answer is wanted. */
  protected reportsOpened(): boolean {
    return false;
  }

  /** What is said once a run was asked to stop. */
  protected stopping(): string {
    return 'Stopping';
  }

  /** Asks for what the new state lacks. */
  protected ask(): void {}

  protected escape(): void {}

  protected nextRequest(): number {
    this.requests += 1;
    return this.requests;
  }

  protected asking(): Asking<S, From> {
    return {
      state: () => this.state,
      setState: (state) => (this.state = state),
      touched: () => this.touched,
      nextRequest: () => this.nextRequest(),
      post: (message) => this.host.post(message),
    };
  }

  protected onMessage(message: To): void {
    this.change(this.received(message));
    const spoken = this.spoken(message);
    if (!spoken || (spoken.step !== undefined && spoken.step === this.announced)) return;
    if (spoken.step !== undefined) this.announced = spoken.step;
    announce(spoken.words);
  }

  /** The extension has sent a plan: what is typed stays only while it is a later state of that plan. */
  protected planOpened(plan: Plan, replaces = false): void {
    if (replaces || !continues(this.kept(), plan)) this.state = { ...this.state, form: undefined };
    // Another plan was asked for elsewhere: its question and its form stand at the top.
    if (replaces) window.scrollTo(0, 0);
    this.plans.opened(plan);
  }

  protected change(state: S): void {
    this.state = state;
    this.keepState();
    if (state.place !== 'file') this.plans.schedule();
    this.ask();
    this.draw();
  }

  private keepState(): void {
    this.host.keep(this.kept());
  }

  protected draw(): void {
    this.redraw.request();
  }

  protected partOf<A>(actions: A) {
    const { compact, beside } = this.arrangement;
    return { state: this.state, actions, dark: readTheme().dark, compact, beside };
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.run(this.resumes());
    } else if (event.key === 'Escape') this.escape();
  }

  /** Whether the keyboard's Run goes on with what was stopped. */
  protected resumes(): boolean {
    return false;
  }

  // What the parts ask for.

  edit(change: Partial<NonNullable<S['form']>>): void {
    this.touched = true;
    if (this.state.form) this.change({ ...this.state, form: { ...this.state.form, ...change } });
  }

  view(change: Partial<S['view']>): void {
    this.touched = true;
    this.change({ ...this.state, view: { ...this.state.view, ...change } });
  }

  toggle(name: string, open: boolean): void {
    this.view({ open: { ...this.state.view.open, [name]: open } });
  }

  run(resume = false): void {
    this.touched = true;
    this.launch(this.begin(resume));
  }

  protected launch(run: StartedRun<S, From> | undefined): void {
    if (!run) return;
    this.announced = '';
    this.host.post(run.message);
    this.change(run.state);
    announce(run.said);
  }

  cancel(): void {
    const { phase } = this.state;
    if (phase.kind !== 'running' || phase.cancelling) return;
    this.host.post({ kind: 'cancel' });
    this.change({ ...this.state, phase: { ...phase, cancelling: true } });
    announce(this.stopping());
  }

  backToShown(): void {
    const form = this.formOfShown();
    if (form) this.change({ ...this.state, form });
  }

  dropComparison(): void {
    this.host.post({ kind: 'stopComparing' });
    this.change({ ...this.state, compareWith: undefined });
  }

  /** A head that the full panel selects too. */
  protected selectedHead(): { readonly layer: number; readonly head: number } | undefined {
    return undefined;
  }

  openFull(): void {
    const plan = this.planToOpen();
    const select = this.selectedHead();
    if (plan) this.host.post({ kind: 'openFull', plan, ...(select ? { select } : {}) });
  }

  loadModel(): void {
    this.touched = true;
    this.host.post({ kind: 'loadModel' });
    this.change({ ...this.state, phase: idle, asides: { ...this.state.asides, loading: true } });
    announce('Loading the model');
  }

  dismissNotice(): void {
    this.change({ ...this.state, asides: { ...this.state.asides, notice: undefined } });
  }

  post(message: From | { readonly kind: 'save' | 'compare' }): void {
    this.touched = true;
    this.host.post(message);
  }

  copy(text: string, what: string): void {
    this.host.post({ kind: 'copy', text });
    announce(`${what} is copied`);
  }

  protected leave({ format, name, data }: LeavingFile): void {
    data.then(
      (written) => this.host.post({ kind: 'export', format, name, data: written }),
      (error: unknown) => {
        const sentence = error instanceof Error ? error.message : 'The export failed. Try SVG or CSV.';
        this.change({ ...this.state, phase: failedPhase({ sentence }) });
        announce(sentence);
      },
    );
  }
}
