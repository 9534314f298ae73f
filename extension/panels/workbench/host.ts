/** The extension's half of one webview of analyses: what it answers beside what `ModelPanelHost` does. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisResult, Offer, AnalysisSetup } from '../../../protocol/analysis/schema';
import type { Demos } from '../../../protocol/analysis/next-start';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import { type FromWorkbench, fromWorkbench } from '../../../protocol/panels/workbench-schema';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import { nameOfResult } from '../../../protocol/compute/analyses';
import type { Plan } from '../../../protocol/plans/plan-file';
import type { ModelSummary, ImageSpan } from '../../../protocol/schema/parts';
import { unreachable } from '../../../protocol/unreachable';
import { isCancelled, type Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import { whyNoneOpened } from '../../platform/local-path';
import { ModelPanelHost, type ModelPanelServices, type OwnModelMessage } from '../model-panel-host';
import { attentionOfHead, mostHeadQuestions, type HeadServer } from '../head-attention';
import type { Flight } from '../flight';
import type { RunEvent } from '../panel-run';
import type { HeadAt, Opening, Other } from '../panel-types';
import { withPlan, type ChoosePlan } from '../plan/apply-plan';
import { again, Sentence } from '../questions';
import { pathsOf } from './default-setup';
import { changesBetween } from './changes';
import { setupOfWeight } from '../explain-weight';
import type { EarlierResults } from './earlier-results';
import type { AnalysisEvent } from './run';
import { entryOf, type WorkbenchTabs } from './tabs';

export interface WorkbenchTypes {
  readonly result: 'analysis';
  readonly plan: AnalysisSetup;
  readonly event: AnalysisEvent;
  readonly from: FromWorkbench;
  readonly to: ToWorkbench;
}

type PathKind = Extract<FromWorkbench, { readonly kind: 'choosePath' }>['what'];
type Picture = Pick<Extract<ToWorkbench, { readonly kind: 'picture' }>, 'mediaType' | 'bytes'>;

export interface WorkbenchServices extends ModelPanelServices<WorkbenchTypes> {
  readonly server: Pick<Compute, 'estimateAnalysis' | 'askAnalysis' | 'compareAnalyses' | 'tokenise'> & HeadServer;
  readonly catalogue: readonly AnalysisInfo[];
  readonly tasks: readonly TaskInfo[];
  readonly demos: Demos;
  /** The tabs of the full panel. */
  readonly tabs: WorkbenchTabs;
  readonly earlier: EarlierResults;
  /** Lets the person choose; undefined when they cancel. */
  choosePath(what: PathKind): Promise<string | undefined>;
  /** Asks where to, writes a task of a person's own, and returns its path. */
  saveTask(lines: string): Promise<string | undefined>;
  /** The bytes of the picture, while it is the file that was read. */
  picture(image: ImageSpan): Promise<Picture>;
  /** Shows and runs an analysis that explains what is on the screen. */
  explain(plan: AnalysisSetup): Promise<void>;
  applyInHeads(result: AnalysisResult, offer: Offer): Promise<void>;
  readonly choosePlan: ChoosePlan;
  /** Asks where to, beside the model first, and opens the plan. */
  savePlan(plan: Plan, modelFolder: string): Promise<void>;
  saveOffer(model: ModelSummary, offer: Offer, onWritten: (sentence: string) => void): Promise<void>;
}

/** Questions of sections that may wait: each is a click. */
const mostAsked = 1000;

type Asked<Kind extends FromWorkbench['kind']> = Extract<FromWorkbench, { readonly kind: Kind }>;

