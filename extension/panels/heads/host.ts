/** The extension's half of one Heads webview: what it answers beside what `ModelPanelHost` does. Pure of VS Code. */
import type { HeadsReply, PromptInput } from '../../../protocol/compute/models';
import type { FromHeadsPanel, HeadsPlan, ToHeadsPanel } from '../../../protocol/panels/heads';
import type { HeadGain, ModelSummary } from '../../../protocol/results/heads';
import { FailureError } from '../../../protocol/wire/failures';
import { unreachable } from '../../../protocol/unreachable';
import { planOfResult } from './default-plan';
import type { Subject } from './head-answers';
import { NewestFirst } from '../newest-first';
import { ModelPanelHost, type CommonOpening } from '../model-panel-host';
import { Sentence, sentenceOfError } from '../questions';
import type { RunEvent } from './run';
import type { HeadsWorld, NamedHeads } from './world';

/** Rectangles that may wait: more than a screen of them is out of sight again. */
const mostTiles = 24;

type Told = Exclude<RunEvent, { readonly kind: 'started' }>;

export class HeadsHost extends ModelPanelHost<
  HeadsPlan,
  HeadsReply,
  NamedHeads,
  Told,
  FromHeadsPanel,
  ToHeadsPanel,
  HeadsWorld
> {
  readonly #tiles = new NewestFirst(mostTiles);
  readonly #rows = new NewestFirst(1);
  readonly #distributions = new NewestFirst(1);
  readonly #tokenisations = new NewestFirst(1);
  #generation: AbortController | undefined;

  /** The result on the screen, for commands that export it. */
  get shown(): HeadsReply | undefined {
    return this.shownResult;
  }

  override hide(): void {
    // Its page is gone, and with it what asked for the text.
    this.#generation?.abort();
    super.hide();
  }

  /** The cancelled generation does not stop by itself. */
  overdue(): void {
    if (this.#generation === undefined) return;
    this.mail.post({
      kind: 'overdue',
      sentence: 'The generation does not stop by itself; its process is being restarted. The text shown is kept.',
    });
  }

  override dispose(): void {
    this.#generation?.abort();
    super.dispose();
  }

  protected override async answer(message: FromHeadsPanel): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.mail.renew();
        return this.open();
      case 'planned':
        return this.keep(message.plan);
      case 'chooseModel':
        return this.chooseModel(message.folder);
      case 'loadModel':
        return this.loadModel();
      case 'browseModel': {
        const folder = await this.world.browse();
        return folder === undefined ? undefined : this.change({ folder, gains: [] });
      }
      case 'run':
        this.keep(message.plan);
        return this.#run(message.plan);
      case 'cancel':
        this.#generation?.abort();
        if (this.follows) this.world.run.cancel();
        return;
      case 'save':
        return this.#save();
      case 'saveLabels':
        return this.world.saveLabels(this.#need('whose labels could be saved').result, this.written);
      case 'saveIntervention':
        return this.#saveIntervention(message.gains);
      case 'loadIntervention':
        return this.#loadIntervention();
      case 'compare': {
        const other = await this.world.choose(this.shownResult?.result);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'openFull':
        this.requireLocal(message.plan);
        this.keep(message.plan);
        return this.world.openFull(message.plan, message.select);
      case 'export':
        return this.world.export(message, this.written);
      case 'copy':
        return this.world.copy(message.text);
      case 'tokenise':
      case 'tile':
      case 'row':
      case 'nextTokens':
        return this.#ask(message);
      case 'generate':
        return this.#generate(message);
      default:
        return unreachable(message);
    }
  }

  async #run(plan: HeadsPlan): Promise<void> {
    if (!this.mayStart(plan)) return;
    this.#generation?.abort();
    await this.world.run.start(plan);
  }

  async #save(): Promise<void> {
    const reply = this.#need('to save');
    const savedAs = await this.world.save(reply);
    if (reply !== this.shownResult) return;
    this.savedAs = savedAs;
    this.mail.post({ kind: 'result', ...reply, savedAs });
  }

  async #saveIntervention(gains: readonly HeadGain[]): Promise<void> {
    const changed = gains.filter(({ gain }) => gain !== 1);
    if (changed.length === 0)
      throw new Sentence('No head is changed, so there is no intervention to save. Change the gain of a head first.');
    const model = this.shownResult?.result.model ?? this.model ?? (await this.world.openModel(this.openPlan().folder));
    await this.world.saveIntervention(model, changed, this.written);
  }

  async #loadIntervention(): Promise<void> {
    const gains = await this.world.loadIntervention(this.knownModel());
    if (gains === undefined) return;
    await this.change({ gains });
  }

  /** The result on the screen, or a sentence that there is none. */
  #need(what: string): HeadsReply {
    if (this.shownResult === undefined)
      throw new Sentence(`There is no result ${what} yet. Run the model on a prompt first.`);
    return this.shownResult;
  }

  #ask(message: Extract<FromHeadsPanel, { readonly kind: 'tokenise' | 'tile' | 'row' | 'nextTokens' }>): void {
    const answer = (act: () => Promise<ToHeadsPanel>) => this.question(message.request, act);
    const { request } = message;
    const { answers } = this.world;
    switch (message.kind) {
      case 'tokenise':
        return this.#tokenisations.ask(
          answer(async () => ({
            kind: 'tokenised',
            request,
            tokenised: await this.world.tokenise(message.folder, message.prompt),
          })),
        );
      case 'tile':
        return this.#tiles.ask(
          answer(async () => ({ kind: 'tile', request, tile: await answers.tile(this.#subject(), message) })),
        );
      case 'row':
        return this.#rows.ask(
          answer(async () => ({ kind: 'row', request, row: await answers.row(this.#subject(), message) })),
        );
      case 'nextTokens':
        return this.#distributions.ask(
          answer(async () => ({
            kind: 'nextTokens',
            request,
            distributions: await answers.nextTokens(this.#subject(), message.gains),
          })),
        );
      default:
        return unreachable(message);
    }
  }

  #subject(): Subject {
    const { model, ids, gains } = this.#need('to look into').result;
    return { folder: model.folder, hash: model.hash, ids, gains };
  }

  /** The plain run first, then the one with gains; tokens go out as they come. */
  async #generate(message: Extract<FromHeadsPanel, { readonly kind: 'generate' }>): Promise<void> {
    const { request, gains } = message;
    const may = this.world.mayRun();
    if (may !== true) {
      this.mail.post({ kind: 'failed', request, sentence: may });
      return;
    }
    this.#generation?.abort();
    const abort = new AbortController();
    this.#generation = abort;
    const of = this.shownResult === undefined ? this.openPlan() : this.#subject();
    const prompt: PromptInput = 'ids' in of ? { kind: 'ids', ids: of.ids } : of.prompt;
    const changed = gains.filter(({ gain }) => gain !== 1);
    /** A newer generation has taken the place of this one: the panel waits for that. */
    const wanted = (): boolean => this.#generation === abort && !this.disposed;
    try {
      this.requireLoaded();
      if ('ids' in of) await this.world.answers.sameModel(of);
      for (const variant of changed.length === 0 ? [false] : [false, true]) {
        if (abort.signal.aborted) throw new FailureError({ code: 'cancelled' });
        // Cancelled between two tokens it answers with what it has.
        const { text } = await this.world.answers.generate(
          { ...message, folder: of.folder, prompt, gains: variant ? changed : [] },
          abort.signal,
          (token) => {
            if (wanted()) this.mail.post({ ...token, request, variant });
          },
        );
        if (wanted()) this.mail.post({ kind: 'generated', request, variant, text });
      }
    } catch (error) {
      if (wanted()) this.mail.post({ kind: 'failed', request, ...sentenceOfError(error) });
    } finally {
      if (this.#generation === abort) this.#generation = undefined;
    }
  }

  protected override forgetQuestions(): void {
    for (const questions of [this.#tiles, this.#rows, this.#distributions, this.#tokenisations]) questions.clear();
  }

  protected override news(): HeadsReply | undefined {
    const live = this.world.run.result;
    return live?.result === this.shownResult?.result ? undefined : live;
  }

  protected override resultOf = (event: Told): HeadsReply | undefined => (event.kind === 'result' ? event : undefined);

  protected override modelOf = ({ result }: HeadsReply): ModelSummary => result.model;

  protected override pathsOf = ({ folder }: HeadsPlan): readonly string[] => [folder];

  protected override planOfShown = ({ result }: HeadsReply): HeadsPlan => planOfResult(result);

  protected override isInWhole = ({ kind }: Told): boolean => kind === 'layer';

  protected override openMessage(
    common: CommonOpening<HeadsPlan, NamedHeads>,
    reply: HeadsReply | undefined,
  ): ToHeadsPanel {
    return {
      ...common,
      ...(reply === undefined ? {} : { result: reply.result }),
      ...(reply?.thumbnails === undefined ? {} : { thumbnails: reply.thumbnails }),
    };
  }
}
