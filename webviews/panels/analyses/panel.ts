/** Holds the state, draws it, does what its parts ask for, and asks the extension for what the panel lacks. */
import { render } from 'lit';
import type {
  AnalysesPlace,
  AnalysisPlan,
  FromAnalysesPanel,
  ToAnalysesPanel,
} from '../../../protocol/panels/analyses';
import type { Section, SectionQuestion } from '../../../protocol/sections/section';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import { announce } from '../../ui/announce';
import { Arrangement } from '../../ui/arrangement';
import { canonical } from '../../ui/canonical';
import { acquireHost, type Host } from '../../ui/host';
import { continues } from '../../ui/kept-form';
import { Later } from '../../ui/later';
import { PlanTelling } from '../../ui/plan-telling';
import { Redraw } from '../../ui/redraw';
import { onThemeChange, readTheme } from '../../ui/theme';
import type { Actions, ExportFormat, Part } from './actions';
import { exportData, exportName, sectionData } from './exports';
import { toForm, withAnalysis, type Form } from './form';
import type { InputForm } from './input-form';
import { keep, parseKept, restore, type Kept } from './kept';
import { page } from './page';
import { decoded } from './pictures';
import { canStart, picturesNeeded, planOf, viewOf } from './shown';
import { spokenOf } from './spoken';
import { initialState, planOfResult, receive, started, withPicture, type State } from './state';

/** Behind the last change of the form. */
const estimateAfter = 400;

export class AnalysesPanel implements Actions {
  private state: State;
  private readonly host: Host<ToAnalysesPanel, FromAnalysesPanel, Kept>;
  private readonly plans: PlanTelling<AnalysisPlan>;
  private readonly redraw: Redraw;
  private readonly arrangement: Arrangement;
  private readonly later = new Later<'estimate'>();
  private readonly askedPictures = new Set<string>();
  private requests = 0;
  private estimatedPlan = '';
  private announced = '';
  /** In the side view nothing is computed before the person does something: it would start a process for an open side bar. */
  private touched = false;