export class WorkbenchHost extends ModelPanelHost<WorkbenchTypes, WorkbenchServices> {
  protected override readonly messages = fromWorkbench;
  protected override readonly runFirst = 'Run an analysis first.';
  /** Absent in the side bar and in editors of files, which show one run. */
  private readonly tabs: WorkbenchTabs | undefined;
  /** What stands beside the result of a tab, by the tab. */
  private readonly compared = new Map<string, Other<WorkbenchTypes>>();
  /** The picture of the prompt that was read last for the form. */
  private drawnOn: ImageSpan | undefined;
  /** A plan was asked for elsewhere, and has not been shown. */
  private asks = false;
  /** The run in front was refused, which the page has not been told. */
  private isRefused = false;
  /** What was read of a result that came with the workspace. */
  private ofOthers: AnalysisResult | undefined;
  /** The list of earlier results, as the page has asked for it last. */
  private listed: Asked<'history'> | undefined;
  /** The tab that was in front last. */
  private front: { readonly tab: string; readonly run: number | undefined } | undefined;

  constructor(...parts: ConstructorParameters<typeof ModelPanelHost<WorkbenchTypes, WorkbenchServices>>) {
    super(...parts);
    const [place, { tabs, earlier }, , start] = parts;
    if (place !== 'full') return;
    this.tabs = tabs;
    this.asks = start?.plan !== undefined;
    tabs.begin(start?.shown);
    this.shown = undefined;
    this.turnTo();
    this.own(tabs.onChange(() => this.sendTabs()));
    this.own(
      earlier.onChange(() => {
        void this.readPins();
        if (this.listed && this.mail.isOpen) void this.sendHistory(this.listed);
      }),
    );
    void this.readPins();
  }

  protected override modelOf({ model }: AnalysisResult): ModelSummary {
    return model;
  }

  protected override pathsOf(plan: AnalysisSetup): readonly string[] {
    return pathsOf(plan);
  }

  protected override setupOfShown(result: AnalysisResult): AnalysisSetup {
    return setupOfAnalysis(result);
  }

  protected override isInWhole({ kind }: { readonly kind: string }): boolean {
    return kind === 'partial';
  }

  protected override changeOfModel(folder: string): Partial<AnalysisSetup> {
    // Heads of another model are other heads.
    return { folder, interventions: [] };
  }

  protected override openMessage(opening: Opening<WorkbenchTypes>, result: AnalysisResult | undefined): ToWorkbench {
    const { catalogue, tasks, demos } = this.services;
    return {
      ...opening,
      ...(this.tabs ? { tabs: this.tabs.shown, ...this.takeMarks() } : {}),
      ...this.modelOpening,
      analyses: catalogue,
      tasks,
      demos,
      ...defined({ result }),
    };
  }

  /** Both results at once, then what the analysis says of the two. */
  override async compareWith(other: Other<WorkbenchTypes>): Promise<void> {
    await this.beside(other);
    const { shown } = this;
    if (shown === undefined || other.sections !== undefined || this.services.mayRun() !== true) return;
    if (shown.analysis !== other.result.analysis) return;
    // A result may be of an analysis that is no more: the two still stand side by side.
    if (!this.services.catalogue.some(({ id }) => id === shown.analysis)) return;
    try {
      const sections = await again(() => changesBetween(this.services.server, shown, other.result));
      if (!this.disposed && this.shown === shown) await this.beside({ ...other, sections });
    } catch (error) {
      if (!isCancelled(error)) this.say('error', error);
    }
  }

  private beside(other: Other<WorkbenchTypes>): Promise<void> {
    const tab = this.tabs?.active?.id;
    if (tab !== undefined) this.compared.set(tab, other);
    return super.compareWith(other);
  }

  protected override stopComparing(): void {
    const tab = this.tabs?.active?.id;
    if (tab !== undefined) this.compared.delete(tab);
    super.stopComparing();
  }

