/**
 * Messages between the extension and the workbench. The panel speaks first: it posts `ready`, the extension replies with
 * `open`, which holds everything needed to draw and may be sent again as the whole new state.
 */
import type { AnalysisInfo, AnalysisProgress } from '../analysis/analysis';
import type { AnalysisSetup, AnalysisResult } from '../analysis/schema';
import type { Demos } from '../analysis/next-start';
import type { ModelSummary } from '../schema/parts';
import type { TaskInfo } from '../analysis/tasks';
import type { AnalysisEstimate } from '../compute/analyses';
import type { Tokenised } from '../compute/models';
import type { Section } from '../sections/section';
import type { HeadAnswer } from './head-messages';
import type { DeviceChoices, ModelChoice, PanelPlace, ToModelRunPanel, WaitingModel } from './run-panel';

/** The plan that a result was made by: what can be run again. */
export const setupOfAnalysis = ({
  analysis,
  model,
  input,
  parameters,
  interventions,
  seed,
}: AnalysisResult): AnalysisSetup => ({ analysis, folder: model.folder, input, parameters, interventions, seed });

/** Sent by the extension to the panel. */
export type ToWorkbench =
  | ToModelRunPanel
  | {
      readonly kind: 'open';
      readonly place: PanelPlace;
      readonly analyses: readonly AnalysisInfo[];
      readonly tasks: readonly TaskInfo[];
      /** What a form can begin with; absent where nothing comes with the extension. */
      readonly demos?: Demos;
      readonly models: readonly ModelChoice[];
      readonly devices: DeviceChoices;
      readonly plan: AnalysisSetup;
      readonly replaces?: true;
      readonly model?: ModelSummary;
      readonly result?: AnalysisResult;
      readonly compareWith?: {
        readonly name: string;
        readonly result: AnalysisResult;
        /** Of both results; they follow in a second opening, as the compute server makes them. */
        readonly sections?: readonly Section[];
      };
      readonly canRun: true | string;
      readonly savedAs?: string;
      readonly waiting?: WaitingModel;
    }
  /** Answer to `estimate`: what the plan in the form would take; `request` as it came. */
  | { readonly kind: 'estimate'; readonly request: number; readonly estimate: AnalysisEstimate }
  /** Answer to `tokenise`; `request` as it came. */
  | { readonly kind: 'tokenised'; readonly request: number; readonly tokenised: Tokenised }
  | AnalysisProgress
  | { readonly kind: 'result'; readonly result: AnalysisResult; readonly savedAs?: string }
  /** Answer to `ask`: drawn beside or under the section that was asked. */
  | { readonly kind: 'answer'; readonly request: number; readonly section: Section }
  | HeadAnswer
  /** Bytes of a picture that an image section names or that regions are drawn on, for the webview to draw. */
  | { readonly kind: 'picture'; readonly path: string; readonly mediaType: string; readonly bytes: Uint8Array }
  /** A path that the person chose for a field of the form. */
  | { readonly kind: 'chosen'; readonly field: string; readonly path: string };
