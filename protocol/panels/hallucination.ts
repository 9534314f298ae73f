/**
 * Messages between the extension and the Hallucination panel or its side view. The panel speaks first: it posts `ready`, the
 * extension replies with `open`, which holds everything needed to draw and may be sent again as the whole new state.
 */
import type { CaptionTime, OpenedImage, ReinforcementRequest } from '../compute/hallucination';
import type { Tokenised } from '../compute/models';
import type { Intervention } from '../interventions/interventions';
import type { FlagPerHead, PerHead } from '../results/heads';
import type {
  DivergenceStep,
  Caption,
  CaptionToken,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
} from '../results/hallucination-schema';
import type { OutlierRule, RemovedPositions, VhdDistance } from '../interventions/reinforcement';
import type { ModelSummary } from '../schema/parts';
import type {
  FromModelRunPanel,
  DeviceChoices,
  ModelChoice,
  PanelPlace,
  ToModelRunPanel,
  WaitingModel,
} from './run-panel';

type HallucinationPlace = PanelPlace;

/** One picture; a folder of pictures with their truth; a model of text, where a span of the prompt is removed instead. */
export const hallucinationModes = ['image', 'set', 'span'] as const;
export type HallucinationMode = (typeof hallucinationModes)[number];

/** None, the reinforced one, or that one with its controls: random heads, and direction alone. */
export const setCaptions = ['plain', 'reinforced', 'controls'] as const;
export type SetCaptions = (typeof setCaptions)[number];

/** What the person has typed and chosen; kept for reload, and enough to start the run again. */
export interface HallucinationSetup {
  readonly mode: HallucinationMode;
  readonly folder: string;
  /** Where it runs; absent: on the device of the setting. */
  readonly device?: string;
  /** Path of the picture; empty: none chosen yet. */
  readonly image: string;
  /** Folder of pictures with a truth file; empty: none chosen yet. */
  readonly images: string;
  readonly prompt: string;
  /** The prompt goes into the model's chat template as one user message, with the picture where the template puts it. */
  readonly chat: boolean;
  /** Token positions [start, end) that are removed in the mode `span`. */
  readonly span: readonly [start: number, end: number] | null;
  /** Objects in the picture; null: words are marked, not judged. */
  readonly truth: readonly string[] | null;
  readonly maxNewTokens: number;
  readonly distance: VhdDistance;
  readonly outliers: OutlierRule;
  readonly positions: RemovedPositions;
  /** Null: max(1, round(heads / 8)). */
  readonly k: number | null;
  readonly alpha: number;
  /** Null: layer 1 and the last ceil(14/32 L). */
  readonly reinforcedLayers: readonly number[] | null;
  /** Which heads reinforcement leaves out; null: those that the measurement leaves out. */
  readonly reinforcedOutliers: OutlierRule | null;
  /** A JSON file of object classes with their synonyms; empty: the 80 classes of COCO. */
  readonly lexicon: string;
  /** In the mode `set`: which captions beside the plain one. */
  readonly setCaptions: SetCaptions;
  /** In the mode `set`: so many pictures, drawn by the seed; null: all. */
  readonly mostImages: number | null;
  /** Of the sample of pictures, and of the random heads. */
  readonly seed: number;
  /** Held in both passes, and while the caption is written: a cache plan. Not in the mode `set`. */
  readonly interventions?: readonly Intervention[];
}

/** What a folder of pictures holds. */
export interface ImageFolder {
  readonly folder: string;
  /** Pictures with a truth. */
  readonly images: number;
  /** What is missing or was left out, as a sentence. */
  readonly note?: string;
}

/** The README.md of a model folder. */
export interface ModelCard {
  readonly folder: string;
  /** Where it mentions reinforcement: a line from 0, and its text where that is a heading; absent: nowhere. */
  readonly reinforcement?: { readonly line: number; readonly heading?: string };
}

/** Another result, by the name of its file or of its run. */
export interface NamedHallucination {
  readonly name: string;
  readonly made: HallucinationResult | HallucinationSet;
}

/** The first step of a run whose caption is not there yet. */
export interface FirstStep {
  readonly vhd: PerHead;
  readonly textEnergy: PerHead;
  readonly outlier: FlagPerHead;
  readonly selected: FlagPerHead;
}

