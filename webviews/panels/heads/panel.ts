/** Holds the state, draws it, does what its parts ask for, and asks the extension for what the picture lacks. */
import { render } from 'lit';
import type { FromHeadsPanel, HeadsPlace, ToHeadsPanel } from '../../../protocol/panels/heads';
import { announce } from '../../ui/announce';
import { Arrangement } from '../../ui/arrangement';
import { acquireHost, type Host } from '../../ui/host';
import { PlanTelling } from '../../ui/plan-telling';
import { Redraw } from '../../ui/redraw';
import { onThemeChange, readTheme } from '../../ui/theme';
import type { Actions, ExportFormat, Part } from './actions';
import { exportData, exportName } from './exports';
import { shownHead } from './head-figure';
import { toForm, type Form } from './form';
import { canonical } from '../../ui/canonical';
import { announcementOf, gridModel } from './grid-model';
import { parseHead, type HeadPlace } from '../../ui/head-names';
import { page } from './page';
import { continues } from '../../ui/kept-form';
import { keep, parseKept, restore, type Kept } from './kept';
import { planOf, planOfResult } from './plan';
import { Questions } from './questions';
import { startRun } from './run-plan';
import { readSampling } from './sampling';
import { tokensOf } from './shown';
import { spokenOf } from './spoken';
import { initialState, receive, select, setGain, shapeOf, toggleAblation, type State, type View } from './state';
import { TileRequests, type TileSource } from './tile-source';
import { shownToken } from '../../ui/token-text';
import type { CellPlace } from './matrix-place';

export class HeadsPanel implements Actions {
  private state: State;
  private readonly host: Host<ToHeadsPanel, FromHeadsPanel, Kept>;
  private readonly kept: Kept | undefined;
  private readonly plans: PlanTelling<NonNullable<ReturnType<typeof planOf>>>;
  private requests = 0;
  private readonly questions: Questions;
  private touched = false;
  private readonly tiles: TileRequests;
  private source: TileSource | undefined;
  private tileVersion = 0;
  private hovered: CellPlace | undefined;
  private readonly redraw: Redraw;
  private readonly arrangement: Arrangement;
  private announced = '';

  constructor(
    private readonly root: HTMLElement,
    place: HeadsPlace,
  ) {
    this.host = acquireHost(parseKept);
    this.redraw = new Redraw(root, () => this.drawNow());
    this.tiles = new TileRequests(
      (request, rectangle) => {
        const { selected } = this.state;
        if (selected) this.host.post({ kind: 'tile', request, ...selected, ...rectangle });
      },
      () => this.nextRequest(),
      () => {
        this.tileVersion += 1;
        this.draw();
      },
    );
    this.questions = new Questions({
      state: () => this.state,
      setState: (state) => (this.state = state),
      touched: () => this.touched,
      nextRequest: () => this.nextRequest(),
      post: (message) => this.host.post(message),
    });
    this.kept = this.host.restore();
    this.state = restore(initialState(place), this.kept?.place === place ? this.kept : undefined);
    this.plans = new PlanTelling(this.kept?.basis ?? [], {
      plan: () => (this.state.opened ? planOf(this.state) : undefined),
      tell: (plan) => this.host.post({ kind: 'planned', plan }),
      keep: () => this.keepState(),
    });
    this.arrangement = new Arrangement(root, place === 'side', () => this.draw());
    onThemeChange(() => this.draw());
    document.addEventListener('keydown', (event) => this.onKey(event));
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
  }

  private nextRequest(): number {
    this.requests += 1;
    return this.requests;
  }

  private onMessage(message: ToHeadsPanel): void {
    if (message.kind === 'tile') {
      this.tiles.receive(message.request, message.tile);
      return;
    }
    if (
      message.kind === 'failed' &&
      message.request !== undefined &&
      this.tiles.fail(message.request, message.sentence)
    ) {
      return;
    }
    if (message.kind === 'open') {
      if (message.replaces || !continues(keep(this.state, this.plans.basis), message.plan))
        this.state = { ...this.state, form: undefined };
      this.plans.opened(message.plan);
    }
    this.change(receive(this.state, message, this.questions.latest));
    this.tell(message);
  }

  private tell(message: ToHeadsPanel): void {
    const spoken = spokenOf(message, this.state);
    if (!spoken || (spoken.step !== undefined && spoken.step === this.announced)) return;
    if (spoken.step !== undefined) this.announced = spoken.step;
    announce(spoken.words);
  }

  private change(state: State): void {
    this.state = state;
    this.keepState();
    if (state.place !== 'file') this.plans.schedule();
    this.questions.ask();
    this.openSource();
    this.draw();
  }

  private keepState(): void {
    this.host.keep(keep(this.state, this.plans.basis));
  }

