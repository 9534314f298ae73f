/** The part of the compute server's interface that looks for hallucination heads; joined to ComputeMethods in api.ts. */
import type { ReinforcementRequest } from '../interventions/reinforcement';
import type {
  VisionPrompt,
  HallucinationRequest,
  DivergenceAtRequest,
  ImageMapRequest,
  CaptionTimeRequest,
  HallucinationSetRequest,
} from './hallucination-requests';
import type { FlagPerHead, PerHead } from '../results/heads';
import type {
  DivergenceStep,
  Caption,
  CaptionToken,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
} from '../results/hallucination-schema';
import type { ChatPrompt, ImageSpan } from '../schema/parts';
import type { Tokenised } from './models';
import type { PromptInput } from '../inputs/prompt';

/** A picture as the panel shows it, and what became of it. */
export interface OpenedImage {
  readonly image: ImageSpan;
  readonly mime: string;
  readonly bytes: Uint8Array;
  readonly chatPrompt?: ChatPrompt;
}

/** Measured on parts of the model; texts as long as they may be, so that a run takes at most about this. */
export interface CaptionTime {
  /** Once a picture. */
  readonly encodeSeconds: number;
  /** All texts of one prompt. */
  readonly textSeconds: number;
}

export interface StageProgress {
  readonly kind: 'stage';
  readonly sentence: string;
  /** 0..1 */
  readonly share: number;
  readonly secondsLeft?: number;
}

export interface CaptionProgress {
  readonly kind: 'token';
  readonly index: number;
  readonly token: CaptionToken;
}

export type HallucinationProgress =
  | StageProgress
  | CaptionProgress
  | {
      /** The first step is done: the map is drawn while the caption is still written. */
      readonly kind: 'firstStep';
      readonly vhd: PerHead;
      readonly textEnergy: PerHead;
      readonly outlier: FlagPerHead;
      readonly selected: FlagPerHead;
    };

export type HallucinationSetProgress =
  | StageProgress
  | { readonly kind: 'entry'; readonly entry: DatasetEntry }
  | { readonly kind: 'failure'; readonly name: string; readonly why: string };

export interface HallucinationMethods {
  openImage: { args: [prompt: VisionPrompt]; result: OpenedImage; progress: never };
  /** The tokens of a prompt for a folder of pictures; refused where no picture could stand in it. */
  promptForPictures: { args: [folder: string, prompt: PromptInput]; result: Tokenised; progress: never };
  hallucination: {
    args: [request: HallucinationRequest];
    result: HallucinationResult;
    progress: HallucinationProgress;
  };
  reinforce: {
    args: [request: HallucinationRequest, reinforcement: ReinforcementRequest];
    result: Caption;
    progress: StageProgress | CaptionProgress;
  };
  divergenceAt: { args: [request: DivergenceAtRequest]; result: DivergenceStep; progress: never };
  /** What the query of the next token reads from each image token, [image tokens]. */
  imageMap: { args: [request: ImageMapRequest]; result: Float32Array; progress: never };
  /** How long a picture takes here, before many are run. */
  captionTime: { args: [request: CaptionTimeRequest]; result: CaptionTime; progress: never };
  hallucinationSet: {
    args: [request: HallucinationSetRequest];
    result: HallucinationSet;
    progress: HallucinationSetProgress;
  };
}
