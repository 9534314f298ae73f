/** A webview whose results are tabs: the run of the one in front is the one that is shown. */
import type { AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import type { KeptTab } from '../../../protocol/panels/workbench-tabs';
import { isCancelled } from '../../platform/compute';
import { defined } from '../../platform/defined';
import { whyNoneOpened } from '../../platform/local-path';
import type { Flight } from '../flight';
import { ModelPanelHost } from '../model-panel-host';
import type { RunEvent } from '../panel-run';
import type { HeadAt, Other } from '../panel-types';
import { again, Sentence } from '../questions';
import { changesBetween } from './changes';
import { pathsOf } from './default-setup';
import type { AnalysisEvent } from './run';
import type { Asked, WorkbenchServices, WorkbenchTypes } from './services';
import { entryOf } from './tab';
import type { WorkbenchTabs } from './tabs';

export abstract class TabbedHost extends ModelPanelHost<WorkbenchTypes, WorkbenchServices> {
  /** Absent in the side bar and in editors of files, which show one run. */
  protected readonly tabs: WorkbenchTabs | undefined;
  /** What stands beside the result of a tab, by the tab. */
  private readonly compared = new Map<string, Other<WorkbenchTypes>>();
  /** A plan was asked for elsewhere, and has not been shown. */
  private asks: 'question' | 'look' | undefined;
  /** The run in front was refused, which the page has not been told. */
  private isRefused = false;
  /** What was read of a result that came with the workspace. */
  private ofOthers: AnalysisResult | undefined;
  /** The tab that was in front last. */
  private front: { readonly tab: string; readonly run: number | undefined } | undefined;

  constructor(...parts: ConstructorParameters<typeof ModelPanelHost<WorkbenchTypes, WorkbenchServices>>) {
    super(...parts);
    const [place, { tabs, earlier }, , start] = parts;
    if (place !== 'full') return;
    this.tabs = tabs;
    this.asks = start?.plan === undefined ? undefined : 'question';
    tabs.begin(start?.shown);
    this.shown = undefined;
    this.turnTo();
    this.own(tabs.onChange(() => this.sendTabs()));
    this.own(earlier.onChange(() => void this.readPins()));
    void this.readPins();
  }

  /** Both results at once, then what the analysis says of the two. */
  override async compareWith(other: Other<WorkbenchTypes>): Promise<void> {
    await this.beside(other);
    const { shown } = this;
    if (shown === undefined || other.sections !== undefined || this.services.mayRun() !== true) return;
    if (shown.analysis !== other.result.analysis) return;
    // A result may be of an analysis that is no more: the two still stand side by side. Of a file it is said why.
    if (!shown.file && !this.services.catalogue.some(({ id }) => id === shown.analysis)) return;
    try {
      const sections = await again(() => changesBetween(this.services, shown, other.result));
      if (!this.disposed && this.shown === shown) await this.beside({ ...other, sections });
    } catch (error) {
      if (!isCancelled(error)) this.say('error', error);
    }
  }

  private beside(other: Other<WorkbenchTypes>): Promise<void> {
    this.use();
    const tab = this.tabs?.active?.id;
    if (tab !== undefined) this.compared.set(tab, other);
    return super.compareWith(other);
  }

  protected override stopComparing(): void {
    const tab = this.tabs?.active?.id;
    if (tab !== undefined) this.compared.delete(tab);
    super.stopComparing();
  }

  /** Why a path that the result on the screen names is not opened: one that came with the workspace may name any. */
  protected refusalOfShown(paths: readonly string[]): string | undefined {
    const isOfOthers = this.ofOthers !== undefined && this.ofOthers === this.shown;
    return isOfOthers ? whyNoneOpened(paths) : this.refusal(paths);
  }

  protected override get mirrored(): Flight<AnalysisSetup, AnalysisEvent, AnalysisResult> | undefined {
    return this.tabs ? this.tabs.flight : super.mirrored;
  }

  /** The request stays while tabs change. */
  protected override openSetup(): AnalysisSetup {
    return this.tabs ? (this.plan ?? this.firstSetup()) : super.openSetup();
  }

  protected override setupToRun({ plan, look, keepRunning }: Omit<Asked<'run'>, 'kind'>): AnalysisSetup {
    if (keepRunning) this.services.tabs.outlasting.add(plan);
    return look && this.tabs ? this.tabs.asLook(plan, 'asked') : plan;
  }

  /** Look runs by itself where nothing else runs; else the page leaves it to Run. */
  protected async lookByItself({ plan }: Asked<'lookByItself'>): Promise<void> {
    const { tabs, services } = this;
    const own = tabs?.supersede();
    if (!tabs || services.mayRun() !== true || !services.isIdle(own)) return this.post({ kind: 'looks' });
    await this.launch(tabs.asLook(plan, 'by-itself'));
  }

  /** Somebody asks more of the result on the screen, or compares it: no Look takes its place. */
  protected use(): void {
    const tab = this.tabs?.active;
    if (tab?.byItself !== true) return;
    this.tabs?.use(tab.id);
    if (tab.entry !== undefined)
      this.services.earlier.use(tab.entry).catch((error: unknown) => this.say('error', error));
  }

  protected override cancel(): void {
    const run = this.mirrored;
    if (run !== undefined) this.services.run.cancel(run.number);
  }

  protected override async sendOpening(isCurrent: () => boolean): Promise<void> {
    const { tabs } = this;
    const entry = tabs?.active?.entry;
    let problem: string | undefined;
    if (tabs) {
      await tabs.restore();
      if (!isCurrent()) return;
      // What the run of the tab does not know: it was saved when another one had begun.
      this.savedAs ??= tabs.savedAs;
      const made = tabs.flight?.finished?.result;
      if (made !== undefined) this.shown = made;
      else if (entry === undefined) this.shown = undefined;
      else if (this.shown === undefined || entryOf(this.shown) !== entry) {
        const read = await this.services.earlier.read(entry);
        if (!isCurrent()) return;
        this.shown = read.ok ? read.result.result : undefined;
        this.ofOthers = read.ok && !read.result.isOwn ? this.shown : undefined;
        problem = read.ok ? undefined : read.why;
      }
    }
    await super.sendOpening(isCurrent);
    if (problem !== undefined) this.post({ kind: 'failed', sentence: problem });
  }

  protected override onRun(event: RunEvent<AnalysisSetup, AnalysisEvent>, run: number): void {
    const { tabs } = this;
    if (!tabs) return super.onRun(event, run);
    if (this.disposed) return;
    if (tabs.looks.isSuperseded(run)) return this.onSuperseded(event);
    switch (event.kind) {
      case 'started':
        // One that another window began may have its tab behind the others.
        if (tabs.flight?.number === run) this.onStart(event.plan);
        return;
      case 'failed':
      case 'overdue':
        if (tabs.looks.hasReturned(run))
          this.onRefused(event.sentence, run, 'details' in event ? event.details : undefined);
        else if (tabs.flight?.number !== run) this.sayOfAnother(event, run);
        else if (this.mail.isOpen) this.post(event);
        return;
      case 'stage':
      case 'partial':
      case 'result':
        if (tabs.flight?.number !== run) return;
        this.takeResult();
        if (this.mail.isOpen) this.post({ ...event, run });
    }
  }

  /** The page that sent `run` shows it already, and a Look that runs by itself shows the one before it. */
  private onStart(plan: AnalysisSetup): void {
    const startedHere = this.startedHere;
    const { tabs } = this;
    const kind = tabs?.looks.kindOf(plan);
    this.startedHere = false;
    this.asks = undefined;
    this.turnTo();
    if (kind !== 'by-itself') this.shown = undefined;
    if (!this.mail.isOpen) return;
    if (kind !== undefined && (startedHere || kind === 'by-itself') && tabs?.active)
      this.post({ kind: 'looks', tab: tabs.active.id, ...(kind === 'by-itself' ? { byItself: true } : {}) });
    else if (!startedHere) void this.open();
  }

  /** Nothing is said of a Look that another one has ended; where that one did not begin, what was there before it stands again. */
  private onSuperseded({ kind }: { readonly kind: string }): void {
    if (kind !== 'failed' || this.tabs?.flight?.running === true) return;
    this.turnTo();
    if (this.mail.isOpen) void this.open();
  }

  /** Its tab is gone: where it was in front, the one before it is again, and says why. */
  private onRefused(sentence: string, run: number, details?: string): void {
    const failed = { kind: 'failed', sentence, ...defined({ details }) } as const;
    if (this.front?.run !== run || !this.mail.isOpen) return this.say('error', new Sentence(sentence));
    this.turnTo();
    this.isRefused = true;
    void this.open().then(() => this.post(failed));
  }

  /** The tab of a run that stopped has a mark; one whose result could not be kept looks like any other. */
  private sayOfAnother({ kind, sentence }: { readonly kind: string; readonly sentence: string }, run: number): void {
    if (kind === 'failed' && this.tabs?.hasResult(run) === true) this.say('error', new Sentence(sentence));
  }

  /** Another tab is in front. */
  private turnTo(): void {
    const { tabs, front } = this;
    if (!tabs) return;
    if (front) tabs.saved(front.tab, this.savedAs);
    this.front = tabs.active && { tab: tabs.active.id, run: tabs.flight?.number };
    this.savedAs = tabs.savedAs;
    this.other = tabs.active && this.compared.get(tabs.active.id);
  }

  override show(plan: AnalysisSetup | undefined, select: HeadAt | undefined): Promise<void> {
    if (select !== undefined) return this.look(plan, select);
    if (plan !== undefined) this.asks = 'question';
    return super.show(plan, select);
  }

  /** Look in front: its newest result or, before that, what it would ask of the plan. A head that is named is opened. */
  look(plan: AnalysisSetup | undefined, select: HeadAt | undefined): Promise<void> {
    this.tabs?.activate(this.tabs.lookTab?.id);
    this.turnTo();
    this.asks = 'look';
    if (plan !== undefined) this.keep(plan);
    return super.show(plan, select);
  }

  /** What one opening says, and the next does not. */
  protected takeMarks(): { readonly asks?: 'question' | 'look'; readonly refused?: true } {
    const { asks, isRefused } = this;
    this.asks = undefined;
    this.isRefused = false;
    return { ...(asks ? { asks } : {}), ...(isRefused ? { refused: isRefused } : {}) };
  }

  private sendTabs(): void {
    const { tabs } = this;
    if (tabs && this.mail.isOpen && !this.disposed) this.post({ kind: 'tabs', ...tabs.shown });
  }

  private async readPins(): Promise<void> {
    try {
      this.tabs?.setPinned(await this.services.earlier.pinned());
    } catch (error) {
      this.say('error', error);
    }
  }

  protected async bringToFront(tab: string | undefined): Promise<void> {
    const { tabs } = this;
    if (!tabs) return;
    tabs.activate(tab);
    this.turnTo();
    await this.open();
  }

  protected async closeTab(tab: string): Promise<void> {
    const { tabs } = this;
    const wasInFront = tabs?.active?.id === tab;
    const title = tabs?.of(tab)?.title ?? '';
    const reopen = await tabs?.close(tab);
    if (tabs && wasInFront && tabs.active?.id !== tab) await this.bringToFront(tabs.active?.id);
    // A message may stand for hours, and nothing waits for it.
    if (reopen) void this.offerBack(title, reopen, tab);
  }

  private async offerBack(title: string, reopen: () => void, tab: string): Promise<void> {
    if (!(await this.services.reopens(title))) return;
    reopen();
    if (!this.disposed) await this.bringToFront(tab);
  }

  protected async rerunTab(tab: string): Promise<void> {
    const { tabs } = this;
    const { setup } = tabs?.of(tab) ?? {};
    if (!tabs || setup === undefined) return;
    const refused = await this.refusedTab(tab);
    if (refused !== undefined) throw new Sentence(refused);
    await this.runPlan(setup);
  }

  /** The later one less the earlier one. */
  protected async compareTabs({ tab, other }: Asked<'compareTabs'>): Promise<void> {
    const { tabs } = this;
    const pair = [tab, other].map((id) => tabs?.of(id)).filter((one) => one !== undefined);
    const [earlier, later] = pair.sort((a, b) => a.created.localeCompare(b.created));
    if (!tabs || earlier?.entry === undefined || later?.entry === undefined)
      throw new Sentence('Two results are compared once both runs have ended.');
    await this.showBeside(tabs, later, earlier);
  }

  /** Brings a tab to the front, with another one beside it. */
  private async showBeside(tabs: WorkbenchTabs, front: KeptTab, other: KeptTab): Promise<void> {
    const made = tabs.resultOf(other.id);
    const read =
      made === undefined && other.entry !== undefined ? await this.services.earlier.read(other.entry) : undefined;
    if (read?.ok === false) throw new Sentence(read.why);
    const result = made ?? read?.result.result;
    if (result === undefined) return;
    for (const { id, entry } of [other, front]) {
      tabs.use(id);
      if (entry !== undefined) await this.services.earlier.use(entry);
    }
    if (tabs.active?.id !== front.id) await this.bringToFront(front.id);
    const name = `${other.title}, ${other.created.slice(0, 16).replace('T', ' ')}`;
    await this.compareWith({ name, result });
  }

  /** Shows a tab beside the result of the same request on the base of its model. */
  protected async compareBase(tab: string): Promise<void> {
    const { tabs } = this;
    const own = tabs?.of(tab);
    if (!tabs || own?.setup.adapter === undefined) return;
    const refused = await this.refusedTab(tab);
    if (refused !== undefined) throw new Sentence(refused);
    const { adapter: _, ...setup } = own.setup;
    const before = new Set(tabs.shown.tabs.map(({ id }) => id));
    await this.runPlan(setup);
    const made = tabs.shown.tabs.find(({ id }) => !before.has(id) && tabs.resultOf(id) !== undefined);
    // There is none if the run was stopped or failed, which is shown elsewhere.
    if (made && !this.disposed) await this.showBeside(tabs, own, made);
  }

  /** Why the request of a tab cannot be run again; undefined if it can. */
  private async refusedTab(tab: string): Promise<string | undefined> {
    const { tabs } = this;
    const { setup, entry } = tabs?.of(tab) ?? {};
    const isMade = entry === undefined || tabs?.resultOf(tab) !== undefined;
    const read = isMade ? undefined : await this.services.earlier.read(entry);
    return read?.ok === true && setup && !read.result.isOwn ? whyNoneOpened(pathsOf(setup, this.services)) : undefined;
  }
}
