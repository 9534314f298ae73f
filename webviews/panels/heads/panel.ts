/** The Heads panel: what is its own beside what every panel that runs something does (`ui/run-panel.ts`). */
import type { TemplateResult } from 'lit';
import type { FromHeadsPanel, HeadsSetup } from '../../../protocol/panels/heads-schema';
import type { ExportFormat } from '../../../protocol/panels/messages';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import { writeFile } from '../../charts/leaving';
import { announce } from '../../ui/announce';
import { canonical } from '../../ui/canonical';
import { parseHead } from '../../ui/head-names';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { forgiven } from '../../ui/run-state';
import { ModelRunPanel } from '../../ui/model-run-panel';
import type { Spoken, StartedRun } from '../../ui/run-panel';
import { themeForFile } from '../../ui/theme';
import { shownToken } from '../../../protocol/wire/token-name';
import type { AttentionCell } from '../../../protocol/sections/map';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import { HeadRequests } from '../../sections/matrix/head-requests';
import type { HeadSupply, SectionView } from '../../sections/section-kind';
import type { Actions, CellPlace, Part } from './actions';
import { exportName, leavingOf } from './exports';
import { interventionsOf, toForm, type Form } from './form';
import { announcementOf, gridModel } from './grid-model';
import { startedEffects, stoppedEffects } from './head-effects';
import { shownHead } from './head-figure';
import { keep, parseKept, restore, type Kept } from './kept';
import { page } from './page';
import { setupOf, setupOfResult } from './setup';
import { Questions } from './questions';
import { startRun } from './run-setup';
import { readSampling } from './sampling';
import { tokensOf } from './shown';
import { spokenOf } from './spoken';
import { initialState, receive, select, setGain, shapeOf, toggleAblation, type State, type View } from './state';

