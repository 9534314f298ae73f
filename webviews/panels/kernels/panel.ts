/** The Kernels panel: what is its own beside what every panel that runs something does (`ui/run-panel.ts`). */
import type { TemplateResult } from 'lit';
import type { FromKernelsPanel, ModuleFile } from '../../../protocol/panels/kernels-schema';
import type { ExportFormat } from '../../../protocol/panels/messages';
import type { ToKernelsPanel } from '../../../protocol/panels/kernels';
import type { PanelPlace } from '../../../protocol/panels/run-panel';
import type { BenchmarkSetup } from '../../../protocol/results/benchmark-schema';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import type { Section } from '../../../protocol/sections/section';
import { unreachable } from '../../../protocol/unreachable';
import type { ChartExport } from '../../charts/chart-card';
import { writeFile } from '../../charts/leaving';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import { leavingModule, moduleFileName } from '../../modules/module-exports';
import { announce } from '../../ui/announce';
import { canonical } from '../../ui/canonical';
import { RunPanel, stageSpoken, type Spoken, type StartedRun } from '../../ui/run-panel';
import { themeForFile } from '../../ui/theme';
import type { Actions, Part } from './actions';
import { cabSetup } from './cab-setup';
import { chartText, exportName, exportSource, leavingOf } from './exports';
import { finding } from './finding';
import { takeShape, toForm, type Form } from './form';
import { viewRequest } from './mechanism-card';
import type { ModuleForm } from '../../modules/module-form';
import { moduleForm, startModule, withModuleForm } from '../../modules/module-state';
import { readNeighborhood, typedNeighborhood } from './neighborhood-form';
import { page } from './page';
import { titleOf } from './pictures';
import { leavingSystem, systemFileName } from './system-view';
import {
  canResume,
  initialState,
  keep,
  parseKept,
  pin,
  setupOf,
  receive,
  restore,
  runnableSetup,
  startRun,
  withCard,
  type CardChoice,
  type Kept,
  type State,
  type View,
} from './state';

