/** The changes of the request: saved, loaded, and taken from a file of vectors, a cache plan or an offer of an analysis. */
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import { headsOfAnalysis } from '../../../protocol/compute/heads-of-analysis';
import { circuitFrom } from '../../../protocol/circuits/merge';
import { setupOfAnalysis } from '../../../protocol/panels/workbench';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { kindOf } from '../../../protocol/interventions/interventions';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { withPlan } from '../plan/apply-plan';
import { Sentence } from '../questions';
import type { AskingPage } from './asking-page';
import type { Asked } from './services';

/** The request on the left. */
export interface Request {
  setup(): AnalysisSetup;
  change(change: Partial<AnalysisSetup>): Promise<void>;
  /** Its model, as far as it is known. */
  model(): ModelSummary | undefined;
  readonly onWritten: (sentence: string) => void;
}

export class RequestChanges {
  private readonly page: AskingPage;
  private readonly request: Request;

  constructor(page: AskingPage, request: Request) {
    this.page = page;
    this.request = request;
  }

  async save(interventions: readonly Intervention[]): Promise<void> {
    const changed = interventions.filter((one) => !kindOf(one).neutral(one));
    if (changed.length === 0)
      throw new Sentence('Nothing is changed, so there is no intervention to save. Change the gain of a head first.');
    const { services } = this.page;
    const { folder, device, adapter } = this.request.setup();
    const model = this.request.model() ?? (await services.openModel(folder, device, undefined, adapter));
    await services.saveIntervention(model, changed, this.request.onWritten);
  }

  async load(): Promise<void> {
    const interventions = await this.page.services.loadIntervention(this.request.model());
    if (interventions !== undefined) await this.request.change({ interventions });
  }

  async addVector(): Promise<void> {
    const vector = await this.page.services.chooseVector();
    if (vector !== undefined) await this.with([...this.request.setup().interventions, vector]);
  }

  async applyPlan(): Promise<void> {
    const plan = await this.page.services.choosePlan(this.request.model());
    if (plan !== undefined) await this.with(withPlan(this.request.setup().interventions, plan));
  }

  async saveOffer({ offer, where }: Asked<'saveOffer'>): Promise<void> {
    const { model } = this.page.need('to save');
    const { services } = this.page;
    if (where === 'file') return services.saveOffer(model, offer, this.request.onWritten);
    if (offer.plan === undefined) throw new Sentence('There is no plan to save.');
    return services.savePlan(offer.plan, model.folder);
  }

  async saveCircuit(id: string): Promise<void> {
    const result = this.page.need('whose graph could be saved');
    const section = result.sections.find((one) => one.id === id);
    if (section?.kind !== 'graph') throw new Sentence('The result holds no such graph. Run the analysis again.');
    await this.page.services.saveCircuit(circuitFrom(result, section, setupOfAnalysis(result)));
  }

  async saveLabels(): Promise<void> {
    const result = this.page.need('whose labels could be saved');
    if (!Array.isArray(result.result['classes']) || result.prompts.length === 0)
      throw new Sentence('This result holds no labels of heads. Ask what every head reads on the prompt, with labels.');
    await this.page.services.saveLabels(headsOfAnalysis(result), this.request.onWritten);
  }

  private with(interventions: readonly Intervention[]): Promise<void> {
    return this.request.change({ interventions });
  }
}