  private openSource(): void {
    const { result, selected, canRun, asides } = this.state;
    if (!result || !selected || canRun !== true || asides.waiting) {
      this.source = undefined;
      return;
    }
    const key = canonical([result.created, result.model.hash, selected]);
    if (this.source?.key !== key) this.source = this.tiles.open(key, result.ids.length, result.model.causal);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.run();
    } else if (event.key === 'Escape' && (this.state.view.search !== '' || this.state.view.filter !== undefined)) {
      this.view({ search: '', filter: undefined });
    }
  }

  // What the parts ask for.

  edit(change: Partial<Form>): void {
    this.touched = true;
    if (this.state.form) this.change({ ...this.state, form: { ...this.state.form, ...change } });
  }

  view(change: Partial<View>): void {
    const state = { ...this.state, view: { ...this.state.view, ...change } };
    const named = change.search === undefined ? undefined : parseHead(change.search);
    const { layers, heads } = shapeOf(state);
    // A head typed by name is also shown.
    this.change(named && named.layer < layers && named.head < heads ? select(state, named) : state);
  }

  toggle(name: string, open: boolean): void {
    this.touched = true;
    this.view({ open: { ...this.state.view.open, [name]: open } });
  }

  chooseModel(folder: string): void {
    this.touched = true;
    const { form } = this.state;
    if (!form) return;
    this.host.post({ kind: 'chooseModel', folder });
    // Gains name heads of the model that was there before.
    this.change({
      ...this.state,
      form: { ...form, folder, gains: [] },
      modelProblem: undefined,
      // What failed was of the model that was there before.
      phase: this.state.phase.kind === 'failed' ? { kind: 'idle' } : this.state.phase,
      typed: undefined,
      typedProblem: undefined,
    });
  }

  select(place: HeadPlace): void {
    this.touched = true;
    const before = this.state.selected;
    this.change(select(this.state, place));
    if (before?.layer !== place.layer || before.head !== place.head)
      announce(announcementOf(gridModel(this.state), place));
  }

  selectQuery(query: number): void {
    this.touched = true;
    if (query === this.state.query) return;
    this.change({ ...this.state, query, row: undefined, rowProblem: undefined });
    announce(`query ${query}, ${shownToken(tokensOf(this.state).tokens[query] ?? '')}`);
  }

  hoverCell(place: CellPlace | undefined): void {
    if (place?.query === this.hovered?.query && place?.key === this.hovered?.key) return;
    this.hovered = place;
    this.draw();
  }

  setGain(place: HeadPlace, gain: number): void {
    this.touched = true;
    this.change(setGain(this.state, place, gain));
  }

  toggleAblation(place: HeadPlace): void {
    if (this.state.place === 'file') return;
    this.touched = true;
    this.change(toggleAblation(select(this.state, place), place));
    announce(announcementOf(gridModel(this.state), place));
  }

  resetGains(): void {
    this.edit({ gains: [] });
  }

  run(): void {
    this.touched = true;
    const started = startRun(this.state);
    if (!started) return;
    this.announced = '';
    this.host.post({ kind: 'run', plan: started.plan });
    this.change(started.state);
    announce('Started');
  }

  cancel(): void {
    const { phase, generation } = this.state;
    if (phase.kind === 'running' && !phase.cancelling) {
      this.host.post({ kind: 'cancel' });
      this.change({ ...this.state, phase: { ...phase, cancelling: true } });
      announce('Stopping after the layer in flight');
    } else if (generation?.running) {
      this.host.post({ kind: 'cancel' });
      this.change({ ...this.state, live: undefined, generation: { ...generation, running: false } });
      announce('Stopped');
    }
  }

  generate(): void {
    const { form, result, view } = this.state;
    const reading = readSampling(view.sampling);
    if (!form || !result || !reading.ok) return;
    const request = this.nextRequest();
    const { gains } = form;
    this.change({ ...this.state, generation: { request, gains, sampling: reading.sampling, running: true } });
    this.host.post({ kind: 'generate', request, gains, ...reading.sampling });
  }

  backToShown(): void {
    const { shownPlan } = this.state;
    if (shownPlan) this.change({ ...this.state, form: toForm(shownPlan) });
  }

  dropComparison(): void {
    const { view } = this.state;
    this.change({
      ...this.state,
      compareWith: undefined,
      view: view.colouring === 'difference' ? { ...view, colouring: 'class' } : view,
    });
  }

  openFull(): void {
    const { result, place, selected } = this.state;
    const plan = place === 'file' && result ? planOfResult(result) : planOf(this.state);
    if (plan) this.host.post({ kind: 'openFull', plan, ...(selected ? { select: selected } : {}) });
  }

  loadModel(): void {
    this.touched = true;
    this.host.post({ kind: 'loadModel' });
    this.change({ ...this.state, phase: { kind: 'idle' }, asides: { ...this.state.asides, loading: true } });
    announce('Loading the model');
  }

  dismissNotice(): void {
    this.change({ ...this.state, asides: { ...this.state.asides, notice: undefined } });
  }

  retryTiles(): void {
    if (!this.source) return;
    this.source.problem = undefined;
    this.source.store.retry();
    this.tileVersion += 1;
    this.draw();
  }

  post(message: FromHeadsPanel): void {
    this.host.post(message);
  }

  copy(text: string, what: string): void {
    this.host.post({ kind: 'copy', text });
    announce(`${what} is copied`);
  }

  exportAs(format: ExportFormat): void {
    exportData(this.state, format, readTheme(), shownHead(this.state, this.source)).then(
      (data) => this.host.post({ kind: 'export', format, name: exportName(this.state, format), data }),
      (error: unknown) => {
        const sentence = error instanceof Error ? error.message : 'The export failed. Try SVG or CSV.';
        this.change({ ...this.state, phase: { kind: 'failed', sentence } });
        announce(sentence);
      },
    );
  }

  // Drawing.

  private draw(): void {
    this.redraw.request();
  }

  private drawNow(): void {
    render(page(this.part()), this.root);
  }

  private part(): Part {
    const { state, source, tileVersion, hovered } = this;
    const { compact, beside } = this.arrangement;
    return { state, actions: this, dark: readTheme().dark, compact, beside, source, tileVersion, hovered };
  }
}
