/**
 * The extension's half of one heads webview: answers its messages, mirrors the run. The panel speaks first (`ready`); the
 * answer holds everything needed to draw, so a webview that was moved, hidden or reloaded is whole again. Pure of VS Code.
 */
import type { HeadsReply, PromptInput } from '../../../protocol/compute/models';
import type { FromHeadsPanel, HeadsPlace, HeadsPlan, ModelChoice, ToHeadsPanel } from '../../../protocol/panels/heads';
import type { HeadGain, ModelSummary } from '../../../protocol/results/heads';
import { FailureError } from '../../../protocol/wire/failures';
import { unreachable } from '../../../protocol/unreachable';
import { isCancelled } from '../../platform/compute';
import { Owner } from '../../platform/owner';
import { Mailbox } from '../mailbox';
import { planOfResult } from './default-plan';
import type { Subject } from './head-answers';
import { NewestFirst } from '../newest-first';
import { again, Sentence, sentenceOfError } from '../questions';
import type { RunEvent } from './run';
import type { HeadAt, HeadsStart, HeadsWorld, NamedHeads, ShownFile } from './world';

/** Rectangles that may wait: more than a screen of them is out of sight again. */
const mostTiles = 24;

export class HeadsHost extends Owner {
  readonly #place: HeadsPlace;
  readonly #world: HeadsWorld;
  readonly #mail: Mailbox<ToHeadsPanel>;
  readonly #file: ShownFile | undefined;
  readonly #tiles = new NewestFirst(mostTiles);
  readonly #rows = new NewestFirst(1);
  readonly #distributions = new NewestFirst(1);
  readonly #tokenisations = new NewestFirst(1);
  /** The side view and the full panel follow the run; a file only the run that was started in it. */
  #follows: boolean;
  #plan: HeadsPlan | undefined;
  /** The plan was chosen outside the form since the last opening. */
  #replaces = false;
  #select: HeadAt | undefined;
  #shown: HeadsReply | undefined;
  #savedAs: string | undefined;
  #compareWith: NamedHeads | undefined;
  #choices: readonly ModelChoice[];
  #model: ModelSummary | undefined;
  /** The run in flight was started in this webview. */
  #startedHere = false;
  /** Counts openings and choices of models, so that a slow answer to an earlier one is dropped. */
  #opening = 0;
  #choosing = 0;
  #generation: AbortController | undefined;