/** Sent by the extension to the panel. */
export type ToHallucinationPanel =
  | ToModelRunPanel
  | {
      readonly kind: 'open';
      readonly place: HallucinationPlace;
      readonly models: readonly ModelChoice[];
      readonly devices: DeviceChoices;
      readonly plan: HallucinationSetup;
      /** The plan was chosen outside the form (a picture, a folder, a command): it replaces what the form holds. */
      readonly replaces?: true;
      readonly model?: ModelSummary;
      readonly picture?: OpenedImage;
      readonly imageFolder?: ImageFolder;
      readonly result?: HallucinationResult;
      readonly set?: HallucinationSet;
      /** A second saved result to compare with. */
      readonly compareWith?: NamedHallucination;
      /** A head that a command or a link names: shown selected. */
      readonly select?: { readonly layer: number; readonly head: number };
      readonly canRun: true | string;
      readonly savedAs?: string;
      readonly waiting?: WaitingModel;
    }
  /** Answer to `openImage`, or unasked for the picture of a saved result. */
  | { readonly kind: 'picture'; readonly request?: number; readonly picture: OpenedImage }
  | { readonly kind: 'imageFolder'; readonly imageFolder: ImageFolder }
  | { readonly kind: 'tokenised'; readonly request: number; readonly tokenised: Tokenised }
  /** Answer to `folderTime`; of one picture. */
  | { readonly kind: 'folderTime'; readonly request: number; readonly time: CaptionTime }
  /** Answer to `card`; no card: the folder has none. */
  | { readonly kind: 'card'; readonly folder: string; readonly card?: ModelCard }
  | { readonly kind: 'stage'; readonly sentence: string; readonly share: number; readonly secondsLeft?: number }
  | ({ readonly kind: 'firstStep' } & FirstStep)
  /** One token of the plain caption, or of the variant that is being made. */
  | { readonly kind: 'token'; readonly variant: boolean; readonly index: number; readonly token: CaptionToken }
  | { readonly kind: 'result'; readonly result: HallucinationResult; readonly savedAs?: string }
  /** Answer to `reinforce`; also part of the result from now on. */
  | { readonly kind: 'variant'; readonly request: number; readonly caption: Caption }
  /** Answer to `map`, [image tokens], or [tokens of the span] where a text was removed. */
  | { readonly kind: 'map'; readonly request: number; readonly map: Float32Array }
  /** Answer to `step`. */
  | { readonly kind: 'step'; readonly request: number; readonly step: DivergenceStep }
  | { readonly kind: 'entry'; readonly entry: DatasetEntry }
  | { readonly kind: 'entryFailed'; readonly name: string; readonly why: string }
  | { readonly kind: 'set'; readonly set: HallucinationSet; readonly savedAs?: string };

/** Sent by the panel to the extension. `request` numbers are the panel's own; an older one may be answered late or never. */
export type FromHallucinationPanel =
  | FromModelRunPanel<HallucinationSetup>
  | { readonly kind: 'browseImage' }
  | { readonly kind: 'browseImages' }
  | { readonly kind: 'browseLexicon' }
  /** Lets the person choose a cache plan, which becomes one intervention. */
  | { readonly kind: 'applyPlan' }
  | {
      readonly kind: 'openImage';
      readonly request: number;
      readonly folder: string;
      readonly image: string;
      readonly prompt: string;
      readonly chat: boolean;
    }
  | {
      readonly kind: 'tokenise';
      readonly request: number;
      readonly folder: string;
      readonly text: string;
      readonly chat: boolean;
      /** Pictures come into it: a prompt without a place for one is refused. */
      readonly pictures: boolean;
    }
  /** How long the pictures of the folder will take, before they are run. */
  | { readonly kind: 'folderTime'; readonly request: number; readonly plan: HallucinationSetup }
  /** What the folder of the chosen model says of it. */
  | { readonly kind: 'card'; readonly folder: string }
  /** Opens that text in an editor. */
  | { readonly kind: 'openCard'; readonly folder: string }
  | { readonly kind: 'run'; readonly plan: HallucinationSetup; readonly resume: boolean }
  | { readonly kind: 'reinforce'; readonly request: number; readonly reinforcement: ReinforcementRequest }
  | {
      readonly kind: 'map';
      readonly request: number;
      /** Token whose query is meant, of the plain caption or of a variant by its place in the result. */
      readonly step: number;
      readonly variant: number | null;
      readonly heads: readonly { readonly layer: number; readonly head: number }[];
    }
  /** All divergences of a later step of the plain caption. */
  | { readonly kind: 'step'; readonly request: number; readonly step: number };
