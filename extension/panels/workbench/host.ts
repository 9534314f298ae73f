/** The extension's half of one webview of analyses: what it answers beside what `ModelPanelHost` does. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisResult, Offer, AnalysisSetup } from '../../../protocol/analysis/schema';
import type { Demos } from '../../../protocol/analysis/next-start';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import { type FromWorkbench, fromWorkbench } from '../../../protocol/panels/workbench-schema';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import type { Plan } from '../../../protocol/plans/plan-file';
import type { ModelSummary, ImageSpan } from '../../../protocol/schema/parts';
import { unreachable } from '../../../protocol/unreachable';
import { isCancelled, type Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import { ModelPanelHost, type ModelPanelServices, type OwnModelMessage } from '../model-panel-host';
import { attentionOfHead, mostHeadQuestions, type HeadServer } from '../head-attention';
import type { Opening, Other } from '../panel-types';
import { withPlan, type ChoosePlan } from '../plan/apply-plan';
import { again, Sentence } from '../questions';
import { pathsOf } from './default-setup';
import { changesBetween } from './changes';
import { setupOfWeight } from '../explain-weight';
import type { AnalysisEvent } from './run';

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
  /** Lets the person choose; undefined when they thought better of it. */
  choosePath(what: PathKind): Promise<string | undefined>;
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

type Asked<Kind extends FromWorkbench['kind']> = Extract<FromWorkbench, { readonly kind: Kind }>;

export class WorkbenchHost extends ModelPanelHost<WorkbenchTypes, WorkbenchServices> {
  protected override readonly messages = fromWorkbench;
  protected override readonly runFirst = 'Run an analysis first.';
  /** The picture of the prompt that was read last for the form. */
  private drawnOn: ImageSpan | undefined;

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
      ...this.modelOpening,
      analyses: catalogue,
      tasks,
      demos,
      ...defined({ result }),
    };
  }

  /** Both results at once, then what the analysis says of the two. */
  override async compareWith(other: Other<WorkbenchTypes>): Promise<void> {
    await super.compareWith(other);
    const { shown } = this;
    if (shown === undefined || other.sections !== undefined || this.services.mayRun() !== true) return;
    if (shown.analysis !== other.result.analysis) return;
    // A result may be of an analysis that is no more: the two still stand side by side.
    if (!this.services.catalogue.some(({ id }) => id === shown.analysis)) return;
    try {
      const sections = await again(() => changesBetween(this.services.server, shown, other.result));
      if (!this.disposed && this.shown === shown) await super.compareWith({ ...other, sections });
    } catch (error) {
      if (!isCancelled(error)) this.say('error', error);
    }
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
        return this.picture(message.path);
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

  /** Of a prompt that the result on the screen was made of. */
  private attention(message: Asked<'tile' | 'row'>): void {
    const answer = async () => {
      const { model, prompts, interventions, device: ranOn } = this.need('to look into');
      const prompt = prompts[message.prompt ?? 0];
      if (prompt === undefined) throw new Sentence('The analysis read no prompt whose attention could be shown.');
      const path = prompt.image?.path;
      const refused = path === undefined ? undefined : this.refusal([path]);
      if (refused !== undefined) throw new Sentence(refused);
      const { device } = await this.deviceOf({ device: ranOn });
      await this.requireSameModel(model, 'Run the analysis again.', device);
      const subject = { folder: model.folder, ...defined({ device, image: path }), ids: prompt.ids, interventions };
      return attentionOfHead(this.services.server, subject, message);
    };
    this.ask(message, answer, mostHeadQuestions);
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

  private askAnalysis(message: Asked<'ask'>): void {
    const { request, question } = message;
    this.ask(message, async () => {
      const result = this.need('to look into');
      const { device } = await this.deviceOf(result);
      await this.requireSameModel(result.model, 'Run the analysis again.', device);
      return { kind: 'answer', request, section: await this.services.server.askAnalysis(result, question, device) };
    });
  }

  /** Only a picture that the result on the screen names, or that the prompt in the form was read with. */
  private async picture(path: string): Promise<void> {
    const named = this.shown?.sections.flatMap((section) => (section.kind === 'image' ? [section.image] : [])) ?? [];
    const read = this.shown?.prompts.flatMap((prompt) => prompt.image ?? []) ?? [];
    const image = [...named, ...read, ...(this.drawnOn ? [this.drawnOn] : [])].find((one) => one.path === path);
    const refused = this.refusal([path]);
    if (image === undefined || refused !== undefined)
      throw new Sentence(refused ?? 'The result names no such picture.');
    const picture = await this.services.picture(image);
    if (!this.disposed) this.post({ kind: 'picture', path, ...picture });
  }

  private async choosePath({ field, what }: Asked<'choosePath'>): Promise<void> {
    const path = await this.services.choosePath(what);
    if (path !== undefined && !this.disposed) this.post({ kind: 'chosen', field, path });
  }

  private async explainWeight(cell: Asked<'explainWeight'>): Promise<void> {
    const result = this.need('to look into');
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
    return where === 'heads'
      ? this.services.applyInHeads(result, offer)
      : this.services.saveOffer(result.model, offer, this.onWritten);
  }
}
