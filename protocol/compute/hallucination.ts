/** The part of the compute server's interface that looks for hallucination heads; joined to ComputeMethods in api.ts. */
import type { FlagPerHead, PerHead } from '../results/heads';
import type {
  DivergenceStep,
  Caption,
  CaptionToken,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
  PictureSample,
} from '../results/hallucination-schema';
import type {
  Reinforcement,
  Removed,
  OutlierRule,
  RemovedPositions,
  VhdDistance,
} from '../interventions/reinforcement';
import type { Lexicon } from '../inputs/lexicon';
import type { Intervention } from '../interventions/interventions';
import type { ChatPrompt, ImageSpan } from '../schema/parts';
import type { Tokenised } from './models';
import type { OnDevice, PromptInput } from '../inputs/prompt';

export type { Lexicon } from '../inputs/lexicon';

/** The picture is part of the prompt; a prompt without one is for a span of text. */
export interface VisionPrompt extends OnDevice {
  readonly folder: string;
  readonly prompt: PromptInput;
}

/** What is measured: two passes, one of which lacks `removed`. */
export interface DivergenceRequest extends VisionPrompt {
  readonly removed: Removed;
  readonly distance: VhdDistance;
  readonly outliers: OutlierRule;
  readonly positions: RemovedPositions;
  /** Held in both passes; such as mean the same on any sequence, and no reinforcement. */
  readonly interventions?: readonly Intervention[];
  /** Absent: max(1, round(heads / 8)). */
  readonly k?: number;
}

/** How the words of a caption are judged. */
export interface Judging {
  /** Objects in the picture; absent: words are marked, not judged. */
  readonly truth?: readonly string[];
  /** Captions of the picture by people; with a truth, the objects that they name count as true. */
  readonly references?: readonly string[];
  /** Absent: the 80 classes of COCO. */
  readonly lexicon?: Lexicon;
}

export interface HallucinationRequest extends DivergenceRequest, Judging {
  /** At least 1. */
  readonly maxNewTokens: number;
  /** The tables of every step, not of the first alone. */
  readonly keepSteps?: boolean;
}

/** One later step of a caption. */
export interface DivergenceAtRequest extends DivergenceRequest {
  /** Tokens generated before the step. */
  readonly generated: readonly number[];
}

/** A picture as the panel shows it, and what became of it. */
export interface OpenedImage {
  readonly image: ImageSpan;
  readonly mime: string;
  readonly bytes: Uint8Array;
  readonly chatPrompt?: ChatPrompt;
}

/** What to reinforce; layers absent: {1} and the last ceil(14/32 L). */
export type ReinforcementRequest = Omit<Reinforcement, 'layers' | 'distance' | 'positions'> & {
  readonly layers?: readonly number[];
};

export interface ImageMapRequest extends VisionPrompt {
  /** Tokens generated before the one that is asked about. */
  readonly generated: readonly number[];
  /** More than one: their mean. */
  readonly heads: readonly { readonly layer: number; readonly head: number }[];
  /** Of the caption that the tokens belong to. */
  readonly interventions?: readonly Intervention[];
  /** The rows asked about where the prompt has no picture. */
  readonly span?: { readonly start: number; readonly end: number };
}

export interface ImageWithTruth {
  readonly path: string;
  readonly truth: readonly string[];
  readonly references?: readonly string[];
}

/** One prompt for many pictures. */
export interface HallucinationSetRequest extends Omit<
  HallucinationRequest,
  'truth' | 'references' | 'keepSteps' | 'removed'
> {
  readonly images: readonly ImageWithTruth[];
  /** How many of the images are taken; absent: all of them. */
  readonly sample?: Pick<PictureSample, 'count' | 'seed'>;
  /** Each makes a further caption of every picture. */
  readonly reinforcements: readonly ReinforcementRequest[];
  /** Entries of an earlier run that was stopped: not computed again. What the same request left on disk is taken too. */
  readonly done: readonly DatasetEntry[];
}

/** What is to be timed: one picture of the folder stands for all. */
export interface CaptionTimeRequest extends OnDevice {
  readonly folder: string;
  readonly prompt: PromptInput;
  readonly image: string;
  readonly maxNewTokens: number;
  /** Texts with reinforced heads, beside the plain one. */
  readonly reinforced: number;
  /** The divergence of every token is measured too. */
  readonly measured: boolean;
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
