/** The extension's half of one Hallucination webview: what it answers beside what `ModelPanelHost` does. Pure of VS Code. */
import type { OpenedImage, ReinforcementRequest } from '../../../protocol/compute/hallucination';
import type {
  FromHallucinationPanel,
  HallucinationPlan,
  ImageFolder,
  NamedHallucination,
  ToHallucinationPanel,
} from '../../../protocol/panels/hallucination';
import type { HallucinationResult } from '../../../protocol/results/hallucination';
import type { ModelSummary } from '../../../protocol/results/heads';
import { unreachable } from '../../../protocol/unreachable';
import { FailureError } from '../../../protocol/wire/failures';
import type { SavedHallucination } from '../../results/hallucination-file';
import { ModelPanelHost, type CommonOpening } from '../model-panel-host';
import { NewestFirst } from '../newest-first';
import { Sentence, sentenceOfError } from '../questions';
import { planOfSaved } from './default-plan';
import { mapRequestOf, measureOf, stepRequestOf, timeRequestOf } from './requests';
import type { RunEvent } from './run';
import type { HallucinationWorld } from './world';

type Told = Exclude<RunEvent, { readonly kind: 'started' }>;

export class HallucinationHost extends ModelPanelHost<
  HallucinationPlan,
  SavedHallucination,
  NamedHallucination,
  Told,
  FromHallucinationPanel,
  ToHallucinationPanel,
  HallucinationWorld