export class KernelsPanel
  extends RunPanel<State, ToKernelsPanel, FromKernelsPanel, BenchmarkSetup, Kept>
  implements Actions
{
  /** The questions last asked for the card of a mechanism, by kind. */
  private readonly asked = new Map<string, string>();
  private emphasised: string | undefined;

  constructor(root: HTMLElement, place: PanelPlace) {
    super(root, initialState(place), parseKept, restore);
  }

  protected override onMessage(message: ToKernelsPanel): void {
    if (message.kind === 'open') this.planOpened(message.plan);
    super.onMessage(message);
  }

  protected received = (message: ToKernelsPanel): State => receive(this.state, message);
  protected setupOf = (): BenchmarkSetup | undefined => setupOf(this.state);
  protected kept = (): Kept => keep(this.state, this.plans.basis);
  protected formOfShown = (): Form | undefined =>
    this.state.measuredSetup && toForm(this.state.measuredSetup, this.state.shapes);
  protected page = (): TemplateResult => page(this.part(), this.emphasised);

  protected spoken = (message: ToKernelsPanel): Spoken | undefined => {
    switch (message.kind) {
      case 'result':
        return { words: finding(this.state, titleOf(this.state)) };
      case 'failed':
      case 'overdue':
      case 'notice':
        return { words: message.sentence };
      case 'stage':
        return stageSpoken(message, 'measured');
      case 'open':
      case 'devices':
      case 'shapes':
      case 'supports':
      case 'mechanismView':
      case 'neighborhoodBound':
      case 'row':
      case 'modules':
      case 'moduleStage':
      case 'moduleFile':
        return undefined;
      case 'moduleResult':
        return { words: message.result.finding };
      case 'moduleFailed':
        return { words: message.sentence };
      default:
        return unreachable(message);
    }
  };

  /** The answer says which mechanisms can run it. */
  protected override reportsOpened(): boolean {
    return true;
  }

  protected override stopping(): string {
    return 'Stopping after the call in flight';
  }

  protected override resumes(): boolean {
    return canResume(this.state);
  }

  protected planToOpen(): BenchmarkSetup | undefined {
    return this.state.place === 'file' ? this.state.measuredSetup : runnableSetup(this.state);
  }

  protected begin(resume: boolean): StartedRun<State, FromKernelsPanel> | undefined {
    return this.startedRun(startRun(this.state, resume), resume ? 'Resumed' : 'Started');
  }

  private startedRun(started: ReturnType<typeof startRun>, said: string) {
    return started && { state: started.state, message: { kind: 'run', plan: started.plan } as const, said };
  }

  /** Asks for the card's picture when its question is another than the last; the answer to an earlier one is overwritten. */
  protected override ask(): void {
    const { opened, canRun, view } = this.state;
    if (!opened || canRun !== true) return;
    const request = viewRequest(this.state);
    if (request) this.askOnce({ kind: 'mechanismView', request });
    if (view.card?.mechanism !== 'gna') return;
    const reading = readNeighborhood(typedNeighborhood(view.neighborhood));
    if (reading.ok) this.askOnce({ kind: 'neighborhoodBound', request: reading.request });
  }

  private askOnce(question: Extract<FromKernelsPanel, { readonly request: unknown }>): void {
    const written = canonical(question.request);
    if (this.asked.get(question.kind) === written) return;
    this.asked.set(question.kind, written);
    this.host.post(question);
  }

  protected override escape(): void {
    if (this.state.view.pinned) this.pin(undefined);
  }

  // What the parts ask for.

  setParameter(mechanism: string, name: string, value: string | boolean): void {
    const { form } = this.state;
    if (!form) return;
    this.edit({ parameters: { ...form.parameters, [mechanism]: { ...form.parameters[mechanism], [name]: value } } });
  }

  takeShape(uri: string): void {
    const { form, shapes, mechanisms } = this.state;
    const choice = shapes.find((one) => one.uri === uri);
    if (form) this.edit(choice ? takeShape(form, choice, mechanisms) : { shapeUri: '', origin: '' });
  }

  pin(key: View['pinned']): void {
    this.change({ ...this.state, view: pin(this.state.view, key) });
  }

  openCard(mechanism: string): void {
    this.showCard({ show: 'pattern', length: 'fitting', ...this.state.view.card, mechanism });
    this.redraw.now();
    // Scrolls as well.
    this.root.querySelector<HTMLElement>('.mechanism-card')?.focus();
  }

  showCard(card: CardChoice | undefined): void {
    this.change({ ...this.state, view: withCard(this.state.view, card) });
  }

  viewSystemSection(id: string, change: Partial<SectionView>): void {
    const { card } = this.state.view;
    if (card) this.showCard({ ...card, sections: { ...card.sections, [id]: { ...card.sections?.[id], ...change } } });
  }

  saveSystemSection(section: Section, view: SectionView, format: SectionFormat): void {
    const request = this.state.mechanismView?.request;
    if (!request) return;
    const data = writeFile(leavingSystem(request, section, view, themeForFile(format)), format);
    this.leave({ format, name: systemFileName(request, format, section.id), data });
  }

  emphasise(mechanism: string | undefined): void {
    this.emphasised = mechanism;
    this.draw();
  }

  runCab(): void {
    const plan = cabSetup(this.state);
    if (typeof plan !== 'string')
      this.launch(this.startedRun(startRun(this.state, false, plan), 'Started in all patterns'));
  }

  askModules(): void {
    const { modules } = this.state;
    if (modules.known !== undefined || modules.asked) return;
    this.change({ ...this.state, modules: { ...modules, asked: true, problem: undefined } });
    this.post({ kind: 'modules' });
  }

  editModule(form: ModuleForm): void {
    this.touched = true;
    this.change(withModuleForm(this.state, form));
  }

  runModule(): void {
    const run = startModule(this.state);
    if (!run) return;
    this.change(run.state);
    this.post({ kind: 'runModule', plan: run.plan });
    announce('Started the module');
  }

  stopModule(): void {
    const { modules } = this.state;
    if (!modules.running) return;
    this.post({ kind: 'stopModule' });
    this.change({ ...this.state, modules: { ...modules, running: { ...modules.running, stopping: true } } });
  }

  chooseModuleFile(what: ModuleFile): void {
    this.post({ kind: 'chooseModuleFile', what });
  }

  viewModuleSection(id: string, change: Partial<SectionView>): void {
    const { view } = this.state;
    const form = moduleForm(this.state);
    if (!form) return;
    const sections = { ...view.module?.sections, [id]: { ...view.module?.sections[id], ...change } };
    this.change({ ...this.state, view: { ...view, module: { form, sections } } });
  }

  saveModule(): void {
    const { result } = this.state.modules;
    if (!result) return;
    const data = Promise.resolve(`${JSON.stringify(result, null, 2)}\n`);
    this.leave({ format: 'json', name: moduleFileName(result, 'json'), data });
  }

  saveModuleSection(result: ModuleResult, section: Section, view: SectionView, format: SectionFormat): void {
    const data = writeFile(leavingModule(result, section, view, themeForFile(format)), format);
    this.leave({ format, name: moduleFileName(result, format, section.id), data });
  }

  override post(message: Parameters<Actions['post']>[0]): void {
    if (message.kind === 'refreshDevices') this.change({ ...this.state, devicesAsked: true });
    super.post(message);
  }

  exportAs(format: ExportFormat): void {
    const leaving = leavingOf(exportSource(this.part(), format));
    this.leave({ format, name: exportName(this.state, format), data: writeFile(leaving, format) });
  }

  exportChart(id: string, format: ChartExport): void {
    const source = exportSource(this.part(), format);
    const chart = source.charts.find((one) => one.id === id);
    if (!chart) return;
    if (format === 'markdown' || format === 'csv')
      this.copy(chartText(chart, format), `${chart.title} as ${format === 'csv' ? 'CSV' : 'Markdown'}`);
    else {
      const leaving = leavingOf({ ...source, charts: [chart] });
      this.leave({ format, name: exportName(this.state, format, id), data: writeFile(leaving, format) });
    }
  }

  private part(): Part {
    return this.partOf<Actions>(this);
  }
}