  protected override answerPanel(message: OwnModelMessage<WorkbenchTypes>): unknown {
    switch (message.kind) {
      case 'estimate':
        return this.estimate(message);
      case 'tokenise':
        return this.tokenise(message);
      case 'ask':
        return this.askAnalysis(message);
      case 'tile':
      case 'row':
        return this.attention(message);
      case 'picture':
        return this.picture(message);
      case 'tokenisePair':
        return this.tokenisePair(message);
      case 'pairTask':
        return this.pairTask(message);
      case 'showTab':
        return this.bringToFront(message.tab);
      case 'closeTab':
        return this.closeTab(message.tab);
      case 'rerunTab':
        return this.rerunTab(message.tab);
      case 'compareTabs':
        return this.compareTabs(message);
      case 'history':
        return this.sendHistory(message);
      case 'openEntry':
        return this.openEntry(message.id);
      case 'pinEntry':
        return this.services.earlier.pin(message.id, message.pinned);
      case 'copyEntry':
        return this.copyEntry(message.id);
      case 'removeEntry':
        return this.services.earlier.remove(message.id);
      case 'choosePath':
        return this.choosePath(message);
      case 'explainWeight':
        return this.explainWeight(message);
      case 'applyPlan':
        return this.applyPlan();
      case 'apply':
        return this.apply(message);
      default:
        return unreachable(message);
    }
  }

  /** The attention of a head on a prompt that the result on the screen was made of. */
  private attention(message: Asked<'tile' | 'row'>): void {
    const asked = this.askedNow((result) => [
      ...pathsOf({ ...setupOfAnalysis(result), input: { kind: 'none' } }),
      ...result.prompts.flatMap(({ image }) => image?.path ?? []),
    ]);
    const answer = async () => {
      const { result, refused } = asked();
      const { model, prompts, interventions, device: ranOn } = result;
      const prompt = prompts[message.prompt ?? 0];
      if (prompt === undefined) throw new Sentence('The analysis read no prompt whose attention could be shown.');
      const path = prompt.image?.path;
      if (refused !== undefined) throw new Sentence(refused);
      const { device } = await this.deviceOf({ device: ranOn });
      await this.requireSameModel(model, 'Run the analysis again.', device);
      const subject = { folder: model.folder, ...defined({ device, image: path }), ids: prompt.ids, interventions };
      return attentionOfHead(this.services.server, subject, message);
    };
    this.ask(message, answer, mostHeadQuestions);
  }

  /** Why a path that the result on the screen names is not opened: one that came with the workspace may name any. */
  private refusalOfShown(paths: readonly string[]): string | undefined {
    const isOfOthers = this.ofOthers !== undefined && this.ofOthers === this.shown;
    return isOfOthers ? whyNoneOpened(paths) : this.refusal(paths);
  }

  /**
   * The result on the screen, for a question that has its turn later, when another tab may be in front. Where there is none, the
   * question has that for its answer: the page waits for one.
   */
  private askedNow(
    opened: (result: AnalysisResult) => readonly string[],
  ): () => { readonly result: AnalysisResult; readonly refused: string | undefined } {
    const { shown: result, runFirst } = this;
    const refused = result && this.refusalOfShown(opened(result));
    return () => {
      if (result === undefined) throw new Sentence(`There is no result to look into. ${runFirst}`);
      return { result, refused };
    };
  }

  private requireOpened(refused: string | undefined): void {
    if (refused !== undefined) throw new Sentence(refused);
  }

  private estimate(message: Asked<'estimate'>): void {
    const { kind, request, plan } = message;
    const refused = this.refusal(pathsOf(plan));
    this.ask(message, async () => {
      if (refused !== undefined) throw new Sentence(refused);
      return { kind, request, estimate: await this.services.server.estimateAnalysis(plan) };
    });
  }

  private tokenise(message: Asked<'tokenise'>): void {
    const { request, folder, prompt } = message;
    const refused = this.refusal([folder, ...(prompt.image === undefined ? [] : [prompt.image])]);
    this.ask(message, async () => {
      if (refused !== undefined) throw new Sentence(refused);
      const tokenised = await this.services.server.tokenise(folder, prompt);
      this.drawnOn = tokenised.image;
      return { kind: 'tokenised', request, tokenised };
    });
  }