> {
  readonly #maps = new NewestFirst(1);
  readonly #steps = new NewestFirst(1);
  readonly #pictures = new NewestFirst(1);
  readonly #tokenisations = new NewestFirst(1);
  readonly #times = new NewestFirst(1);
  #picture: OpenedImage | undefined;
  #imageFolder: ImageFolder | undefined;
  #reinforcing: AbortController | undefined;

  override dispose(): void {
    this.#reinforcing?.abort();
    super.dispose();
  }

  protected override async answer(message: FromHallucinationPanel): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.mail.renew();
        return this.open();
      case 'planned':
        this.keep(message.plan);
        return this.#lookAtFolder();
      case 'chooseModel':
        return this.chooseModel(message.folder);
      case 'loadModel':
        return this.loadModel();
      case 'browseModel': {
        const folder = await this.world.browse();
        return folder === undefined ? undefined : this.change({ folder });
      }
      case 'browseImage':
        return this.#browseImage();
      case 'browseImages':
        return this.#browseImages();
      case 'browseLexicon': {
        const lexicon = await this.world.browseLexicon();
        return lexicon === undefined ? undefined : this.change({ lexicon });
      }
      case 'run':
        this.keep(message.plan);
        return this.#run(message.plan, message.resume);
      case 'cancel':
        this.#reinforcing?.abort();
        if (this.follows) this.world.run.cancel();
        return;
      case 'reinforce':
        return this.#reinforce(message.request, message.reinforcement);
      case 'save':
        return this.#save();
      case 'compare': {
        const other = await this.world.chooseOther(this.shownResult);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'stopComparing':
        this.other = undefined;
        return;
      case 'openFull':
        this.requireLocal(message.plan);
        this.keep(message.plan);
        return this.world.openFull(message.plan, message.select);
      case 'export':
        return this.world.export(message, this.written);
      case 'copy':
        return this.world.copy(message.text);
      case 'card':
        return this.#sendCard(message.folder);
      case 'openCard': {
        const card = await this.world.card(message.folder);
        if (card === undefined) throw new Sentence('The card of the model is not there any more.');
        return this.world.openCard(card);
      }
      case 'openImage':
      case 'tokenise':
      case 'folderTime':
      case 'map':
      case 'step':
        return this.#ask(message);
      default:
        return unreachable(message);
    }
  }

  async #browseImage(): Promise<void> {
    const image = await this.world.browseImage();
    if (image === undefined) return;
    const { truth, lexicon } = await this.world.besideImage(image);
    await this.change({ mode: 'image', image, truth: truth ?? null, ...(lexicon === undefined ? {} : { lexicon }) });
  }

  async #browseImages(): Promise<void> {
    const images = await this.world.browseImages();
    if (images === undefined) return;
    const { lexicon } = await this.world.images(images);
    await this.change({ mode: 'set', images, ...(lexicon === undefined ? {} : { lexicon }) });
  }

  /** How many pictures a set has, said before it is run. */
  async #lookAtFolder(): Promise<void> {
    const { mode, images } = this.openPlan();
    if (mode !== 'set' || images === '' || this.#imageFolder?.folder === images) return;
    const { shown } = await this.world.images(images);
    this.#imageFolder = shown;
    this.mail.post({ kind: 'imageFolder', imageFolder: shown });
  }

  async #run(plan: HallucinationPlan, resume: boolean): Promise<void> {
    if (!this.mayStart(plan)) return;
    this.#reinforcing?.abort();
    const shown = this.shownResult;
    const saved = shown?.kind === 'headscope-hallucination-set' ? shown.entries : [];
    const done = resume ? (this.world.run.entries.length > 0 ? this.world.run.entries : saved) : [];
    await this.world.run.start(plan, done);
  }

  async #sendCard(folder: string): Promise<void> {
    const card = await this.world.card(folder);
    if (!this.disposed) this.mail.post({ kind: 'card', folder, ...(card === undefined ? {} : { card }) });
  }

  async #reinforce(request: number, reinforcement: ReinforcementRequest): Promise<void> {
    const may = this.world.mayRun();
    const result = this.shownResult;
    try {
      if (may !== true) throw new Sentence(may);
      this.requireLoaded();
      if (result?.kind !== 'headscope-hallucination')
        throw new Sentence('There is no caption to reinforce yet. Run the model on a picture first.');
      await this.#sameModel(result);
      this.#reinforcing?.abort();
      const abort = new AbortController();
      this.#reinforcing = abort;
      const { lexicon, maxNewTokens } = this.openPlan();
      const words = await this.world.lexicon(lexicon);
      const wanted = (): boolean => this.#reinforcing === abort && !this.disposed;
      const caption = await this.world.server.reinforce(
        {
          ...measureOf(result),
          maxNewTokens,
          ...(result.truth === undefined ? {} : { truth: result.truth }),
          ...(result.references === undefined ? {} : { references: result.references }),
          ...(words === undefined ? {} : { lexicon: words }),
        },
        reinforcement,
        abort.signal,
        (progress) => {
          if (progress.kind === 'token' && wanted()) this.mail.post({ ...progress, variant: true });
        },
      );
      const changed = await this.world.run.addVariant(result, caption);
      if (this.shownResult?.created === result.created) this.shownResult = changed;
      if (wanted()) this.mail.post({ kind: 'variant', request, caption });
    } catch (error) {
      if (!this.disposed) this.mail.post({ kind: 'failed', request, ...sentenceOfError(error) });
    }
  }

  async #save(): Promise<void> {
    const saved = this.shownResult;
    if (saved === undefined) throw new Sentence('There is no result to save yet. Run the model on a picture first.');
    const savedAs = await this.world.save(saved);
    if (saved !== this.shownResult) return;
    this.savedAs = savedAs;
    this.mail.post(
      saved.kind === 'headscope-hallucination-set'
        ? { kind: 'set', set: saved, savedAs }
        : { kind: 'result', result: saved, savedAs },
    );
  }

  /** Fails with a sentence when the files in the folder are not those that gave the result. */
  async #sameModel({ model: { folder, hash } }: HallucinationResult): Promise<void> {
    const model = await this.world.openModel(folder);
    if (model.hash === hash) return;
    throw new FailureError({
      code: 'model-unusable',
      folder,
      detail:
        'Its files are not those that gave this result, so nothing more can be asked of it. Run the picture again.',
    });
  }

  #ask(
    message: Extract<
      FromHallucinationPanel,
      { readonly kind: 'openImage' | 'tokenise' | 'folderTime' | 'map' | 'step' }
    >,
  ): void {
    const { request } = message;
    const answer = (act: () => Promise<ToHallucinationPanel>) => this.question(request, act);
    const { server } = this.world;
    const about = async <T>(act: (result: HallucinationResult) => Promise<T>): Promise<T> => {
      if (this.shownResult?.kind !== 'headscope-hallucination') throw new Sentence('The result is not shown any more.');
      await this.#sameModel(this.shownResult);
      return act(this.shownResult);
    };
    switch (message.kind) {
      case 'openImage':
        return this.#pictures.ask(
          answer(async () => {
            const { prompt: text, chat, image: path } = message;
            const prompt = { kind: 'text', text, chat, image: path } as const;
            const { image, mime, bytes, chatPrompt } = await server.openImage({ folder: message.folder, prompt });
            // A Buffer reaches a webview as a table of numbers (VS Code 1.139 goes by the name of the class).
            this.#picture = { image, mime, bytes: new Uint8Array(bytes), ...(chatPrompt ? { chatPrompt } : {}) };
            return { kind: 'picture', request, picture: this.#picture };
          }),
        );
      case 'tokenise':
        return this.#tokenisations.ask(
          answer(async () => {
            const prompt = { kind: 'text', text: message.text, chat: message.chat } as const;
            const tokenised = message.pictures
              ? await server.promptForPictures(message.folder, prompt)
              : await server.tokenise(message.folder, prompt);
            return { kind: 'tokenised', request, tokenised };
          }),
        );
      case 'folderTime':
        return this.#times.ask(
          answer(async () => {
            const { plan } = message;
            const [first] = (await this.world.images(plan.images)).images;
            if (!first) throw new Sentence('The folder has no picture with a truth.');
            return { kind: 'folderTime', request, time: await server.captionTime(timeRequestOf(plan, first.path)) };
          }),
        );
      case 'map':
        return this.#maps.ask(
          answer(async () => ({
            kind: 'map',
            request,
            map: await about((result) => server.imageMap(mapRequestOf(result, message))),
          })),
        );
      case 'step':
        return this.#steps.ask(
          answer(async () => ({
            kind: 'step',
            request,
            step: await about((result) => server.divergenceAt(stepRequestOf(result, message.step))),
          })),
        );
      default:
        return unreachable(message);
    }
  }

  protected override forgetQuestions(): void {
    for (const questions of [this.#maps, this.#steps, this.#pictures, this.#tokenisations, this.#times])
      questions.clear();
  }

  protected override news(): SavedHallucination | undefined {
    const live = this.world.run.result;
    return live === this.shownResult ? undefined : live;
  }

  protected override resultOf(event: Told): SavedHallucination | undefined {
    return event.kind === 'result' ? event.result : event.kind === 'set' ? event.set : undefined;
  }

  protected override modelOf(saved: SavedHallucination): ModelSummary {
    return saved.model;
  }

  protected override pathsOf({ folder, image, images, lexicon }: HallucinationPlan): readonly string[] {
    return [folder, image, images, lexicon];
  }

  protected override planOfShown(saved: SavedHallucination): HallucinationPlan {
    return planOfSaved(saved, this.world.plan());
  }

  protected override isInWhole(): boolean {
    return true;
  }

  protected override async sendMore(): Promise<void> {
    await this.#sendPicture();
    await this.#lookAtFolder();
  }

  protected override openMessage(
    common: CommonOpening<HallucinationPlan, NamedHallucination>,
    saved: SavedHallucination | undefined,
  ): ToHallucinationPanel {
    const wanted = saved?.kind === 'headscope-hallucination' ? saved.image?.path : common.plan.image;
    const picture = this.#picture?.image.path === wanted ? this.#picture : undefined;
    return {
      ...common,
      ...(picture === undefined ? {} : { picture }),
      ...(this.#imageFolder === undefined ? {} : { imageFolder: this.#imageFolder }),
      ...(saved === undefined ? {} : saved.kind === 'headscope-hallucination-set' ? { set: saved } : { result: saved }),
    };
  }

  /** The picture of a result from its file: it is looked at without a run. */
  async #sendPicture(): Promise<void> {
    const image = this.shownResult?.kind === 'headscope-hallucination' ? this.shownResult.image : undefined;
    if (image === undefined || this.#picture?.image.sha256 === image.sha256) return;
    // A picture on another machine is not asked for either.
    if (this.refusal([image.path]) !== undefined) return;
    const picture = await this.world.pictureOf(image);
    if (picture === undefined || this.disposed) return;
    this.#picture = picture;
    this.mail.post({ kind: 'picture', picture });
  }
}
