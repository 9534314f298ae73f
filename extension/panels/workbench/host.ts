/** The extension's half of one webview of the workbench: what it answers beside what `ModelPanelHost` does. */
import type { AnalysisResult, AnalysisSetup } from '../../../protocol/analysis/schema';
import { fromWorkbench } from '../../../protocol/panels/workbench-schema';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { unreachable } from '../../../protocol/unreachable';
import type { ComputeMethod } from '../../../protocol/compute/api';
import { defined } from '../../platform/defined';
import type { OwnModelMessage } from '../model-panel-host';
import type { Opening } from '../panel-types';
import type { AskingPage } from './asking-page';
import { changedDocuments } from './changed-documents';
import { CloserLooks } from './closer-looks';
import { pathsOf } from './default-setup';
import { Extensions } from './extensions';
import { RequestChanges } from './request-changes';
import { RequestQuestions } from './request-questions';
import type { Asked, WorkbenchTypes } from './services';
import { TabbedHost } from './tabbed-host';
import { entryOf } from './tab';
import { Trials } from './trials';

export class WorkbenchHost extends TabbedHost {
  protected override readonly messages = fromWorkbench;
  protected override readonly runFirst = 'Run an analysis first.';
  private readonly page: AskingPage = {
    services: this.services,
    shown: () => this.shown,
    show: (result) => {
      if (this.shown === undefined || entryOf(this.shown) !== entryOf(result)) return;
      this.shown = result;
      this.savedAs = undefined;
    },
    need: (what) => this.need(what),
    isOpen: () => !this.disposed,
    post: (message) => this.post(message),
    ask: (...asked) => this.ask(...asked),
    fail: (...failed) => this.fail(...failed),
    refusal: (paths) => this.refusal(paths),
    refusalOfShown: (paths) => this.refusalOfShown(paths),
    use: () => this.use(),
    whereOf: (result) => this.whereOf(result),
    requireModel: () => this.requireModel(),
    requireSameModel: (...of) => this.requireSameModel(...of),
  };
  private readonly looks = new CloserLooks(this.page);
  private readonly extensions = this.own(new Extensions(this.page));
  private readonly request = new RequestQuestions(this.page);
  private readonly trials = new Trials(this.page);
  private readonly changes = new RequestChanges(this.page, {
    setup: () => this.openSetup(),
    change: (change) => this.change(change),
    model: () => this.knownModel(),
    onWritten: this.onWritten,
  });
  /** The list of earlier results, as the page has asked for it last. */
  private listed: Asked<'history'> | undefined;

  constructor(...parts: ConstructorParameters<typeof TabbedHost>) {
    super(...parts);
    if (!this.tabs) return;
    this.own(
      this.services.earlier.onChange(() => {
        if (this.listed && this.mail.isOpen) void this.sendHistory(this.listed);
      }),
    );
  }

  override hide(): void {
    // Its page is gone, and with it what asked for the text.
    this.trials.stop();
    super.hide();
  }

  override dispose(): void {
    this.trials.stop();
    super.dispose();
  }

  override overdue(method: ComputeMethod): void {
    if (method === 'generate' && this.trials.generates)
      this.post({
        kind: 'overdue',
        sentence: 'The generation does not stop by itself; its process is being restarted. The text shown is kept.',
      });
  }

  protected override async afterOpening(isCurrent: () => boolean): Promise<void> {
    await Promise.all([super.afterOpening(isCurrent), this.sayChangedDocuments(isCurrent)]);
  }

  private async sayChangedDocuments(isCurrent: () => boolean): Promise<void> {
    const { shown, services } = this;
    if (shown === undefined || services.mayRun() !== true) return;
    const sentence = await changedDocuments(shown, {
      refusal: (path) => this.refusalOfShown([path]),
      corpusOf: (file) => services.server.corpusOf(file),
    });
    if (sentence !== undefined && isCurrent()) this.post({ kind: 'corpusNote', created: shown.created, sentence });
  }

  protected override modelOf({ model }: AnalysisResult): ModelSummary {
    return model;
  }

  protected override pathsOf(plan: AnalysisSetup): readonly string[] {
    return pathsOf(plan, this.services);
  }

  protected override setupOfShown(result: AnalysisResult): AnalysisSetup {
    return setupOfAnalysis(result);
  }

  protected override isInWhole({ kind }: { readonly kind: string }): boolean {
    return kind === 'partial';
  }

  protected override changeOfModel(folder: string): Partial<AnalysisSetup> {
    // Heads of another model are other heads, and an adapter belongs to its base.
    const without: object = { adapter: undefined };
    return { folder, interventions: [], ...without };
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

  protected override answerPanel(message: OwnModelMessage<WorkbenchTypes>): unknown {
    switch (message.kind) {
      case 'estimate':
        return this.request.estimate(message);
      case 'tokenise':
        return this.request.tokenise(message);
      case 'ask':
        return this.looks.askAnalysis(message);
      case 'extend':
        return this.extensions.extend(message);
      case 'stopExtending':
        return this.extensions.stop(message.request);
      case 'tile':
      case 'row':
        return this.looks.attention(message);
      case 'picture':
        return this.looks.picture(message, this.request.drawnOn);
      case 'card':
        return this.request.card(message);
      case 'openCard':
        return this.request.openCard(message);
      case 'beside':
        return this.request.beside(message);
      case 'tokenisePair':
        return this.request.tokenisePair(message);
      case 'pairTask':
        return this.request.pairTask(message);
      case 'lookByItself':
        return this.lookByItself(message);
      case 'chooseHead':
        return this.tabs?.choose(message.tab, message.chosen);
      case 'showTab':
        return this.bringToFront(message.tab);
      case 'closeTab':
        return this.closeTab(message.tab);
      case 'rerunTab':
        return this.rerunTab(message.tab);
      case 'compareBase':
        return this.compareBase(message.tab);
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
        return this.request.choosePath(message);
      case 'explainWeight':
        return this.looks.explainWeight(message);
      case 'nextTokens':
        return this.trials.nextTokens(message);
      case 'generate':
        return this.trials.generate(message);
      case 'stopGenerating':
        return this.trials.stop();
      case 'removeHeads':
        return this.trials.removeHeads(message);
      case 'saveIntervention':
        return this.changes.save(message.interventions);
      case 'loadIntervention':
        return this.changes.load();
      case 'chooseVector':
        return this.changes.addVector();
      case 'applyPlan':
        return this.changes.applyPlan();
      case 'saveOffer':
        return this.changes.saveOffer(message);
      case 'saveCircuit':
        return this.changes.saveCircuit(message.section);
      case 'saveLabels':
        return this.changes.saveLabels();
      default:
        return unreachable(message);
    }
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
    this.tabs.add(result, id);
    await this.bringToFront(this.tabs.active?.id);
  }
}