  private tokenisePair(message: Asked<'tokenisePair'>): void {
    const { request, folder } = message;
    const refused = this.refusal([folder]);
    this.ask(message, async () => {
      if (refused !== undefined) throw new Sentence(refused);
      const { server } = this.services;
      const prompt = await server.tokenise(folder, message.prompt);
      return { kind: 'pair', request, prompt, counterpart: await server.tokenise(folder, message.counterpart) };
    });
  }

  private async pairTask({ kind: _, ...line }: Asked<'pairTask'>): Promise<void> {
    const path = await this.services.saveTask(`${JSON.stringify(line)}\n`);
    if (path !== undefined && !this.disposed) this.post({ kind: 'chosen', field: 'input.taskFile', path });
  }

  // Tabs: the run of the one in front is the one that is shown.

  protected override get mirrored(): Flight<AnalysisSetup, AnalysisEvent, AnalysisResult> | undefined {
    return this.tabs ? this.tabs.flight : super.mirrored;
  }

  /** The request stays while tabs change. */
  protected override openSetup(): AnalysisSetup {
    return this.tabs ? (this.plan ?? this.firstSetup()) : super.openSetup();
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
    switch (event.kind) {
      case 'started':
        return this.onStart();
      case 'failed':
      case 'overdue':
        if ('refused' in event) this.onRefused(event.sentence, run, event.details);
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

  /** The page that sent `run` shows it already. */
  private onStart(): void {
    const startedHere = this.startedHere;
    this.startedHere = false;
    this.asks = false;
    this.turnTo();
    this.shown = undefined;
    if (!startedHere && this.mail.isOpen) void this.open();
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
    this.asks ||= plan !== undefined;
    return super.show(plan, select);
  }

  /** What one opening says, and the next does not. */
  private takeMarks(): { readonly asks?: true; readonly refused?: true } {
    const { asks, isRefused } = this;
    this.asks = false;
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

  private async bringToFront(tab: string | undefined): Promise<void> {
    const { tabs } = this;
    if (!tabs) return;
    tabs.activate(tab);
    this.turnTo();
    await this.open();
  }

  private async closeTab(tab: string): Promise<void> {
    const { tabs } = this;
    const wasInFront = tabs?.active?.id === tab;
    tabs?.close(tab);
    if (tabs && wasInFront && tabs.active?.id !== tab) await this.bringToFront(tabs.active?.id);
  }

  private async rerunTab(tab: string): Promise<void> {
    const { tabs } = this;
    const { setup, entry } = tabs?.of(tab) ?? {};
    if (!tabs || setup === undefined) return;
    const isMade = entry === undefined || tabs.resultOf(tab) !== undefined;
    const read = isMade ? undefined : await this.services.earlier.read(entry);
    if (read?.ok === true && !read.result.isOwn) this.requireOpened(whyNoneOpened(pathsOf(setup)));
    await this.runPlan(setup);
  }

  /** The later one less the earlier one. */
  private async compareTabs({ tab, other }: Asked<'compareTabs'>): Promise<void> {
    const { tabs } = this;
    const pair = [tab, other].map((id) => tabs?.of(id)).filter((one) => one !== undefined);
    const [earlier, later] = pair.sort((a, b) => a.created.localeCompare(b.created));
    if (!tabs || earlier?.entry === undefined || later?.entry === undefined)
      throw new Sentence('Two results are compared once both runs have ended.');
    const made = tabs.resultOf(earlier.id);
    const read = made === undefined ? await this.services.earlier.read(earlier.entry) : undefined;
    if (read?.ok === false) throw new Sentence(read.why);
    const result = made ?? read?.result.result;
    if (result === undefined) return;
    for (const entry of [earlier.entry, later.entry]) await this.services.earlier.use(entry);
    if (tabs.active?.id !== later.id) await this.bringToFront(later.id);
    const name = `${earlier.title}, ${earlier.created.slice(0, 16).replace('T', ' ')}`;
    await this.compareWith({ name, result });
  }

  private async sendHistory(message: Asked<'history'>): Promise<void> {
    const { request, words } = message;
    const { earlier } = this.services;
    this.listed = message;
    try {
      const [rows, problems] = await Promise.all([earlier.rows(words), earlier.problems()]);
      if (!this.disposed && this.listed === message) this.post({ kind: 'history', request, rows, problems });
    } catch (error) {
      this.fail(error, { request });
    }
  }

  private async copyEntry(id: string): Promise<void> {
    const path = await this.services.earlier.copyToWorkspace(id);
    this.say('info', `A copy is in the workspace: ${path}`);
  }

  private async openEntry(id: string): Promise<void> {
    const result = await this.services.earlier.open(id);
    if (result === undefined || !this.tabs) return;
    this.tabs.add(result);
    await this.bringToFront(this.tabs.active?.id);
  }

  private askAnalysis(message: Asked<'ask'>): void {
    const { request, question } = message;
    const asked = this.askedNow((result) => pathsOf(setupOfAnalysis(result)));
    const answer = async (): Promise<ToWorkbench> => {
      const { result, refused } = asked();
      if (refused !== undefined) throw new Sentence(refused);
      const { device } = await this.deviceOf(result);
      await this.requireSameModel(result.model, 'Run the analysis again.', device);
      const { server } = this.services;
      // The result goes along only where the server does not have it: after a restart, or of an earlier day.
      const named = await server.askAnalysis({ named: nameOfResult(result) }, question, device);
      const section = named.kind === 'unknown-result' ? await server.askAnalysis(result, question, device) : named;
      if (section.kind === 'unknown-result') throw new Sentence('The compute server could not read this result.');
      return { kind: 'answer', request, section };
    };
    // Each stands under its section until it is answered: none makes another one void.
    this.ask(message, answer, mostAsked);
  }

  /** Only a picture that the result on the screen names, or that the prompt in the form was read with. */
  private async picture({ path, sha256 }: Asked<'picture'>): Promise<void> {
    const named = this.shown?.sections.flatMap((section) => (section.kind === 'image' ? [section.image] : [])) ?? [];
    const read = this.shown?.prompts.flatMap((prompt) => prompt.image ?? []) ?? [];
    const all = [...named, ...read, ...(this.drawnOn ? [this.drawnOn] : [])];
    const image = all.find((one) => one.path === path && one.sha256 === sha256);
    const refused = image === this.drawnOn ? this.refusal([path]) : this.refusalOfShown([path]);
    if (image === undefined || refused !== undefined)
      throw new Sentence(refused ?? 'The result names no such picture.');
    const picture = await this.services.picture(image);
    if (!this.disposed) this.post({ kind: 'picture', sha256, ...picture });
  }

  private async choosePath({ field, what }: Asked<'choosePath'>): Promise<void> {
    const path = await this.services.choosePath(what);
    if (path !== undefined && !this.disposed) this.post({ kind: 'chosen', field, path });
  }

  private async explainWeight(cell: Asked<'explainWeight'>): Promise<void> {
    const result = this.need('to look into');
    this.requireOpened(this.refusalOfShown(pathsOf(setupOfAnalysis(result))));
    await this.requireSameModel(result.model, 'Run the analysis again.');
    await this.services.explain(setupOfWeight(result, cell));
  }

  private async applyPlan(): Promise<void> {
    const plan = await this.services.choosePlan(this.knownModel());
    if (plan !== undefined) await this.change({ interventions: withPlan(this.openSetup().interventions, plan) });
  }

  private async apply({ offer, where }: Asked<'apply'>): Promise<void> {
    const result = this.need('to apply');
    if (where === 'plan') {
      if (offer.plan === undefined) throw new Sentence('There is no plan to save.');
      return this.services.savePlan(offer.plan, result.model.folder);
    }
    if (where === 'heads') this.requireOpened(this.refusalOfShown([result.model.folder]));
    return where === 'heads'
      ? this.services.applyInHeads(result, offer)
      : this.services.saveOffer(result.model, offer, this.onWritten);
  }
}