  constructor(
    private readonly root: HTMLElement,
    place: AnalysesPlace,
  ) {
    this.host = acquireHost(parseKept);
    this.redraw = new Redraw(root, () => render(page(this.part()), this.root));
    const kept = this.host.restore();
    this.state = restore(initialState(place), kept?.place === place ? kept : undefined);
    this.plans = new PlanTelling(kept?.basis ?? [], {
      plan: () => (this.state.opened ? planOf(this.state) : undefined),
      tell: (plan) => this.host.post({ kind: 'planned', plan }),
      keep: () => this.keepState(),
    });
    this.arrangement = new Arrangement(root, place === 'side', () => this.redraw.request());
    onThemeChange(() => this.redraw.request());
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.run();
    });
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
  }

  private part(): Part {
    const { compact, beside } = this.arrangement;
    return { state: this.state, actions: this, dark: readTheme().dark, compact, beside };
  }

  private nextRequest(): number {
    this.requests += 1;
    return this.requests;
  }

  private onMessage(message: ToAnalysesPanel): void {
    if (message.kind === 'open') {
      if (message.replaces || !continues(keep(this.state, this.plans.basis), message.plan))
        this.state = { ...this.state, form: undefined };
      this.plans.opened(message.plan);
    }
    if (message.kind === 'picture') this.onPicture(message);
    this.change(receive(this.state, message));
    const spoken = spokenOf(message);
    if (!spoken || (spoken.step !== undefined && spoken.step === this.announced)) return;
    if (spoken.step !== undefined) this.announced = spoken.step;
    announce(spoken.words);
  }

  private onPicture({ path, mediaType, bytes }: Extract<ToAnalysesPanel, { kind: 'picture' }>): void {
    decoded(bytes, mediaType).then(
      (picture) => {
        if (picture) this.change(withPicture(this.state, path, picture));
      },
      (error: unknown) => console.warn(error),
    );
  }

  private change(state: State): void {
    this.state = state;
    this.keepState();
    if (state.place !== 'file') {
      this.plans.schedule();
      this.scheduleEstimate();
    }
    for (const path of picturesNeeded(state)) {
      if (this.askedPictures.has(path)) continue;
      this.askedPictures.add(path);
      this.host.post({ kind: 'picture', path });
    }
    this.redraw.request();
  }

  private keepState(): void {
    this.host.keep(keep(this.state, this.plans.basis));
  }

  private scheduleEstimate(): void {
    const { opened, canRun, place, phase } = this.state;
    const plan = opened ? planOf(this.state) : undefined;
    if (!plan || canRun !== true || phase.kind === 'running' || (place === 'side' && !this.touched)) return;
    const written = canonical(plan);
    if (written === this.estimatedPlan) return;
    this.estimatedPlan = written;
    this.later.do('estimate', estimateAfter, () => {
      const newest = planOf(this.state);
      if (!newest || this.state.phase.kind === 'running') return;
      const request = this.nextRequest();
      this.host.post({ kind: 'estimate', request, plan: newest });
      this.state = { ...this.state, estimated: { request } };
      this.redraw.request();
    });
  }

  // What the parts ask for.

  edit(change: Partial<Form>): void {
    this.touched = true;
    if (this.state.form) this.change({ ...this.state, form: { ...this.state.form, ...change }, estimated: undefined });
  }

  editInput(change: Partial<InputForm>): void {
    const { form } = this.state;
    if (form) this.edit({ input: { ...form.input, ...change } });
  }

  toggle(name: string, open: boolean): void {
    const { view } = this.state;
    this.change({ ...this.state, view: { ...view, open: { ...view.open, [name]: open } } });
  }

  chooseAnalysis(id: string): void {
    const info = this.state.analyses.find((one) => one.id === id);
    if (info && this.state.form) this.edit(withAnalysis(this.state.form, info));
  }

  chooseModel(folder: string): void {
    this.touched = true;
    const { form } = this.state;
    if (!form) return;
    this.host.post({ kind: 'chooseModel', folder });
    // Interventions name heads of the model that was there before.
    const interventions = folder === form.folder ? form.interventions : [];
    this.change({
      ...this.state,
      form: { ...form, folder, interventions },
      modelProblem: undefined,
      estimated: undefined,
      // What failed was of the model that was there before.
      phase: this.state.phase.kind === 'failed' ? { kind: 'idle' } : this.state.phase,
    });
  }

  choosePath(field: string, what: 'file' | 'folder' | 'picture'): void {
    this.touched = true;
    this.host.post({ kind: 'choosePath', field, what });
  }

  run(): void {
    this.touched = true;
    const plan = planOf(this.state);
    if (!plan || !canStart(this.state) || this.state.place === 'file') return;
    this.announced = '';
    this.host.post({ kind: 'run', plan });
    this.change(started(this.state, plan));
    announce('Started');
  }

  cancel(): void {
    const { phase } = this.state;
    if (phase.kind !== 'running' || phase.cancelling) return;
    this.host.post({ kind: 'cancel' });
    this.change({ ...this.state, phase: { ...phase, cancelling: true } });
    announce('Stopping after the step in flight');
  }

  backToShown(): void {
    const { shownPlan, form } = this.state;
    if (shownPlan) this.change({ ...this.state, form: toForm(shownPlan, form), estimated: undefined });
  }

  dropComparison(): void {
    this.host.post({ kind: 'stopComparing' });
    this.change({ ...this.state, compareWith: undefined });
  }

  openFull(): void {
    const { result, place } = this.state;
    const plan = place === 'file' && result ? planOfResult(result) : planOf(this.state);
    if (plan) this.host.post({ kind: 'openFull', plan });
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

  viewSection(key: string, change: Partial<SectionView>): void {
    const { view } = this.state;
    const sections = { ...view.sections, [key]: { ...viewOf(this.state, key), ...change } };
    this.change({ ...this.state, view: { ...view, sections } });
  }

  ask(question: SectionQuestion): void {
    this.touched = true;
    const { result, answers, canRun, asides } = this.state;
    if (!result || canRun !== true || asides.waiting) return;
    // Asked again, it stands where it stood.
    const same = answers.find((one) => canonical(one.question) === canonical(question));
    if (same && same.problem === undefined) return;
    const request = this.nextRequest();
    this.host.post({ kind: 'ask', request, question });
    this.change({
      ...this.state,
      answers: [...answers.filter((one) => one !== same), { request, question }],
    });
  }

  dropAnswer(request: number): void {
    this.change({ ...this.state, answers: this.state.answers.filter((one) => one.request !== request) });
  }

  post(message: FromAnalysesPanel): void {
    this.touched = true;
    this.host.post(message);
  }

  copy(text: string, what: string): void {
    this.host.post({ kind: 'copy', text });
    announce(`${what} is copied`);
  }

  exportAs(format: ExportFormat): void {
    this.leave(format, exportName(this.state, format), exportData(this.state, format, readTheme()));
  }

  saveSection(section: Section, view: SectionView, format: SectionFormat): void {
    const name = exportName(this.state, format).replace(
      /^/,
      `${section.id.replaceAll(/[^\w.-]+/g, '-').slice(0, 40)}-`,
    );
    this.leave(format, name, sectionData(this.state, section, view, format, readTheme()));
  }

  private leave(format: ExportFormat, name: string, data: Promise<string | Uint8Array>): void {
    data.then(
      (written) => this.host.post({ kind: 'export', format, name, data: written }),
      (error: unknown) => {
        const sentence = error instanceof Error ? error.message : 'The export failed. Try SVG or CSV.';
        this.change({ ...this.state, phase: { kind: 'failed', sentence } });
        announce(sentence);
      },
    );
  }
}
