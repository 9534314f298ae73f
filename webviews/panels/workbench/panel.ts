/** The workbench: what is its own beside what every panel that runs something does (`ui/run-panel.ts`). */
import type { TemplateResult } from 'lit';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import { printDo } from '../../../protocol/interventions/do-form';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ExportFormat } from '../../../protocol/panels/messages';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import type { AnalysisInput, AnalysisSetup, Offer, SectionQuestion } from '../../../protocol/analysis/schema';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import type { AttentionCell } from '../../../protocol/sections/map';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { headsAnalysis } from '../../../protocol/results/labelled-heads';
import { isReading } from '../../../protocol/sections/reading';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { writeFile } from '../../charts/leaving';
import { HeadRequests } from '../../sections/matrix/head-requests';
import type { PointedTokens } from '../../sections/looked-tokens';
import type { HeadSupply, SectionFormat, SectionView } from '../../sections/section-kind';
import { canonical } from '../../ui/canonical';
import { announce } from '../../ui/announce';
import { headName } from '../../ui/head-names';
import { wholeModel } from '../../ui/model-field';
import { chosenModel, ModelRunPanel } from '../../ui/model-run-panel';
import type { Spoken, StartedRun } from '../../ui/run-panel';
import { forgiven, isOfForm } from '../../ui/run-state';
import { themeForFile } from '../../ui/theme';
import type { Actions } from './actions';
import { awaitsBeside, filled, runsNow, withoutRun } from './beside';
import { exportName, fieldName, leavingOf, leavingSection } from './exports';
import { toForm, withAnalysis, type Form } from './form';
import { toInputForm, type InputForm } from './input-form';
import { followed, isLook, lookTab, toLook, toQuestionOf, withQuestion } from './look';
import { keep, parseKept, restore, type Kept } from './kept';
import { page } from './page';
import { WorkbenchQuestions } from './questions';
import { decoded } from '../../sections/image/loaded-picture';
import { foundNumber, type RowsOfHeads } from './rows-of-heads';
import { SectionQuestions } from './section-questions';
import { canStart, setupOf, viewOf, withChosenWeights } from './shown';
import { spokenOf } from './spoken';
import { begun, initialState, withPicture, type Front, type State } from './state';
import { receive } from './receive';
import { gainOf, withToggled } from './try/changes';
import { triedOf, tryName } from './try/tried';
import type { Trying } from './trial';
import { TryQuestions } from './try/try-questions';
import { recorded, redone, replaced, undone } from './undo';

/** Milliseconds. */
const quietly = 500;

