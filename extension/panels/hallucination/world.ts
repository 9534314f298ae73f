/** What a Hallucination webview needs of the rest of the extension, and what it begins with. */
import type {
  CaptionProgress,
  CaptionTime,
  CaptionTimeRequest,
  DivergenceAtRequest,
  HallucinationRequest,
  ImageMapRequest,
  Lexicon,
  OpenedImage,
  ReinforcementRequest,
  StageProgress,
  VisionPrompt,
} from '../../../protocol/compute/hallucination';
import type { PromptInput, Tokenised } from '../../../protocol/compute/models';
import type {
  FromHallucinationPanel,
  HallucinationPlan,
  ModelCard,
  NamedHallucination,
} from '../../../protocol/panels/hallucination';
import type { Caption, DivergenceStep } from '../../../protocol/results/hallucination';
import type { ImageSpan } from '../../../protocol/results/image';
import type { SavedHallucination } from '../../results/hallucination-file';
import type { PanelStart, PanelWorld } from '../model-panel-host';
import type { BesideImage, FoundImages } from './image-folder';
import type { HallucinationRun, RunEvent } from './run';

type ExportRequest = Extract<FromHallucinationPanel, { readonly kind: 'export' }>;

/** The part of the compute server that is asked about a picture or a result. */
export interface VisionServer {
  openImage(prompt: VisionPrompt): Promise<OpenedImage>;
  tokenise(folder: string, prompt: PromptInput): Promise<Tokenised>;
  promptForPictures(folder: string, prompt: PromptInput): Promise<Tokenised>;
  captionTime(request: CaptionTimeRequest): Promise<CaptionTime>;
  imageMap(request: ImageMapRequest): Promise<Float32Array>;
  divergenceAt(request: DivergenceAtRequest): Promise<DivergenceStep>;
  reinforce(
    request: HallucinationRequest,
    reinforcement: ReinforcementRequest,
    signal: AbortSignal,
    onProgress: (progress: StageProgress | CaptionProgress) => void,
  ): Promise<Caption>;
}

/** Everything a Hallucination webview needs of the rest of the extension. */
export interface HallucinationWorld extends PanelWorld<HallucinationPlan, RunEvent> {
  readonly run: HallucinationRun;
  readonly server: VisionServer;
  /** These let the person choose. */
  browseImage(): Promise<string | undefined>;
  browseImages(): Promise<string | undefined>;
  browseLexicon(): Promise<string | undefined>;
  images(folder: string): Promise<FoundImages>;
  /** Truth and lexicon that lie beside a picture; an empty lexicon is the published one. */
  besideImage(path: string): Promise<BesideImage>;
  lexicon(path: string): Promise<Lexicon | undefined>;
  /** The README.md of a model folder; undefined where there is none. */
  card(folder: string): Promise<ModelCard | undefined>;
  /** Shows its text in an editor. */
  openCard(card: ModelCard): Promise<void>;
  /** The picture of a result from where it lay, when it is still the same file. */
  pictureOf(image: ImageSpan): Promise<OpenedImage | undefined>;
  /** Saves among the results and returns where, in words. */
  save(saved: SavedHallucination): Promise<string>;
  /** Lets the person choose a result to compare with `other`. */
  chooseOther(other: SavedHallucination | undefined): Promise<NamedHallucination | undefined>;
  /** Says to `told` what was written. */
  export(request: ExportRequest, told: (sentence: string) => void): Promise<void>;
}

export type HallucinationStart = PanelStart<HallucinationPlan, SavedHallucination>;
