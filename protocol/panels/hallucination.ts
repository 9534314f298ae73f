/**
 * Messages between the extension and the Hallucination panel or its side view. The panel speaks first: it posts `ready`, the
 * extension replies with `open`, which holds everything needed to draw and may be sent again as the whole new state.
 */
import type { HallucinationSetup } from './hallucination-schema';
import type { CaptionTime, OpenedImage } from '../compute/hallucination';
import type { Tokenised } from '../compute/models';
import type { ModelCard } from './workbench';
import type { FlagPerHead, PerHead } from '../results/heads';
import type {
  DivergenceStep,
  Caption,
  CaptionToken,
  DatasetEntry,
  HallucinationResult,
  HallucinationSet,
} from '../results/hallucination-schema';
import type { ModelSummary } from '../schema/parts';
import type { DeviceChoices, ModelChoice, PanelPlace, ToModelRunPanel, WaitingModel } from './run-panel';

type HallucinationPlace = PanelPlace;

/** What a folder of pictures holds. */
export interface ImageFolder {
  readonly folder: string;
  /** Pictures with a truth. */
  readonly images: number;
  /** What is missing or was left out, as a sentence. */
  readonly note?: string;
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