export class HeadsPanel
  extends ModelRunPanel<State, ToHeadsPanel, FromHeadsPanel, HeadsSetup, Kept>
  implements Actions
{
  private readonly questions = new Questions(this.asking());
  private readonly heads = new HeadRequests(
    (message) => this.host.post(message),
    () => this.nextRequest(),
  );
  private readonly supply = (section: MatrixSection): HeadSupply => this.heads.supply(section);
  private hovered: CellPlace | undefined;
  private hoveredHead: HeadPlace | undefined;

  constructor(root: HTMLElement, place: PanelPlace) {
    super(root, initialState(place), parseKept, restore);
  }

  protected override onMessage(message: ToHeadsPanel): void {
    if (message.kind === 'tile' || message.kind === 'row') return this.heads.receive(message);
    const { kind } = message;
    if (kind === 'failed' && message.request !== undefined && this.heads.fail(message.request, message.sentence))
      return;
    if (kind === 'open') this.planOpened(message.plan, message.replaces);
    super.onMessage(message);
  }

  protected received = (message: ToHeadsPanel): State => receive(this.state, message, this.questions.latest);
  protected spoken = (message: ToHeadsPanel): Spoken | undefined => spokenOf(message, this.state);
  protected setupOf = (): HeadsSetup | undefined => setupOf(this.state);
  protected kept = (): Kept => keep(this.state, this.plans.basis);
  protected formOfShown = (): Form | undefined => this.state.shownSetup && toForm(this.state.shownSetup);
  protected page = (): TemplateResult => page(this.part());

  protected override stopping(): string {
    return 'Stopping after the layer in flight';
  }

  protected override selectedHead(): HeadPlace | undefined {
    return this.state.selected;
  }

  protected planToOpen(): HeadsSetup | undefined {
    const { result, place } = this.state;
    return place === 'file' && result ? setupOfResult(result) : setupOf(this.state);
  }

  protected begin(): StartedRun<State, FromHeadsPanel> | undefined {
    const started = startRun(this.state);
    return started && { state: started.state, message: { kind: 'run', plan: started.plan }, said: 'Started' };
  }

  protected override ask(): void {
    this.questions.ask();
  }

  protected override escape(): void {
    if (this.state.view.search !== '' || this.state.view.filter !== undefined)
      this.view({ search: '', filter: undefined });
  }

  // What the parts ask for.

  override view(change: Partial<View>): void {
    const state = { ...this.state, view: { ...this.state.view, ...change } };
    const named = change.search === undefined ? undefined : parseHead(change.search);
    const { layers, heads } = shapeOf(state);
    // A head typed by name is also shown.
    this.change(named && named.layer < layers && named.head < heads ? select(state, named) : state);
  }

  override toggle(name: string, open: boolean): void {
    this.touched = true;
    super.toggle(name, open);
  }

  chooseModel(folder: string): void {
    this.touched = true;
    const { form, phase } = this.state;
    if (!form) return;
    this.host.post({ kind: 'chooseModel', folder, device: this.device });
    this.change({
      ...this.state,
      // Interventions name heads of the model that was there before.
      form: { ...form, folder, gains: [], others: [] },
      modelProblem: undefined,
      // What failed was of the model that was there before.
      phase: forgiven(phase),
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

  viewAttention({ chosen, lines, log, hideFirst, ...change }: Partial<SectionView>): void {
    this.touched = true;
    const { state } = this;
    const { tokens } = tokensOf(state);
    const queries = chosen?.map(Number);
    this.change({
      ...state,
      ...(queries ? { queries } : {}),
      ...('cursor' in change ? { cell: change.cursor } : {}),
      view: {
        ...state.view,
        ...(lines === undefined ? {} : { head: lines ? 'lines' : 'matrix' }),
        ...(log === undefined ? {} : { scale: log ? 'log' : 'linear' }),
        ...(hideFirst === undefined ? {} : { hideSink: hideFirst }),
      },
    });
    const [query] = queries ?? [];
    if (query !== undefined && change.cursor === undefined)
      announce(
        queries?.length === 1 ? `query ${query}, ${shownToken(tokens[query] ?? '')}` : `${queries?.length} queries`,
      );
  }

  hoverCell(place: CellPlace | undefined): void {
    if (place?.query === this.hovered?.query && place?.key === this.hovered?.key) return;
    this.hovered = place;
    this.draw();
  }

  hoverHead(place: HeadPlace | undefined): void {
    this.hoveredHead = place;
    this.draw();
  }

  redrawn(): void {
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
    this.edit({ gains: [], others: [] });
  }

  override cancel(): void {
    const { phase, generation, headEffects } = this.state;
    if (phase.kind === 'running' || !(generation?.running || headEffects?.running)) return super.cancel();
    this.host.post({ kind: 'cancel' });
    this.change({
      ...this.state,
      live: undefined,
      generation: generation && { ...generation, running: false },
      headEffects: headEffects?.running ? stoppedEffects(headEffects) : headEffects,
    });
    announce('Stopped');
  }

  generate(which: 'both' | 'changed' = 'both'): void {
    const { form, result, view, generation } = this.state;
    const reading = readSampling(view.sampling);
    if (!form || !result || !reading.ok) return;
    const request = this.nextRequest();
    const interventions = interventionsOf(form);
    const { sampling } = reading;
    const plain =
      which === 'changed' &&
      interventions.length > 0 &&
      generation?.plain?.done === true &&
      canonical(generation.sampling) === canonical(sampling)
        ? generation.plain
        : undefined;
    this.change({
      ...this.state,
      generation: { request, interventions, sampling, running: true, ...(plain ? { plain } : {}) },
    });
    this.host.post({ kind: 'generate', request, interventions, ...sampling, ...(plain ? { changedOnly: true } : {}) });
  }

  explainWeight(cell: AttentionCell): void {
    this.host.post({ kind: 'explainWeight', ...cell });
  }

  measureEffects(): void {
    const request = this.nextRequest();
    this.change({ ...this.state, headEffects: startedEffects(request, this.state.headEffects) });
    this.host.post({ kind: 'measureEffects', request });
  }

  override dropComparison(): void {
    const { view } = this.state;
    if (view.colouring === 'difference') this.state = { ...this.state, view: { ...view, colouring: 'class' } };
    super.dropComparison();
  }

  exportAs(format: ExportFormat): void {
    const { state } = this;
    const leaving = leavingOf(state, themeForFile(format), shownHead(state));
    this.leave({ format, name: exportName(state, format), data: writeFile(leaving, format) });
  }

  private part(): Part {
    const { hovered, hoveredHead, supply } = this;
    // In the side bar nothing is computed before the person does something.
    const asks = this.state.place !== 'side' || this.touched;
    return { ...this.partOf<Actions>(this), hovered, hoveredHead, supply: asks ? supply : undefined };
  }
}
