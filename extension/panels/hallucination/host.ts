/**
 * The extension's half of one Hallucination webview: answers its messages, mirrors the run. The panel speaks first (`ready`); the
 * answer holds everything needed to draw, so a webview that was moved, hidden or reloaded is whole again. Pure of VS Code.
 */
import type { OpenedImage, ReinforcementRequest } from '../../../protocol/compute/hallucination';
import type { ModelChoice } from '../../../protocol/panels/heads';
import type {
  FromHallucinationPanel,
  HallucinationPlace,
  HallucinationPlan,
  ImageFolder,
  NamedHallucination,
  ToHallucinationPanel,
} from '../../../protocol/panels/hallucination';
import type { HallucinationResult } from '../../../protocol/results/hallucination';
import type { ModelSummary } from '../../../protocol/results/heads';
import { unreachable } from '../../../protocol/unreachable';
import { FailureError } from '../../../protocol/wire/failures';
import { isCancelled } from '../../platform/compute';
import { Owner } from '../../platform/owner';
import type { SavedHallucination } from '../../results/hallucination-file';
import { Mailbox } from '../mailbox';
import { NewestFirst } from '../newest-first';
import { again, Sentence, sentenceOfError } from '../questions';
import { planOfSaved } from './default-plan';
import { mapRequestOf, measureOf, stepRequestOf } from './requests';
import type { RunEvent } from './run';
import type { HallucinationStart, HallucinationWorld, HeadAt, ShownFile } from './world';

export class HallucinationHost extends Owner {
  readonly #place: HallucinationPlace;
  readonly #world: HallucinationWorld;
  readonly #mail: Mailbox<ToHallucinationPanel>;
  readonly #file: ShownFile | undefined;
  readonly #maps = new NewestFirst(1);
  readonly #steps = new NewestFirst(1);
  readonly #pictures = new NewestFirst(1);
  readonly #tokenisations = new NewestFirst(1);
  /** The side view and the full panel follow the run; a file only the run that was started in it. */
  #follows: boolean;
  #plan: HallucinationPlan | undefined;
  /** The plan was chosen outside the form since the last opening. */
  #replaces = false;
  #select: HeadAt | undefined;
  #shown: SavedHallucination | undefined;
  #picture: OpenedImage | undefined;
  #compareWith: NamedHallucination | undefined;
  #imageFolder: ImageFolder | undefined;
  #savedAs: string | undefined;
  #choices: readonly ModelChoice[];
  #model: ModelSummary | undefined;
  /** The run in flight was started in this webview. */
  #startedHere = false;
  /** Counts openings and choices of models, so that a slow answer to an earlier one is dropped. */
  #opening = 0;
  #choosing = 0;
  #reinforcing: AbortController | undefined;

