/** The extension's half of one Heads webview: what it answers beside what `ModelPanelHost` does. */
import type { ComputeMethod } from '../../../protocol/compute/api';
import type { HeadsReply } from '../../../protocol/compute/models';
import type { PromptInput } from '../../../protocol/inputs/prompt';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import { type FromHeadsPanel, type HeadsSetup, fromHeadsPanel } from '../../../protocol/panels/heads-schema';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { unreachable } from '../../../protocol/unreachable';
import { FailureError } from '../../../protocol/wire/failures';
import { isCancelled, type Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import { ModelPanelHost, type ModelPanelServices, type OwnModelMessage } from '../model-panel-host';
import { attentionOfHead, mostHeadQuestions } from '../head-attention';
import type { Opening } from '../panel-types';
import { withPlan, type ChoosePlan } from '../plan/apply-plan';
import { Sentence } from '../questions';
import { setupOfHeads } from '../explain-weight';
import { setupOfResult } from './default-setup';
import { measureEffects } from './head-effects';
import type { HeadsEvent } from './run';

export interface HeadsTypes {
  readonly result: 'heads';
  readonly plan: HeadsSetup;
  readonly event: HeadsEvent;
  readonly from: FromHeadsPanel;
  readonly to: ToHeadsPanel;
}

type OnWritten = (sentence: string) => void;

export interface HeadsServices extends ModelPanelServices<HeadsTypes> {
  readonly server: Pick<Compute, 'tokenise' | 'headTile' | 'headRow' | 'nextTokens' | 'generate' | 'analysis'>;
  /** Shows and runs an analysis of what is on the screen. */
  explain(plan: AnalysisSetup): Promise<void>;
  saveLabels(result: HeadsResult, onWritten: OnWritten): Promise<void>;
  readonly choosePlan: ChoosePlan;
  /** What adds the vectors of a file that the person chooses; undefined when they cancel. */
  chooseVector(): Promise<Intervention | undefined>;
  saveIntervention(model: ModelSummary, interventions: readonly Intervention[], onWritten: OnWritten): Promise<void>;
  /** Interventions from a file that the person chooses; undefined when they cancel. */
  loadIntervention(model: ModelSummary | undefined): Promise<readonly Intervention[] | undefined>;
}

type Asked<Kind extends FromHeadsPanel['kind']> = Extract<FromHeadsPanel, { readonly kind: Kind }>;

/** Next tokens listed of each distribution. */
const listed = 10;

const changedOf = (list: readonly Intervention[]): readonly Intervention[] =>
  list.filter((one) => one.kind !== 'gain' || one.gain !== 1);

type Subject = Pick<HeadsSetup, 'folder' | 'device'> & Pick<HeadsResult, 'ids' | 'interventions'>;

export class HeadsHost extends ModelPanelHost<HeadsTypes, HeadsServices> {
  protected override readonly messages = fromHeadsPanel;
  protected override readonly runFirst = 'Run the model on a prompt first.';
  private generation: AbortController | undefined;
  private effects: AbortController | undefined;

  override hide(): void {
    // Its page is gone, and with it what asked for the text.
    this.stopAsking();
    super.hide();
  }

  override overdue(method: ComputeMethod): void {
    const restarted = 'does not stop by itself; its process is being restarted.';
    if (method === 'generate' && this.generation !== undefined)
      this.post({ kind: 'overdue', sentence: `The generation ${restarted} The text shown is kept.` });
    if (method === 'analysis' && this.effects !== undefined)
      this.post({ kind: 'overdue', sentence: `The measurement of effects ${restarted} What is shown is kept.` });
  }

  protected override stopAsking(): void {
    this.generation?.abort();
    this.effects?.abort();
  }

  protected override changeOfModel(folder: string): Partial<HeadsSetup> {
    // Heads of another model are other heads.
    return { folder, interventions: [] };
  }

  protected override modelOf({ result }: HeadsReply): ModelSummary {
    return result.model;
  }

  protected override pathsOf({ folder }: HeadsSetup): readonly string[] {
    return [folder];
  }

  protected override setupOfShown({ result }: HeadsReply): HeadsSetup {
    return setupOfResult(result);
  }

  protected override isInWhole({ kind }: { readonly kind: string }): boolean {
    return kind === 'layer';
  }

  protected override openMessage(opening: Opening<HeadsTypes>, reply: HeadsReply | undefined): ToHeadsPanel {
    const { result, thumbnails } = reply ?? {};
    return { ...opening, ...this.modelOpening, ...defined({ result, thumbnails }) };
  }

  protected override answerPanel(message: OwnModelMessage<HeadsTypes>): unknown {
    switch (message.kind) {
      case 'saveLabels':
        return this.services.saveLabels(this.need('whose labels could be saved').result, this.onWritten);
      case 'saveIntervention':
        return this.saveIntervention(message.interventions);
      case 'loadIntervention':
        return this.loadIntervention();
      case 'chooseVector':
        return this.addVector();
      case 'applyPlan':
        return this.applyPlan();
      case 'tokenise':
        return this.tokenise(message);
      case 'tile':
      case 'row':
        return this.attention(message);
      case 'nextTokens':
        return this.nextTokens(message);
      case 'generate':
        return this.generate(message);
      case 'explainWeight':
        return this.explainWeight(message);
      case 'measureEffects':
        return this.measureEffects(message);
      default:
        return unreachable(message);
    }
  }

  private async saveIntervention(interventions: readonly Intervention[]): Promise<void> {
    const changed = changedOf(interventions);
    if (changed.length === 0)
      throw new Sentence('Nothing is changed, so there is no intervention to save. Change the gain of a head first.');
    const { folder, device } = this.openSetup();
    const model = this.shown?.result.model ?? this.model ?? (await this.services.openModel(folder, device));
    await this.services.saveIntervention(model, changed, this.onWritten);
  }

  private async loadIntervention(): Promise<void> {
    const interventions = await this.services.loadIntervention(this.knownModel());
    if (interventions !== undefined) await this.change({ interventions });
  }

  private async applyPlan(): Promise<void> {
    const plan = await this.services.choosePlan(this.knownModel());
    if (plan !== undefined) await this.change({ interventions: withPlan(this.openSetup().interventions, plan) });
  }

  private async addVector(): Promise<void> {
    const vector = await this.services.chooseVector();
    if (vector !== undefined) await this.change({ interventions: [...this.openSetup().interventions, vector] });
  }

  private tokenise(message: Asked<'tokenise'>): void {
    const { kind: _, request, folder, prompt } = message;
    this.ask(message, async () => {
      const tokenised = await this.services.server.tokenise(folder, prompt);
      return { kind: 'tokenised', request, tokenised };
    });
  }

  private attention(message: Asked<'tile' | 'row'>): void {
    const answer = async () => attentionOfHead(this.services.server, await this.subject(), message);
    this.ask(message, answer, mostHeadQuestions);
  }

  private nextTokens(message: Asked<'nextTokens'>): void {
    const { kind, request, interventions } = message;
    this.ask(message, async () => {
      const { folder, ids, device } = await this.subject();
      const changed = changedOf(interventions);
      const variants = changed.length === 0 ? [] : [changed];
      const distributions = await this.services.server.nextTokens({
        folder,
        ids,
        ...defined({ device }),
        variants,
        top: listed,
      });
      return { kind, request, distributions };
    });
  }

  /** What a question is about: the prompt as ids, the model that read it, and what was changed in it. */
  private async subject(): Promise<Subject> {
    const { result } = this.need('to look into');
    const { model, ids, interventions } = result;
    const place = await this.whereOf(result);
    await this.requireSameModel(model, 'Run the prompt again.', place);
    return { folder: model.folder, ...place, ids, interventions };
  }

  /** The plain run first, then the one with interventions; tokens go out as they come. */
  private async generate(message: Asked<'generate'>): Promise<void> {
    const { kind: _, request, interventions, changedOnly = false, ...sampling } = message;
    this.generation?.abort();
    const abort = new AbortController();
    this.generation = abort;
    const shown = this.shown?.result;
    const plan = this.openSetup();
    const folder = shown?.model.folder ?? plan.folder;
    const prompt: PromptInput = shown === undefined ? plan.prompt : { kind: 'ids', ids: shown.ids };
    const changed = changedOf(interventions);
    /** A newer generation has taken the place of this one: the panel waits for that. */
    const isWanted = (): boolean => this.generation === abort && !this.disposed;
    try {
      this.requireModel();
      const { device } = shown === undefined ? plan : await this.subject();
      for (const variant of changed.length === 0 ? [false] : changedOnly ? [true] : [false, true]) {
        if (abort.signal.aborted) throw new FailureError({ code: 'cancelled' });
        // Cancelled between two tokens it answers with what it has.
        const { text } = await this.services.server.generate(
          {
            folder,
            ...defined({ device }),
            prompt,
            interventions: variant ? changed : [],
            ...sampling,
            statistics: true,
          },
          abort.signal,
          ({ id: _id, ...token }) => {
            if (isWanted()) this.post({ ...token, request, variant });
          },
        );
        if (isWanted()) this.post({ kind: 'generated', request, variant, text });
      }
    } catch (error) {
      if (isWanted()) this.fail(error, { request });
    } finally {
      if (this.generation === abort) this.generation = undefined;
    }
  }

  private async explainWeight(cell: Asked<'explainWeight'>): Promise<void> {
    await this.subject();
    await this.services.explain(setupOfHeads(this.need('to look into').result, cell));
  }

  /** Stopped, it leaves what it has measured on the screen; asked again, it goes on from there. */
  private async measureEffects({ request }: Asked<'measureEffects'>): Promise<void> {
    this.effects?.abort();
    const abort = new AbortController();
    this.effects = abort;
    const isWanted = (): boolean => this.effects === abort && !this.disposed;
    try {
      this.requireModel();
      const { device } = await this.subject();
      await measureEffects(
        this.services.server,
        this.need('whose heads could be removed').result,
        device,
        abort.signal,
        (standing) => {
          if (isWanted()) this.post({ kind: 'headEffects', request, ...standing });
        },
      );
    } catch (error) {
      if (isWanted() && !isCancelled(error)) this.fail(error, { request });
    } finally {
      if (this.effects === abort) this.effects = undefined;
    }
  }
}
