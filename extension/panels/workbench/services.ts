/** What a webview of the workbench speaks and needs of the rest of the extension. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisResult, AnalysisSetup, Offer } from '../../../protocol/analysis/schema';
import type { ResultCode } from '../../../protocol/compute/analyses';
import type { Demos } from '../../../protocol/analysis/next-start';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { BesidePicture, ModelCard, ToWorkbench } from '../../../protocol/panels/workbench';
import type { Circuit } from '../../../protocol/circuits/circuit-file';
import type { Plan } from '../../../protocol/plans/plan-file';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import type { ImageSpan, ModelSummary } from '../../../protocol/schema/parts';
import type { Compute } from '../../platform/compute';
import type { HeadServer } from '../head-attention';
import type { ModelPanelServices } from '../model-panel-host';
import type { ChoosePlan } from '../plan/apply-plan';
import type { EarlierResults } from './earlier-results';
import type { AnalysisEvent } from './run';
import type { WorkbenchTabs } from './tabs';

export interface WorkbenchTypes {
  readonly result: 'analysis';
  readonly plan: AnalysisSetup;
  readonly event: AnalysisEvent;
  readonly from: FromWorkbench;
  readonly to: ToWorkbench;
}

type OnWritten = (sentence: string) => void;
type PathKind = Extract<FromWorkbench, { readonly kind: 'choosePath' }>['what'];
type Picture = Pick<Extract<ToWorkbench, { readonly kind: 'picture' }>, 'mediaType' | 'bytes'>;

export interface WorkbenchServices extends ModelPanelServices<WorkbenchTypes> {
  readonly server: Pick<
    Compute,
    | 'estimateAnalysis'
    | 'askAnalysis'
    | 'extendAnalysis'
    | 'compareAnalyses'
    | 'corpusOf'
    | 'tokenise'
    | 'promptForPictures'
    | 'nextTokens'
    | 'generate'
  > &
    HeadServer;
  readonly catalogue: readonly AnalysisInfo[];
  readonly tasks: readonly TaskInfo[];
  readonly demos: Demos;
  /** Where the code of a saved result lies. `asks`: the person may be asked whether it may run. Throws one sentence. */
  codeOf(result: Pick<AnalysisResult, 'file' | 'taskFile'>, asks: boolean): Promise<ResultCode | undefined>;
  /** No long job runs or waits in this window, but for the one with this signal. */
  isIdle(but: AbortSignal | undefined): boolean;
  /** The tabs of the full panel. */
  readonly tabs: WorkbenchTabs;
  readonly earlier: EarlierResults;
  /** Says that the tab of a stopped run was closed, and whether the person wants it back. */
  reopens(title: string): Promise<boolean>;
  /** What lies beside a picture, or in a folder of pictures. */
  beside(path: string, what: Asked<'beside'>['what']): Promise<BesidePicture>;
  /** The README.md of a model folder; undefined where there is none. */
  card(folder: string): Promise<ModelCard | undefined>;
  /** Shows its text in an editor. */
  openCard(card: ModelCard): Promise<void>;
  /** Lets the person choose; undefined when they cancel. */
  choosePath(what: PathKind): Promise<string | undefined>;
  /** Asks where to, writes a task of a person's own, and returns its path. */
  saveTask(lines: string): Promise<string | undefined>;
  /** The bytes of the picture, while it is the file that was read. */
  picture(image: ImageSpan): Promise<Picture>;
  /** Shows and runs an analysis that explains what is on the screen. */
  explain(plan: AnalysisSetup): Promise<void>;
  saveLabels(result: HeadsResult, onWritten: OnWritten): Promise<void>;
  saveIntervention(model: ModelSummary, interventions: readonly Intervention[], onWritten: OnWritten): Promise<void>;
  /** Interventions from a file that the person chooses, whose heads `model` has; undefined when they cancel. */
  loadIntervention(model: ModelSummary | undefined): Promise<readonly Intervention[] | undefined>;
  /** What adds the vectors of a file that the person chooses; undefined when they cancel. */
  chooseVector(): Promise<Intervention | undefined>;
  readonly choosePlan: ChoosePlan;
  /** Asks where to, beside the model first, and opens the plan. */
  savePlan(plan: Plan, modelFolder: string): Promise<void>;
  /** Asks where to: a new file, or a circuit that the run is merged into; opens it. */
  saveCircuit(circuit: Circuit): Promise<void>;
  saveOffer(model: ModelSummary, offer: Offer, onWritten: OnWritten): Promise<void>;
}

/** A message of the page, by its kind. */
export type Asked<Kind extends FromWorkbench['kind']> = Extract<FromWorkbench, { readonly kind: Kind }>;