  constructor(
    place: HallucinationPlace,
    world: HallucinationWorld,
    send: (message: ToHallucinationPanel) => void,
    start: HallucinationStart = {},
  ) {
    super();
    this.#place = place;
    this.#world = world;
    this.#file = start.file;
    this.#plan = start.plan;
    this.#select = start.select;
    this.#shown = start.shown;
    this.#follows = start.file === undefined;
    this.#choices = [world.demo];
    this.#mail = new Mailbox(send);
    this.own(world.run.onEvent((event) => this.#onRun(event)));
    this.own(world.onModels(() => void this.#sendModels()));
  }

  async receive(message: FromHallucinationPanel): Promise<void> {
    try {
      await this.#receive(message);
    } catch (error) {
      if (isCancelled(error) || this.disposed) return;
      const words = sentenceOfError(error);
      this.#world.report(words.sentence, words.details);
    }
  }

  /** Another model, picture or head was asked for; a run in flight stays what is shown. */
  async show(plan: HallucinationPlan | undefined, select: HeadAt | undefined): Promise<void> {
    if (plan !== undefined) {
      this.#plan = plan;
      this.#replaces = true;
    }
    this.#select = select;
    if (this.#mail.isOpen) await this.#open();
  }

  /** A second result beside what is shown. */
  async compareWith(other: NamedHallucination): Promise<void> {
    this.#compareWith = other;
    if (this.#mail.isOpen) await this.#open();
  }

  /** VS Code has taken the webview's page away; it says `ready` when it is shown again. */
  hide(): void {
    this.#opening += 1;
    this.#forgetQuestions();
    this.#mail.hide();
  }

  /** The file was edited, or the window became trusted. */
  async refresh(): Promise<void> {
    if (this.#mail.isOpen && !this.#runsHere()) await this.#open();
  }

  override dispose(): void {
    this.#forgetQuestions();
    this.#reinforcing?.abort();
    super.dispose();
  }

  async #receive(message: FromHallucinationPanel): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.#mail.renew();
        return this.#open();
      case 'planned':
        this.#keep(message.plan);
        return this.#lookAtFolder();
      case 'chooseModel':
        return this.#chooseModel(message.folder);
      case 'browseModel': {
        const folder = await this.#world.browse();
        return folder === undefined ? undefined : this.#change({ folder });
      }
      case 'browseImage':
        return this.#browseImage();
      case 'browseImages':
        return this.#browseImages();
      case 'browseLexicon': {
        const lexicon = await this.#world.browseLexicon();
        return lexicon === undefined ? undefined : this.#change({ lexicon });
      }
      case 'run':
        this.#keep(message.plan);
        return this.#run(message.plan, message.resume);
      case 'cancel':
        this.#reinforcing?.abort();
        if (this.#follows) this.#world.run.cancel();
        return;
      case 'reinforce':
        return this.#reinforce(message.request, message.reinforcement);
      case 'save':
        return this.#save();
      case 'compare': {
        const other = await this.#world.chooseOther(this.#shown);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'stopComparing':
        this.#compareWith = undefined;
        return;
      case 'openFull':
        this.#keep(message.plan);
        return this.#world.openFull(message.plan, message.select);
      case 'export':
        return this.#world.export(message);
      case 'copy':
        return this.#world.copy(message.text);
      case 'openImage':
      case 'tokenise':
      case 'map':
      case 'step':
        return this.#ask(message);
      default:
        return unreachable(message);
    }
  }

  #keep(plan: HallucinationPlan): void {
    this.#plan = plan;
    // A file shows its own plan: looking at it does not change what the panel starts with.
    if (this.#place !== 'file') this.#world.keepPlan(plan);
  }

  /** What a dialog gave goes into the form through `open`, which is the whole state. */
  async #change(change: Partial<HallucinationPlan>): Promise<void> {
    this.#keep({ ...this.#openPlan(), ...change });
    this.#replaces = true;
    return this.#open();
  }

  async #browseImage(): Promise<void> {
    const image = await this.#world.browseImage();
    if (image === undefined) return;
    const { truth, lexicon } = await this.#world.besideImage(image);
    await this.#change({ mode: 'image', image, truth: truth ?? null, ...(lexicon === undefined ? {} : { lexicon }) });
  }

  async #browseImages(): Promise<void> {
    const images = await this.#world.browseImages();
    if (images === undefined) return;
    const { lexicon } = await this.#world.images(images);
    await this.#change({ mode: 'set', images, ...(lexicon === undefined ? {} : { lexicon }) });
  }

  /** How many pictures a set has, said before it is run. */
  async #lookAtFolder(): Promise<void> {
    const { mode, images } = this.#openPlan();
    if (mode !== 'set' || images === '' || this.#imageFolder?.folder === images) return;
    const { shown } = await this.#world.images(images);
    this.#imageFolder = shown;
    this.#mail.post({ kind: 'imageFolder', imageFolder: shown });
  }

  async #run(plan: HallucinationPlan, resume: boolean): Promise<void> {
    const may = this.#world.mayRun();
    if (may !== true) {
      this.#mail.post({ kind: 'failed', sentence: may });
      return;
    }
    this.#follows = true;
    this.#startedHere = true;
    this.#reinforcing?.abort();
    const shown = this.#shown;
    const saved = shown?.kind === 'headscope-hallucination-set' ? shown.entries : [];
    const done = resume ? (this.#world.run.entries.length > 0 ? this.#world.run.entries : saved) : [];
    await this.#world.run.start(plan, done);
  }

  async #chooseModel(folder: string): Promise<void> {
    const choosing = (this.#choosing += 1);
    const may = this.#world.mayRun();
    try {
      if (may !== true) throw new Sentence(may);
      const model = await this.#world.server.openModel(folder);
      if (choosing !== this.#choosing || this.disposed) return;
      this.#model = model;
      this.#mail.post({ kind: 'model', model });
    } catch (error) {
      if (choosing !== this.#choosing || this.disposed) return;
      this.#mail.post({ kind: 'failed', ...sentenceOfError(error) });
    }
  }

  async #reinforce(request: number, reinforcement: ReinforcementRequest): Promise<void> {
    const may = this.#world.mayRun();
    const result = this.#shown;
    try {
      if (may !== true) throw new Sentence(may);
      if (result?.kind !== 'headscope-hallucination')
        throw new Sentence('There is no caption to reinforce yet. Run the model on a picture first.');
      await this.#sameModel(result);
      this.#reinforcing?.abort();
      const abort = new AbortController();
      this.#reinforcing = abort;
      const { lexicon, maxNewTokens } = this.#openPlan();
      const words = await this.#world.lexicon(lexicon);
      const wanted = (): boolean => this.#reinforcing === abort && !this.disposed;
      const caption = await this.#world.server.reinforce(
        {
          ...measureOf(result),
          maxNewTokens,
          ...(result.truth === undefined ? {} : { truth: result.truth }),
          ...(words === undefined ? {} : { lexicon: words }),
        },
        reinforcement,
        abort.signal,
        (progress) => {
          if (progress.kind === 'token' && wanted()) this.#mail.post({ ...progress, variant: true });
        },
      );
      const changed = await this.#world.run.addVariant(result, caption);
      if (this.#shown?.created === result.created) this.#shown = changed;
      if (wanted()) this.#mail.post({ kind: 'variant', request, caption });
    } catch (error) {
      if (!this.disposed) this.#mail.post({ kind: 'failed', request, ...sentenceOfError(error) });
    }
  }

  async #save(): Promise<void> {
    const saved = this.#shown;
    if (saved === undefined) throw new Sentence('There is no result to save yet. Run the model on a picture first.');
    const savedAs = await this.#world.save(saved);
    if (saved !== this.#shown) return;
    this.#savedAs = savedAs;
    this.#mail.post(
      saved.kind === 'headscope-hallucination-set'
        ? { kind: 'set', set: saved, savedAs }
        : { kind: 'result', result: saved, savedAs },
    );
  }

  /** Fails with a sentence when the files in the folder are not those that gave the result. */
  async #sameModel({ model: { folder, hash } }: HallucinationResult): Promise<void> {
    const model = await this.#world.server.openModel(folder);
    if (model.hash === hash) return;
    throw new FailureError({
      code: 'model-unusable',
      folder,
      detail:
        'Its files are not those that gave this result, so nothing more can be asked of it. Run the picture again.',
    });
  }

  #ask(message: Extract<FromHallucinationPanel, { readonly kind: 'openImage' | 'tokenise' | 'map' | 'step' }>): void {
    const { request } = message;
    const answer = (act: () => Promise<ToHallucinationPanel>) => async (): Promise<void> => {
      try {
        const may = this.#world.mayRun();
        const reply: ToHallucinationPanel =
          may === true ? await again(act) : { kind: 'failed', request, sentence: may };
        if (!this.disposed) this.#mail.post(reply);
      } catch (error) {
        if (!this.disposed && !isCancelled(error))
          this.#mail.post({ kind: 'failed', request, ...sentenceOfError(error) });
      }
    };
    const { server } = this.#world;
    const about = async <T>(act: (result: HallucinationResult) => Promise<T>): Promise<T> => {
      if (this.#shown?.kind !== 'headscope-hallucination') throw new Sentence('The result is not shown any more.');
      await this.#sameModel(this.#shown);
      return act(this.#shown);
    };
    switch (message.kind) {
      case 'openImage':
        return this.#pictures.ask(
          answer(async () => {
            const prompt = { kind: 'text', text: message.prompt, image: message.image } as const;
            const { image, mime, bytes } = await server.openImage({ folder: message.folder, prompt });
            // A Buffer reaches a webview as a table of numbers (VS Code 1.139 goes by the name of the class).
            this.#picture = { image, mime, bytes: new Uint8Array(bytes) };
            return { kind: 'picture', request, picture: this.#picture };
          }),
        );
      case 'tokenise':
        return this.#tokenisations.ask(
          answer(async () => ({
            kind: 'tokenised',
            request,
            tokenised: await server.tokenise(message.folder, { kind: 'text', text: message.text }),
          })),
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

  #forgetQuestions(): void {
    for (const questions of [this.#maps, this.#steps, this.#pictures, this.#tokenisations]) questions.clear();
  }

  /** What a run that failed had given is drawn when there is no whole result to draw. */
  #replay(): void {
    if (!this.#world.run.running && this.#shown !== undefined) return;
    for (const event of this.#world.run.replay()) this.#post(event);
  }

  #runsHere(): boolean {
    return this.#follows && this.#world.run.running;
  }

  /** The plan the panel opens with: the run's while it runs, the one left in the form, a saved result's. */
  #openPlan(): HallucinationPlan {
    const running = this.#runsHere() ? this.#world.run.plan : undefined;
    const saved =
      this.#place === 'file' && this.#shown !== undefined ? planOfSaved(this.#shown, this.#world.plan()) : undefined;
    return running ?? this.#plan ?? saved ?? this.#world.plan();
  }

  /** Sends what is known at once; the models found, the model chosen and the picture follow. */
  async #open(): Promise<void> {
    const opening = (this.#opening += 1);
    const file = this.#file?.read();
    const followsRun = this.#follows && this.#world.run.plan !== undefined;
    if (file?.ok === true && !followsRun) this.#shown = file.result;
    const live = this.#follows ? this.#world.run.result : undefined;
    if (live !== undefined && live !== this.#shown) {
      this.#shown = live;
      this.#savedAs = undefined;
    }
    this.#sendOpen();
    if (this.#follows) this.#replay();
    if (file?.ok === false) {
      const name = this.#file?.name ?? 'The file';
      this.#mail.post({ kind: 'failed', sentence: `${name} cannot be shown. ${file.why}` });
    }
    await this.#sendPicture();
    await this.#lookAtFolder();
    await this.#sendModels();
    if (opening !== this.#opening || this.disposed) return;
    // A side view that lies open starts no process; the full panel was asked for.
    const mayAsk = this.#world.mayRun() === true && (this.#place === 'full' || this.#world.serverIsUp());
    if (mayAsk && this.#shown?.model.folder !== this.#openPlan().folder) {
      await this.#chooseModel(this.#openPlan().folder);
    }
  }

  /** The picture of a result from its file: it is looked at without a run. */
  async #sendPicture(): Promise<void> {
    const image = this.#shown?.kind === 'headscope-hallucination' ? this.#shown.image : undefined;
    if (image === undefined || this.#picture?.image.sha256 === image.sha256) return;
    const picture = await this.#world.pictureOf(image);
    if (picture === undefined || this.disposed) return;
    this.#picture = picture;
    this.#mail.post({ kind: 'picture', picture });
  }

  #sendOpen(): void {
    const saved = this.#runsHere() ? undefined : this.#shown;
    const plan = this.#openPlan();
    const model = [saved?.model, this.#model].find((one) => one?.folder === plan.folder);
    const savedAs = this.#place === 'file' && !this.#follows ? this.#file?.name : this.#savedAs;
    const wanted = saved?.kind === 'headscope-hallucination' ? saved.image?.path : plan.image;
    this.#mail.open([
      {
        kind: 'open',
        place: this.#place,
        models: this.#choices,
        plan,
        ...(this.#replaces ? { replaces: true } : {}),
        canRun: this.#world.mayRun(),
        ...(model === undefined ? {} : { model }),
        ...(this.#picture !== undefined && this.#picture.image.path === wanted ? { picture: this.#picture } : {}),
        ...(this.#imageFolder === undefined ? {} : { imageFolder: this.#imageFolder }),
        ...(saved === undefined
          ? {}
          : saved.kind === 'headscope-hallucination-set'
            ? { set: saved }
            : { result: saved }),
        ...(this.#compareWith === undefined ? {} : { compareWith: this.#compareWith }),
        ...(this.#select === undefined ? {} : { select: this.#select }),
        ...(savedAs === undefined || saved === undefined ? {} : { savedAs }),
      },
    ]);
    // Shown once: a reload keeps what the person chose since.
    this.#select = undefined;
    this.#replaces = false;
  }

  async #sendModels(): Promise<void> {
    const choices = await this.#world.models().catch((): readonly ModelChoice[] => [this.#world.demo]);
    if (this.disposed || !this.#mail.isOpen) return;
    this.#choices = choices;
    this.#mail.post({ kind: 'models', models: choices });
  }

  #onRun(event: RunEvent): void {
    if (!this.#follows || this.disposed) return;
    if (event.kind === 'result' || event.kind === 'set') {
      this.#shown = event.kind === 'result' ? event.result : event.set;
      this.#savedAs = undefined;
      this.#model = this.#shown.model;
    }
    if (this.#mail.isOpen) this.#post(event);
  }

  #post(event: RunEvent): void {
    if (event.kind !== 'started') {
      this.#mail.post(event);
      return;
    }
    // The webview that sent `run` knows; the others begin anew with the plan of the run.
    if (!this.#startedHere) {
      this.#plan = event.plan;
      this.#sendOpen();
    }
    this.#startedHere = false;
  }
}