export class WorkbenchPanel
  extends ModelRunPanel<State, ToWorkbench, FromWorkbench, AnalysisSetup, Kept>
  implements Actions
{
  /** Until then nothing is said of how far a Look is that runs by itself; milliseconds since 1970. */
  private quietUntil = 0;
  private readonly drawing = { ...this.asking(), setState: (state: State) => this.change(state) };
  private readonly questions = new WorkbenchQuestions(this.drawing);
  private readonly sections = new SectionQuestions(this.drawing);
  private readonly heads = new HeadRequests(
    (message) => this.host.post(message),
    () => this.nextRequest(),
  );
  readonly supply = (section: MatrixSection): HeadSupply => this.heads.supply(section);
  private readonly trials = new TryQuestions(this.asking());

  constructor(root: HTMLElement, place: PanelPlace) {
    super(root, initialState(place), parseKept, restore);
    document.addEventListener('keydown', (event) => this.onUndoKey(event));
  }

  /** What the person changed in the request is one step of Undo. */
  protected override change(next: State): void {
    const { form: before, undo } = this.state;
    const { form } = next;
    const isStep = before !== undefined && form !== undefined && before !== form && next.undo === undo;
    const state = isStep ? { ...next, undo: recorded(undo, before, form, Date.now()) } : next;
    super.change(filled(followed(state)));
  }

  /** Text fields have an Undo of their own. */
  private onUndoKey(event: KeyboardEvent): void {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== 'z' && key !== 'y')) return;
    const [target] = event.composedPath();
    if (target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement) return;
    event.preventDefault();
    if (key === 'y' || event.shiftKey) this.redo();
    else this.undo();
  }

  protected override onMessage(message: ToWorkbench): void {
    if (message.kind === 'tile' || message.kind === 'row') return this.heads.receive(message);
    const { kind } = message;
    if (kind === 'failed' && message.request !== undefined && this.heads.fail(message.request, message.sentence))
      return;
    const before = this.state.form;
    if (message.kind === 'looks' && message.byItself) this.quietUntil = Date.now() + quietly;
    // Most looks are done by then: nothing flickers while one types.
    if (kind === 'stage' && Date.now() < this.quietUntil) return;
    if (message.kind === 'open') {
      this.planOpened(message.plan, message.replaces);
      if (message.replaces) this.state = withoutRun(this.state);
    }
    if (message.kind === 'picture') this.onPicture(message);
    super.onMessage(message);
    if (runsNow(this.state)) {
      this.state = withoutRun(this.state);
      this.run();
    }
    if (message.kind === 'answer') this.sections.follow(message.request);
    if (message.kind === 'open' && message.replaces) this.recordReplaced(before);
    if (message.kind === 'open' || message.kind === 'result') {
      this.sections.openSelected();
      this.sections.openFirstHead();
    }
  }

  /** What a dialog or an offer put into the request is one step of Undo too. */
  private recordReplaced(before: Form | undefined): void {
    const { form, undo } = this.state;
    if (before && form) this.state = { ...this.state, undo: replaced(undo, before, form) };
    this.draw();
  }

  private onPicture({ sha256, mediaType, bytes }: Extract<ToWorkbench, { kind: 'picture' }>): void {
    decoded(bytes, mediaType).then(
      (picture) => {
        if (picture) this.change(withPicture(this.state, sha256, picture));
      },
      (error: unknown) => console.warn(error),
    );
  }

  protected received = (message: ToWorkbench): State => receive(this.state, message);
  protected spoken = (message: ToWorkbench): Spoken | undefined => spokenOf(message);
  protected setupOf = (): AnalysisSetup | undefined => setupOf(this.state);
  protected kept = (): Kept => keep(this.state, this.plans.basis);
  protected formOfShown = (): Form | undefined =>
    this.state.shownSetup && withChosenWeights(toForm(this.state.shownSetup, this.state.form), this.state);
  protected page = (): TemplateResult => page(this.partOf<Actions>(this));

  /** A caption is judged by what lies beside its picture, so a run waits until that is read. */
  override run(): void {
    this.touched = true;
    if (!canStart(this.state) || !awaitsBeside(this.state)) return super.run();
    this.questions.runOnceRead();
    announce('Reading the files beside the picture first');
  }

  protected override stopping(): string {
    return 'Stopping after the current step';
  }

  protected planToOpen(): AnalysisSetup | undefined {
    const { result, place } = this.state;
    return place === 'file' && result ? setupOfAnalysis(result) : setupOf(this.state);
  }

  protected begin(): StartedRun<State, FromWorkbench> | undefined {
    const plan = setupOf(this.state);
    if (!plan || !canStart(this.state) || this.state.place === 'file') return undefined;
    const look = isLook(this.state) ? { look: true as const } : {};
    const keepRunning = this.state.view.keepRunning ? { keepRunning: true as const } : {};
    return { state: begun(this.state, plan), message: { kind: 'run', plan, ...look, ...keepRunning }, said: 'Started' };
  }

  protected override ask(): void {
    this.questions.ask();
    this.trials.ask(this.partOf(this).compact);
  }

  // What the parts ask for.

  undo(): void {
    this.step(undone, 'Undone');
  }

  redo(): void {
    this.step(redone, 'Done again');
  }

  private step(take: typeof undone, said: string): void {
    const { form, undo } = this.state;
    const step = form && take(undo, form);
    if (!form || !step) return;
    this.touched = true;
    this.change({ ...this.state, ...step, estimated: undefined });
    if (step.form.folder !== form.folder || step.form.adapter !== form.adapter)
      this.host.post(chosenModel(step.form, this.device));
    announce(said);
  }

  keepRunning(keepRunning: boolean): void {
    this.view({ keepRunning });
  }

  bring(front: Front): void {
    this.touched = true;
    if (front === 'history') this.questions.history();
    this.view({ front });
    if (front === 'ask' || front === 'history') this.focusSoon(`#${front}-words`);
  }

  /** Once it is drawn. */
  private focusSoon(selector: string): void {
    this.redraw.now();
    this.root.querySelector<HTMLElement>(selector)?.focus();
  }

  search(list: 'ask' | 'history', words: string): void {
    this.view({ words: { ...this.state.view.words, [list]: words } });
    if (list === 'history') this.questions.historySoon();
  }

  chooseQuestion(id: string, adapts = false): void {
    const { state } = this;
    const { form, view } = state;
    if (!form) return;
    const analysis = adapts ? form.analysis : id;
    if (view.look || analysis !== form.analysis)
      this.toQuestion(withQuestion(state, { analysis, look: false, front: 'question' }));
    if (adapts) this.chooseAnalysis(id);
    this.view({ front: 'question' });
    this.focusSoon('#run');
  }

  showTab(id: string): void {
    const { state } = this;
    const tab = state.tabs?.find((one) => one.id === id);
    const isShown =
      id === state.active && tab?.setup.analysis === state.form?.analysis && (tab?.look ?? false) === state.view.look;
    if (tab && !isShown) this.toQuestion(toQuestionOf(state, tab));
    this.view({ front: 'tab' });
    if (id !== state.active) this.post({ kind: 'showTab', tab: id });
  }

  showLook(): void {
    const tab = lookTab(this.state);
    this.toQuestion(toLook(this.state));
    if (tab && tab.id !== this.state.active) this.post({ kind: 'showTab', tab: tab.id });
  }

  /** The estimate belongs to the question that was there before. */
  private toQuestion(question: Pick<State, 'form' | 'view'>): void {
    this.touched = true;
    this.change({ ...withoutRun(this.state), ...question, estimated: undefined });
  }

  closeTab(tab: string): void {
    this.post({ kind: 'closeTab', tab });
  }

  rerunTab(tab: string): void {
    this.post({ kind: 'rerunTab', tab });
  }

  compareTab(tab: string): void {
    const { active } = this.state;
    if (active === undefined) return;
    this.view({ front: 'tab' });
    this.post({ kind: 'compareTabs', tab, other: active });
  }

  compareBase(tab: string): void {
    this.view({ front: 'tab' });
    this.post({ kind: 'compareBase', tab });
  }

  openEntry(id: string): void {
    this.view({ front: 'tab' });
    this.post({ kind: 'openEntry', id });
  }

  pinEntry(id: string, pinned: boolean): void {
    const { history } = this.state;
    this.post({ kind: 'pinEntry', id, pinned });
    const rows = history?.rows?.map((row) => (row.id === id ? { ...row, pinned } : row));
    if (history && rows) this.change({ ...this.state, history: { ...history, rows } });
  }

  copyEntry(id: string): void {
    this.post({ kind: 'copyEntry', id });
  }

  removeEntry(id: string): void {
    this.post({ kind: 'removeEntry', id });
  }

  override edit(change: Partial<Form>): void {
    // The estimate belongs to the form as it was before the change.
    this.state = { ...withoutRun(this.state), estimated: undefined };
    super.edit(change);
  }

  editInput(change: Partial<InputForm>): void {
    const { form } = this.state;
    if (form) this.edit({ input: { ...form.input, ...change } });
  }

  chooseAnalysis(id: string): void {
    const { analyses, form, tasks, demos } = this.state;
    const named = (each: string | undefined): AnalysisInfo | undefined => analyses.find((one) => one.id === each);
    const info = named(id);
    if (!info || !form) return;
    const next = withAnalysis(form, info, { from: named(form.analysis), tasks, demos });
    if (next.folder !== form.folder) this.chooseModel(next.folder);
    this.edit(next);
  }

  /** An adapter belongs to its base, and interventions name heads: another model needs others, another form of the same model does not. */
  chooseModel(folder: string, chosen?: string): void {
    this.touched = true;
    const { form, phase, models } = this.state;
    if (!form) return;
    const isSame = wholeModel(folder, models) === wholeModel(form.folder, models);
    const adapter = chosen ?? (isSame ? form.adapter : '');
    this.host.post(chosenModel({ folder, adapter }, this.device));
    const interventions = isSame ? form.interventions : [];
    this.change({
      ...withoutRun(this.state),
      form: { ...form, folder, adapter, interventions },
      modelProblem: undefined,
      estimated: undefined,
      // What failed was of the model that was there before.
      phase: forgiven(phase),
    });
  }

  choosePath(field: string, what: 'file' | 'folder' | 'picture'): void {
    this.post({ kind: 'choosePath', field, what });
  }

  viewSection(key: string, change: Partial<SectionView>): void {
    this.touched = true;
    this.sections.view(key, change);
  }

  askSection(question: SectionQuestion, atOnce = false): void {
    this.touched = true;
    this.sections.ask(question, atOnce);
  }

  showAttention(section: string, head: HeadPlace, atOnce = false): void {
    this.touched = true;
    this.sections.showAttention(section, head, atOnce);
  }

  showRows(rows: RowsOfHeads, head: HeadPlace): void {
    this.touched = true;
    this.sections.showRows(rows, head);
  }

  findRows({ grid, table }: RowsOfHeads, find: string): void {
    const before = viewOf(this.state, table.id).find ?? '';
    this.viewSection(table.id, { find: find === '' ? undefined : find, cursor: undefined });
    // The count is drawn while something is looked for, unless another number is chosen meanwhile.
    if ((before.trim() === '') === (find.trim() === '')) return;
    this.viewSection(grid.id, { shown: find.trim() === '' ? undefined : foundNumber });
  }

  dropAnswer(request: number): void {
    this.sections.drop(request);
  }

  openPicture(name: string): void {
    const { result, form } = this.state;
    if (!form || result?.input.kind !== 'image-set') return;
    const { folder, prompt } = result.input;
    const image = `${folder.replace(/[\\/]$/, '')}/${name}`;
    if (!isOfForm(result.model, form)) this.chooseModel(result.model.folder, result.model.adapter ?? '');
    const { input } = this.state.form ?? form;
    this.edit({ input: toInputForm({ kind: 'prompt', prompt: { ...prompt, image } }, input) });
    this.change({ ...this.state, ...toLook(this.state) });
    window.scrollTo(0, 0);
    announce(`${name} is chosen: Run shows its heads.`);
  }

  openText(section: TableSection, row: number): void {
    const { result, form, place } = this.state;
    const cell = section.rows[row]?.find(isReading);
    const ids = cell && section.texts?.[cell.text]?.tokenIds;
    if (!result || !form || !cell || !ids) return;
    const { of: head, query } = cell;
    const input: AnalysisInput = { kind: 'prompt', prompt: { kind: 'ids', ids } };
    if (place !== 'full') {
      const plan = { ...setupOfAnalysis(result), analysis: headsAnalysis.id, parameters: {}, input };
      return this.host.post({ kind: 'openFull', plan, select: { ...head, query } });
    }
    if (!isOfForm(result.model, form)) this.chooseModel(result.model.folder, result.model.adapter ?? '');
    const interventions = result.interventions.map(printDo);
    this.edit({ input: toInputForm(input, (this.state.form ?? form).input), interventions });
    this.change({ ...this.state, select: { ...head, query, ids } });
    this.showLook();
    window.scrollTo(0, 0);
    this.run();
  }

  toggleHead(head: HeadPlace): void {
    const { form } = this.state;
    if (!form) return;
    const interventions = withToggled(form.interventions, head);
    this.edit({ interventions });
    const name = headName(head.layer, head.head);
    announce(gainOf(interventions, head) === 0 ? `${name} is removed` : `${name} is back at gain 1`);
  }

  applyOffer({ interventions }: Offer): void {
    const { result, form, place } = this.state;
    if (!result || !form) return;
    if (place !== 'full') {
      const plan = { ...setupOfAnalysis(result), interventions };
      return this.host.post({ kind: 'openFull', plan });
    }
    const { folder, adapter = '' } = result.model;
    // Heads are those of a model: the request turns to the one that the offer is of, and to what that one read.
    if (!isOfForm(result.model, form)) {
      this.chooseModel(folder, adapter);
      this.editInput(toInputForm(result.input, form.input));
    }
    this.edit({ interventions: interventions.map(printDo) });
    if (!triedOf(this.state)) return this.showLook();
    this.toggle(tryName, true);
    this.redraw.now();
    this.root.querySelector('.try')?.scrollIntoView({ block: 'nearest' });
  }

  arrangeTrying(change: Partial<Trying>): void {
    this.view({ trying: { ...this.state.view.trying, ...change } });
  }

  generate(): void {
    this.touched = true;
    this.trials.generate();
    this.draw();
  }

  stopGenerating(): void {
    this.trials.stop();
    this.draw();
    announce('Stopped');
  }

  settled(): void {
    this.trials.settled();
    this.draw();
  }

  point(tokens: PointedTokens): void {
    if (canonical(tokens) === canonical(this.state.pointed ?? {})) return;
    this.state = { ...this.state, pointed: tokens };
    this.draw();
  }

  redrawn(): void {
    this.draw();
  }

  explainWeight(cell: AttentionCell): void {
    this.touched = true;
    this.host.post({ kind: 'explainWeight', ...cell });
  }

  exportAs(format: ExportFormat): void {
    const { state } = this;
    const leaving = leavingOf(state, themeForFile(format));
    this.leave({ format, name: exportName(state, format), data: writeFile(leaving, format) });
  }

  exportField(field: string): void {
    const { state } = this;
    const data = `${JSON.stringify(state.result?.result[field], null, 2)}\n`;
    this.leave({ format: 'json', name: fieldName(state, field), data: Promise.resolve(data) });
  }

  saveSection(section: Section, view: SectionView, format: SectionFormat): void {
    const leaving = leavingSection(this.state, section, view, themeForFile(format));
    this.leave({ format, name: exportName(this.state, format, section.id), data: writeFile(leaving, format) });
  }
}
