/** What a Hallucination webview needs of the rest of the extension, and what it begins with. */
import type { Disposable } from 'vscode';
import type {
  CaptionProgress,
  DivergenceAtRequest,
  HallucinationRequest,
  ImageMapRequest,
  OpenedImage,
  ReinforcementRequest,
  StageProgress,
  VisionPrompt,
} from '../../../protocol/compute/hallucination';
import type { PromptInput, Tokenised } from '../../../protocol/compute/models';
import type { ModelChoice } from '../../../protocol/panels/heads';
import type {
  FromHallucinationPanel,
  HallucinationPlan,
  NamedHallucination,
} from '../../../protocol/panels/hallucination';
import type { Caption, DivergenceStep } from '../../../protocol/results/hallucination';
import type { ModelSummary } from '../../../protocol/results/heads';
import type { ImageSpan } from '../../../protocol/results/image';
import type { ParsedHallucination, SavedHallucination } from '../../results/hallucination-file';
import type { FoundImages, Lexicon } from './image-folder';
import type { HallucinationRun } from './run';

export interface HeadAt {
  readonly layer: number;
  readonly head: number;
}

type ExportRequest = Extract<FromHallucinationPanel, { readonly kind: 'export' }>;

/** The part of the compute server that is asked about a picture or a result. */
export interface VisionServer {
  openModel(folder: string): Promise<ModelSummary>;
  openImage(prompt: VisionPrompt): Promise<OpenedImage>;
  tokenise(folder: string, prompt: PromptInput): Promise<Tokenised>;
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
export interface HallucinationWorld {
  readonly run: HallucinationRun;
  readonly server: VisionServer;
  mayRun(): true | string;
  /** The model that comes with the extension; drawn before the others are found. */
  readonly demo: ModelChoice;
  models(): Promise<readonly ModelChoice[]>;
  onModels(listener: () => void): Disposable;
  /** True when asking the compute server starts nothing. */
  serverIsUp(): boolean;
  /** The plan as it was left, or the demo. */
  plan(): HallucinationPlan;
  keepPlan(plan: HallucinationPlan): void;
  openFull(plan: HallucinationPlan, select: HeadAt | undefined): void;
  /** These let the person choose. */
  browse(): Promise<string | undefined>;
  browseImage(): Promise<string | undefined>;
  browseImages(): Promise<string | undefined>;
  browseLexicon(): Promise<string | undefined>;
  images(folder: string): Promise<FoundImages>;
  /** Truth and lexicon that lie beside a picture. */
  besideImage(path: string): Promise<{ readonly truth?: readonly string[]; readonly lexicon?: string }>;
  lexicon(path: string): Promise<Lexicon | undefined>;
  /** The picture of a result from where it lay, when it is still the same file. */
  pictureOf(image: ImageSpan): Promise<OpenedImage | undefined>;
  /** Saves among the results and returns where, in words. */
  save(saved: SavedHallucination): Promise<string>;
  /** Lets the person choose a result to compare with `other`. */
  chooseOther(other: SavedHallucination | undefined): Promise<NamedHallucination | undefined>;
  export(request: ExportRequest): Promise<void>;
  copy(text: string): Promise<void>;
  /** A failure outside a run. */
  report(sentence: string, details?: string): void;
}

/** A saved result that is shown as an editor. */
export interface ShownFile {
  readonly name: string;
  read(): ParsedHallucination;
}

export interface HallucinationStart {
  readonly file?: ShownFile;
  readonly plan?: HallucinationPlan;
  readonly select?: HeadAt;
  /** The last result of this workspace. */
  readonly shown?: SavedHallucination;
}
