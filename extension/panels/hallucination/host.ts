/** The extension's half of one Hallucination webview: what it answers beside what `ModelPanelHost` does. */
import type { ReinforcementRequest } from '../../../protocol/interventions/reinforcement';
import type { OpenedImage } from '../../../protocol/compute/hallucination';
import {
  type FromHallucinationPanel,
  type HallucinationSetup,
  fromHallucinationPanel,
} from '../../../protocol/panels/hallucination-schema';
import type { ImageFolder, ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import type { ModelCard } from '../../../protocol/panels/workbench';
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import type { ModelSummary, ImageSpan } from '../../../protocol/schema/parts';
import { unreachable } from '../../../protocol/unreachable';
import type { Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import type { SavedHallucination } from '../../results/hallucination-file';
import type { Failed } from '../flight';
import { ModelPanelHost, type ModelPanelServices, type OwnModelMessage } from '../model-panel-host';
import type { Opening } from '../panel-types';
import { withPlan, type ChoosePlan } from '../plan/apply-plan';
import { Sentence } from '../questions';
import { setupOfSaved } from './default-setup';
import { mapRequestOf, measureOf, stepRequestOf, timeRequestOf } from './requests';
import { entriesOf, withVariant, type HallucinationEvent, type PictureFiles, type SetupToRun } from './run';

export interface HallucinationTypes {
  readonly result: 'hallucination';
  readonly plan: SetupToRun;
  readonly event: HallucinationEvent;
  readonly from: FromHallucinationPanel;
  readonly to: ToHallucinationPanel;
}

export interface HallucinationServices extends ModelPanelServices<HallucinationTypes>, PictureFiles {
  readonly server: Pick<
    Compute,
    'openImage' | 'tokenise' | 'promptForPictures' | 'captionTime' | 'imageMap' | 'divergenceAt' | 'reinforce'
  >;
  /** These let the person choose. */
  browseImage(): Promise<string | undefined>;
  browseImages(): Promise<string | undefined>;
  browseLexicon(): Promise<string | undefined>;
  readonly choosePlan: ChoosePlan;
  /** The README.md of a model folder; undefined where there is none. */
  card(folder: string): Promise<ModelCard | undefined>;
  /** Shows its text in an editor. */
  openCard(card: ModelCard): Promise<void>;
  /** The picture of a result from where it lay, when it is still the same file. */
  pictureOf(image: ImageSpan): Promise<OpenedImage | undefined>;
}

type Asked<Kind extends FromHallucinationPanel['kind']> = Extract<FromHallucinationPanel, { readonly kind: Kind }>;

export class HallucinationHost extends ModelPanelHost<HallucinationTypes, HallucinationServices> {
  protected override readonly messages = fromHallucinationPanel;
  protected override readonly runFirst = 'Run the model on a picture first.';
  private picture: OpenedImage | undefined;
  private imageFolder: ImageFolder | undefined;
  private reinforcing: AbortController | undefined;

  protected override stopAsking(): void {
    this.reinforcing?.abort();
  }

  protected override modelOf(saved: SavedHallucination): ModelSummary {
    return saved.model;
  }

  protected override changeOfModel(folder: string): Partial<HallucinationSetup> {
    // Heads of another model are other heads.
    return { folder, interventions: [] };
  }

  protected override pathsOf({ folder, image, images, lexicon }: HallucinationSetup): readonly string[] {
    return [folder, image, images, lexicon];
  }

  protected override setupOfShown(saved: SavedHallucination): HallucinationSetup {
    return setupOfSaved(saved, this.services.plan());
  }

  protected override isInWhole({ kind }: HallucinationEvent | Failed): boolean {
    return kind !== 'failed';
  }

  protected override formSetup({ done: _done, ...plan }: SetupToRun): HallucinationSetup {
    return plan;
  }

  protected override setupToRun({ plan, resume }: { plan: HallucinationSetup; resume?: boolean }): SetupToRun {
    if (resume !== true) return plan;
    const saved = this.shown?.kind === 'headscope-hallucination-set' ? this.shown.entries : [];
    const captioned = entriesOf(this.services.run);
    return { ...plan, done: captioned.length > 0 ? captioned : saved };
  }

  protected override onSetup(): Promise<void> {
    return this.lookAtFolder();
  }

  protected override async afterOpening(isCurrent: () => boolean): Promise<void> {
    await this.sendPicture();
    await this.lookAtFolder();
    await super.afterOpening(isCurrent);
  }

  protected override openMessage(
    opening: Opening<HallucinationTypes>,
    saved: SavedHallucination | undefined,
  ): ToHallucinationPanel {
    const wanted = saved?.kind === 'headscope-hallucination' ? saved.image?.path : opening.plan.image;
    return {
      ...opening,
      ...this.modelOpening,
      ...defined({
        picture: this.picture?.image.path === wanted ? this.picture : undefined,
        imageFolder: this.imageFolder,
        result: saved?.kind === 'headscope-hallucination' ? saved : undefined,
        set: saved?.kind === 'headscope-hallucination-set' ? saved : undefined,
      }),
    };
  }

  protected override answerPanel(message: OwnModelMessage<HallucinationTypes>): unknown {
    switch (message.kind) {
      case 'browseImage':
        return this.browseImage();
      case 'browseImages':
        return this.browseImages();
      case 'browseLexicon':
        return this.browseLexicon();
      case 'applyPlan':
        return this.applyPlan();
      case 'card':
        return this.sendCard(message.folder);
      case 'openCard':
        return this.openCard(message.folder);
      case 'openImage':
        return this.openImage(message);
      case 'tokenise':
        return this.tokenise(message);
      case 'folderTime':
        return this.folderTime(message);
      case 'map':
        return this.map(message);
      case 'step':
        return this.step(message);
      case 'reinforce':
        return this.reinforce(message.request, message.reinforcement);
      default:
        return unreachable(message);
    }
  }

  private async browseImage(): Promise<void> {
    const image = await this.services.browseImage();
    if (image === undefined) return;
    const { truth = null, lexicon } = await this.services.besideImage(image);
    await this.change({ mode: 'image', image, truth, ...defined({ lexicon }) });
  }

  private async browseImages(): Promise<void> {
    const images = await this.services.browseImages();
    if (images === undefined) return;
    const { lexicon } = await this.services.images(images);
    await this.change({ mode: 'set', images, ...defined({ lexicon }) });
  }

  private async browseLexicon(): Promise<void> {
    const lexicon = await this.services.browseLexicon();
    if (lexicon !== undefined) await this.change({ lexicon });
  }

  private async applyPlan(): Promise<void> {
    const plan = await this.services.choosePlan(this.knownModel());
    if (plan !== undefined) await this.change({ interventions: withPlan(this.openSetup().interventions ?? [], plan) });
  }

  /** How many pictures a set has, said before it is run. */
  private async lookAtFolder(): Promise<void> {
    const { mode, images } = this.openSetup();
    if (mode !== 'set' || images === '' || this.imageFolder?.folder === images) return;
    const { shown: imageFolder } = await this.services.images(images);
    this.imageFolder = imageFolder;
    this.post({ kind: 'imageFolder', imageFolder });
  }

  private async sendCard(folder: string): Promise<void> {
    const card = await this.services.card(folder);
    if (!this.disposed) this.post({ kind: 'card', folder, ...defined({ card }) });
  }

  private async openCard(folder: string): Promise<void> {
    const card = await this.services.card(folder);
    if (card === undefined) throw new Sentence('The card of the model no longer exists.');
    await this.services.openCard(card);
  }

  private openImage(message: Asked<'openImage'>): void {
    const { request, folder, prompt: text, chat, image: path } = message;
    this.ask(message, async () => {
      const prompt = { kind: 'text', text, chat, image: path } as const;
      const { image, mime, bytes, chatPrompt } = await this.services.server.openImage({ folder, prompt });
      // A Buffer reaches a webview as a table of numbers (VS Code 1.139 goes by the name of the class).
      this.picture = { image, mime, bytes: new Uint8Array(bytes), ...defined({ chatPrompt }) };
      return { kind: 'picture', request, picture: this.picture };
    });
  }

  private tokenise(message: Asked<'tokenise'>): void {
    const { request, folder, text, chat, pictures } = message;
    const { server } = this.services;
    this.ask(message, async () => {
      const prompt = { kind: 'text', text, chat } as const;
      const tokenised = await (pictures ? server.promptForPictures(folder, prompt) : server.tokenise(folder, prompt));
      return { kind: 'tokenised', request, tokenised };
    });
  }

  private folderTime(message: Asked<'folderTime'>): void {
    const { kind, request, plan } = message;
    this.ask(message, async () => {
      const [first] = (await this.services.images(plan.images)).images;
      if (!first) throw new Sentence('The folder has no picture with a truth.');
      return { kind, request, time: await this.services.server.captionTime(timeRequestOf(plan, first.path)) };
    });
  }

  private map(message: Asked<'map'>): void {
    const { kind, request } = message;
    this.ask(message, async () => {
      const { result, place } = await this.subject('The result is not shown any more.');
      const map = await this.services.server.imageMap({ ...mapRequestOf(result, message), ...place });
      return { kind, request, map };
    });
  }

  private step(message: Asked<'step'>): void {
    const { kind, request } = message;
    this.ask(message, async () => {
      const { result, place } = await this.subject('The result is not shown any more.');
      const step = await this.services.server.divergenceAt({ ...stepRequestOf(result, message.step), ...place });
      return { kind, request, step };
    });
  }

  /** The caption on the screen, whose model is still in its folder; `none` where there is no caption. */
  private async subject(
    none: string,
  ): Promise<{ readonly result: HallucinationResult; readonly place: { readonly device?: string } }> {
    const result = this.shown;
    if (result?.kind !== 'headscope-hallucination') throw new Sentence(none);
    const place = await this.whereOf(result);
    await this.requireSameModel(result.model, 'Run the picture again.', place);
    return { result, place };
  }

  private async reinforce(request: number, reinforcement: ReinforcementRequest): Promise<void> {
    const { run, server, lexicon: wordsOf } = this.services;
    try {
      this.requireModel();
      const { result, place } = await this.subject(
        'There is no caption to reinforce yet. Run the model on a picture first.',
      );
      this.stopAsking();
      const abort = new AbortController();
      this.reinforcing = abort;
      const isWanted = (): boolean => this.reinforcing === abort && !this.disposed;
      const { lexicon: path, maxNewTokens } = this.openSetup();
      const { truth, references } = result;
      const caption = await server.reinforce(
        {
          ...measureOf(result),
          ...place,
          maxNewTokens,
          ...defined({ truth, references, lexicon: await wordsOf(path) }),
        },
        reinforcement,
        abort.signal,
        (progress) => {
          if (progress.kind === 'token' && isWanted()) this.post({ ...progress, variant: true });
        },
      );
      const changed = withVariant(result, caption);
      if (run.result?.created === result.created) await run.amend(changed);
      if (this.shown?.created === result.created) this.shown = changed;
      if (isWanted()) this.post({ kind: 'variant', request, caption });
    } catch (error) {
      this.fail(error, { request });
    }
  }

  /** The picture of a result from its file: it is looked at without a run. */
  private async sendPicture(): Promise<void> {
    const image = this.shown?.kind === 'headscope-hallucination' ? this.shown.image : undefined;
    if (image === undefined || this.picture?.image.sha256 === image.sha256) return;
    // A picture on another machine is not asked for either.
    if (this.refusal([image.path]) !== undefined) return;
    const picture = await this.services.pictureOf(image);
    if (picture === undefined || this.disposed) return;
    this.picture = picture;
    this.post({ kind: 'picture', picture });
  }
}