  constructor(place: HeadsPlace, world: HeadsWorld, send: (message: ToHeadsPanel) => void, start: HeadsStart = {}) {
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

  /** The result on the screen, for commands that export it. */
  get shown(): HeadsReply | undefined {
    return this.#shown;
  }

  async receive(message: FromHeadsPanel): Promise<void> {
    try {
      await this.#receive(message);
    } catch (error) {
      if (isCancelled(error) || this.disposed) return;
      const words = sentenceOfError(error);
      this.#world.report(words.sentence, words.details);
    }
  }

  /** Another model, prompt or head was asked for; a run in flight stays what is shown. */
  async show(plan: HeadsPlan | undefined, select: HeadAt | undefined): Promise<void> {
    if (plan !== undefined) {
      this.#plan = plan;
      this.#replaces = true;
    }
    this.#select = select;
    if (this.#mail.isOpen) await this.#open();
  }

  async compareWith(other: NamedHeads): Promise<void> {
    this.#compareWith = other;
    if (this.#mail.isOpen) await this.#open();
  }

  /** VS Code has taken the webview's page away; it says `ready` when it is shown again. */
  hide(): void {
    this.#opening += 1;
    this.#forgetQuestions();
    // Its page is gone, and with it what asked for the text.
    this.#generation?.abort();
    this.#mail.hide();
  }

  /** The file was edited, or the window became trusted. */
  async refresh(): Promise<void> {
    if (this.#mail.isOpen && !this.#runsHere()) await this.#open();
  }

  /** The cancelled generation does not stop by itself. */
  overdue(): void {
    if (this.#generation === undefined) return;
    this.#mail.post({
      kind: 'overdue',
      sentence: 'The generation does not stop by itself; its process is being restarted. The text shown is kept.',
    });
  }

  override dispose(): void {
    this.#forgetQuestions();
    this.#generation?.abort();
    super.dispose();
  }

  async #receive(message: FromHeadsPanel): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.#mail.renew();
        return this.#open();
      case 'planned':
        return this.#keep(message.plan);
      case 'chooseModel':
        return this.#chooseModel(message.folder);
      case 'browseModel': {
        const folder = await this.#world.browse();
        if (folder === undefined) return;
        this.#keep({ ...this.#openPlan(), folder, gains: [] });
        this.#replaces = true;
        return this.#open();
      }
      case 'run':
        this.#keep(message.plan);
        return this.#run(message.plan);
      case 'cancel':
        this.#generation?.abort();
        if (this.#follows) this.#world.run.cancel();
        return;
      case 'save':
        return this.#save();
      case 'saveLabels':
        return this.#world.saveLabels(this.#need('whose labels could be saved').result);
      case 'saveIntervention':
        return this.#saveIntervention(message.gains);
      case 'loadIntervention':
        return this.#loadIntervention();
      case 'compare': {
        const other = await this.#world.choose(this.#shown?.result);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'openFull':
        this.#keep(message.plan);
        return this.#world.openFull(message.plan, message.select);
      case 'export':
        return this.#world.export(message);
      case 'copy':
        return this.#world.copy(message.text);
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

  #keep(plan: HeadsPlan): void {
    this.#plan = plan;
    // A file shows its own plan: looking at it does not change what the panel starts with.
    if (this.#place !== 'file') this.#world.keepPlan(plan);
  }

  async #run(plan: HeadsPlan): Promise<void> {
    const may = this.#world.mayRun();
    if (may !== true) {
      this.#mail.post({ kind: 'failed', sentence: may });
      return;
    }
    this.#follows = true;
    this.#startedHere = true;
    this.#generation?.abort();
    await this.#world.run.start(plan);
  }

  async #chooseModel(folder: string): Promise<void> {
    const choosing = (this.#choosing += 1);
    const may = this.#world.mayRun();
    try {
      if (may !== true) throw new Sentence(may);
      const model = await this.#world.openModel(folder);
      if (choosing !== this.#choosing || this.disposed) return;
      this.#model = model;
      this.#mail.post({ kind: 'model', model });
    } catch (error) {
      if (choosing !== this.#choosing || this.disposed) return;
      this.#mail.post({ kind: 'failed', ...sentenceOfError(error) });
    }
  }

  async #save(): Promise<void> {
    const reply = this.#need('to save');
    const savedAs = await this.#world.save(reply);
    if (reply !== this.#shown) return;
    this.#savedAs = savedAs;
    this.#mail.post({ kind: 'result', ...reply, savedAs });
  }

  async #saveIntervention(gains: readonly HeadGain[]): Promise<void> {
    const changed = gains.filter(({ gain }) => gain !== 1);
    if (changed.length === 0)
      throw new Sentence('No head is changed, so there is no intervention to save. Change the gain of a head first.');
    const model = this.#shown?.result.model ?? this.#model ?? (await this.#world.openModel(this.#openPlan().folder));
    await this.#world.saveIntervention(model, changed);
  }

  async #loadIntervention(): Promise<void> {
    const { folder } = this.#openPlan();
    const known = [this.#shown?.result.model, this.#model].find((model) => model?.folder === folder);
    const gains = await this.#world.loadIntervention(known);
    if (gains === undefined) return;
    this.#keep({ ...this.#openPlan(), gains });
    this.#replaces = true;
    await this.#open();
  }

  /** The result on the screen, or a sentence that there is none. */
  #need(what: string): HeadsReply {
    if (this.#shown === undefined)
      throw new Sentence(`There is no result ${what} yet. Run the model on a prompt first.`);
    return this.#shown;
  }

  #ask(message: Extract<FromHeadsPanel, { readonly kind: 'tokenise' | 'tile' | 'row' | 'nextTokens' }>): void {
    const { request } = message;
    const answer = (act: () => Promise<ToHeadsPanel>) => async (): Promise<void> => {
      try {
        const may = this.#world.mayRun();
        const reply: ToHeadsPanel = may === true ? await again(act) : { kind: 'failed', request, sentence: may };
        if (!this.disposed) this.#mail.post(reply);
      } catch (error) {
        if (!this.disposed && !isCancelled(error))
          this.#mail.post({ kind: 'failed', request, ...sentenceOfError(error) });
      }
    };
    const { answers } = this.#world;
    switch (message.kind) {
      case 'tokenise':
        return this.#tokenisations.ask(
          answer(async () => ({
            kind: 'tokenised',
            request,
            tokenised: await this.#world.tokenise(message.folder, message.prompt),
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
    const may = this.#world.mayRun();
    if (may !== true) {
      this.#mail.post({ kind: 'failed', request, sentence: may });
      return;
    }
    this.#generation?.abort();
    const abort = new AbortController();
    this.#generation = abort;
    const of = this.#shown === undefined ? this.#openPlan() : this.#subject();
    const prompt: PromptInput = 'ids' in of ? { kind: 'ids', ids: of.ids } : of.prompt;
    const changed = gains.filter(({ gain }) => gain !== 1);
    /** A newer generation has taken the place of this one: the panel waits for that. */
    const wanted = (): boolean => this.#generation === abort && !this.disposed;
    try {
      if ('ids' in of) await this.#world.answers.sameModel(of);
      for (const variant of changed.length === 0 ? [false] : [false, true]) {
        if (abort.signal.aborted) throw new FailureError({ code: 'cancelled' });
        // Cancelled between two tokens it answers with what it has.
        const { text } = await this.#world.answers.generate(
          { ...message, folder: of.folder, prompt, gains: variant ? changed : [] },
          abort.signal,
          (token) => {
            if (wanted()) this.#mail.post({ ...token, request, variant });
          },
        );
        if (wanted()) this.#mail.post({ kind: 'generated', request, variant, text });
      }
    } catch (error) {
      if (wanted()) this.#mail.post({ kind: 'failed', request, ...sentenceOfError(error) });
    } finally {
      if (this.#generation === abort) this.#generation = undefined;
    }
  }

  #forgetQuestions(): void {
    for (const questions of [this.#tiles, this.#rows, this.#distributions, this.#tokenisations]) questions.clear();
  }

  /** The layers of a run that failed are drawn when there is no whole result to draw. */
  #replay(): void {
    const wholeIsDrawn = !this.#world.run.running && this.#shown !== undefined;
    for (const event of this.#world.run.replay()) if (!(wholeIsDrawn && event.kind === 'layer')) this.#post(event);
  }

  #runsHere(): boolean {
    return this.#follows && this.#world.run.running;
  }

  /** The plan the panel opens with: the run's while it runs, the one left in the form, a saved result's. */
  #openPlan(): HeadsPlan {
    const running = this.#runsHere() ? this.#world.run.plan : undefined;
    const saved = this.#place === 'file' && this.#shown !== undefined ? planOfResult(this.#shown.result) : undefined;
    return running ?? this.#plan ?? saved ?? this.#world.plan();
  }

  /** Sends what is known at once; the models found and the model chosen follow. */
  async #open(): Promise<void> {
    const opening = (this.#opening += 1);
    const file = this.#file?.read();
    if (file?.ok === true && !this.#followsRun()) this.#shown = file.result;
    const live = this.#follows ? this.#world.run.result : undefined;
    if (live !== undefined && live.result !== this.#shown?.result) {
      this.#shown = live;
      this.#savedAs = undefined;
    }
    this.#sendOpen();
    if (this.#follows) this.#replay();
    if (file?.ok === false) {
      const name = this.#file?.name ?? 'The file';
      this.#mail.post({ kind: 'failed', sentence: `${name} cannot be shown. ${file.why}` });
    }
    await this.#sendModels();
    if (opening !== this.#opening || this.disposed) return;
    // A side view that lies open starts no process; the full panel was asked for.
    const mayAsk = this.#world.mayRun() === true && (this.#place === 'full' || this.#world.serverIsUp());
    if (mayAsk && this.#shown?.result.model.folder !== this.#openPlan().folder) {
      await this.#chooseModel(this.#openPlan().folder);
    }
  }

  /** A file's own text is behind a run that was started in its editor. */
  #followsRun(): boolean {
    return this.#follows && this.#world.run.plan !== undefined;
  }

  #sendOpen(): void {
    const reply = this.#runsHere() ? undefined : this.#shown;
    const plan = this.#openPlan();
    const model = [reply?.result.model, this.#model].find((one) => one?.folder === plan.folder);
    const savedAs = this.#place === 'file' && !this.#follows ? this.#file?.name : this.#savedAs;
    this.#mail.open([
      {
        kind: 'open',
        place: this.#place,
        models: this.#choices,
        plan,
        ...(this.#replaces ? { replaces: true } : {}),
        canRun: this.#world.mayRun(),
        ...(model === undefined ? {} : { model }),
        ...(reply === undefined ? {} : { result: reply.result }),
        ...(reply?.thumbnails === undefined ? {} : { thumbnails: reply.thumbnails }),
        ...(this.#compareWith === undefined ? {} : { compareWith: this.#compareWith }),
        ...(this.#select === undefined ? {} : { select: this.#select }),
        ...(savedAs === undefined || reply === undefined ? {} : { savedAs }),
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
    if (event.kind === 'result') {
      this.#shown = event;
      this.#savedAs = undefined;
      this.#model = event.result.model;
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
