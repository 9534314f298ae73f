/**
 * What the extension's halves of a Heads and of a Hallucination webview share: the model, the plan in the form, the result that
 * is shown, and the run they mirror. The panel speaks first (`ready`); the answer holds everything needed to draw, so a webview
 * that was moved, hidden or reloaded is whole again. Pure of VS Code.
 */
import type { Disposable } from 'vscode';
import type { ModelChoice, Notice, WaitingModel } from '../../protocol/panels/heads';
import type { ModelSummary } from '../../protocol/results/heads';
import type { Checked } from '../../protocol/schema/check';
import { isCancelled } from '../platform/compute';
import { Owner } from '../platform/owner';
import { Mailbox } from './mailbox';
import { whyNotOpened } from './local-path';
import { again, Sentence, sentenceOfError } from './questions';

export type PanelPlace = 'full' | 'side' | 'file';

export interface HeadAt {
  readonly layer: number;
  readonly head: number;
}

/** A saved result that is shown as an editor. */
export interface ShownFile<Shown> {
  readonly name: string;
  /** Not ok, with a sentence, when the text is no such result. */
  read(): Checked<Shown>;
}

export interface PanelStart<Plan, Shown> {
  readonly file?: ShownFile<Shown>;
  readonly plan?: Plan;
  readonly select?: HeadAt;
  /** The last result of this workspace. */
  readonly shown?: Shown;
}

/** A run in flight, shared by the webviews that show it. */
export interface MirroredRun<Plan, Event> {
  readonly running: boolean;
  readonly plan: Plan | undefined;
  onEvent(listener: (event: Event) => void): Disposable;
  replay(): readonly Event[];
  cancel(): void;
}

/** What such a webview needs of the rest of the extension. */
export interface PanelWorld<Plan, Event> {
  readonly run: MirroredRun<Plan, Event>;
  mayRun(): true | string;
  /** The model that comes with the extension; drawn before the others are found. */
  readonly demo: ModelChoice;
  /** The demo model, and the models found in the workspace and the model folders. */
  models(): Promise<readonly ModelChoice[]>;
  onModels(listener: () => void): Disposable;
  openModel(folder: string): Promise<ModelSummary>;
  /** True when asking the compute server starts nothing. */
  serverIsUp(): boolean;
  /** The plan as it was left, or the demo. */
  plan(): Plan;
  keepPlan(plan: Plan): void;
  openFull(plan: Plan, select: HeadAt | undefined): void;
  /** Lets the person choose a model folder. */
  browse(): Promise<string | undefined>;
  copy(text: string): Promise<void>;
  /** A failure outside a run. */
  report(sentence: string, details?: string): void;
}

interface AboutModel {
  readonly folder: string;
}

type Started<Plan> = { readonly kind: 'started'; readonly plan: Plan };

/** Messages that both panels know. */
type ToAny =
  | Notice
  | { readonly kind: 'models'; readonly models: readonly ModelChoice[] }
  | { readonly kind: 'model'; readonly model: ModelSummary }
  | {
      readonly kind: 'failed';
      readonly request?: number;
      readonly sentence: string;
      readonly details?: string;
      readonly folder?: string;
    };

/** `Told`: what a run says beside its start; each is a message of the panel too. `To`: all messages of the panel. */
export abstract class ModelPanelHost<
  Plan extends AboutModel,
  Shown,
  Other,
  Told extends { readonly kind: string },
  From extends { readonly kind: string },
  To,
  World extends PanelWorld<Plan, Started<Plan> | Told>,
> extends Owner {
  protected readonly place: PanelPlace;
  protected readonly world: World;
  protected readonly mail: Mailbox<To | Told | ToAny>;
  /** The side view and the full panel follow the run; a file only the run that was started in it. */
  protected follows: boolean;
  /** The result on the screen. */
  protected shownResult: Shown | undefined;
  protected savedAs: string | undefined;
  protected model: ModelSummary | undefined;
  protected other: Other | undefined;
  readonly #file: ShownFile<Shown> | undefined;
  #plan: Plan | undefined;
  /** The plan was chosen outside the form since the last opening. */
  #replaces = false;
  #select: HeadAt | undefined;
  #choices: readonly ModelChoice[];
  /** The run in flight was started in this webview. */
  #startedHere = false;
  /** The model that the file names was asked for by a click. */
  #loaded = false;
  /** Counts openings and choices of models, so that a slow answer to an earlier one is dropped. */
  #opening = 0;
  #choosing = 0;

  constructor(
    place: PanelPlace,
    world: World,
    send: (message: To | Told | ToAny) => void,
    start: PanelStart<Plan, Shown> = {},
  ) {
    super();
    this.place = place;
    this.world = world;
    this.#file = start.file;
    this.#plan = start.plan;
    this.#select = start.select;
    this.shownResult = start.shown;
    this.follows = start.file === undefined;
    this.#choices = [world.demo];
    this.mail = new Mailbox(send);
    this.own(world.run.onEvent((event) => this.#onRun(event)));
    this.own(world.onModels(() => void this.#sendModels()));
  }

  /** Answers one message of the panel. */
  protected abstract answer(message: From): Promise<void>;
  /** Questions that wait for an answer are not wanted any more. */
  protected abstract forgetQuestions(): void;
  /** What the run has given since it began, where that is not what is shown already. */
  protected abstract news(): Shown | undefined;
  /** The result that an event of the run brings. */
  protected abstract resultOf(event: Told): Shown | undefined;
  protected abstract modelOf(shown: Shown): ModelSummary;
  protected abstract planOfShown(shown: Shown): Plan;
  /** Drawn again from the replay of a run while the whole result stands already. */
  protected abstract isInWhole(event: Told): boolean;
  /** `open`, made of what both panels have in common; `shown` is left out while a run goes on here. */
  protected abstract openMessage(common: CommonOpening<Plan, Other>, shown: Shown | undefined): To;
  /** What a panel needs beside `open` and its run, before the models are looked for. */
  protected sendMore(): Promise<void> {
    return Promise.resolve();
  }

  async receive(message: From): Promise<void> {
    try {
      await this.answer(message);
    } catch (error) {
      if (isCancelled(error) || this.disposed) return;
      this.tell('error', error);
    }
  }

  /** Says it in the panel, where it stays; a failure, which may need its log, in a message of VS Code too. */
  protected tell(tone: Notice['tone'], what: unknown): void {
    if (this.disposed) return;
    const words = typeof what === 'string' ? { sentence: what } : sentenceOfError(what);
    if (this.mail.isOpen) this.mail.post({ kind: 'notice', tone, ...words });
    if (typeof what === 'string') return;
    if (!this.mail.isOpen || (tone === 'error' && !(what instanceof Sentence)))
      this.world.report(words.sentence, words.details);
  }

  /** Another model, prompt, picture or head was asked for; a run in flight stays what is shown. */
  async show(plan: Plan | undefined, select: HeadAt | undefined): Promise<void> {
    if (plan !== undefined) {
      this.#plan = plan;
      this.#replaces = true;
    }
    this.#select = select;
    if (this.mail.isOpen) await this.open();
  }

  /** A second result beside what is shown. */
  async compareWith(other: Other): Promise<void> {
    this.other = other;
    if (this.mail.isOpen) await this.open();
  }

  /** VS Code has taken the webview's page away; it says `ready` when it is shown again. */
  hide(): void {
    this.#opening += 1;
    this.forgetQuestions();
    this.mail.hide();
  }

  /** The file was edited, or the window became trusted. */
  async refresh(): Promise<void> {
    if (this.mail.isOpen && !this.#runsHere()) await this.open();
  }

  override dispose(): void {
    this.forgetQuestions();
    super.dispose();
  }

  protected keep(plan: Plan): void {
    this.#plan = plan;
    // A file shows its own plan: looking at it does not change what the panel starts with.
    if (this.place !== 'file') this.world.keepPlan(plan);
  }

  /** What a dialog gave goes into the form through `open`, which is the whole state. */
  protected async change(change: Partial<Plan>): Promise<void> {
    this.keep({ ...this.openPlan(), ...change });
    this.#replaces = true;
    return this.open();
  }

  /** False, and said so, where nothing may run; a run that begins now was started here. */
  protected mayStart(plan: Plan): boolean {
    const may = this.refusal(this.pathsOf(plan)) ?? this.world.mayRun();
    if (may !== true) {
      this.mail.post({ kind: 'failed', sentence: may });
      return false;
    }
    this.follows = true;
    this.#startedHere = true;
    return true;
  }

  /** A file left the panel. */
  protected readonly written = (sentence: string): void => this.tell('info', sentence);

  /** The paths that a plan would have opened. */
  protected abstract pathsOf(plan: Plan): readonly string[];

  /** Why a path of a file, or of a plan that came from one, is not opened. */
  protected refusal(paths: readonly string[]): string | undefined {
    if (this.place !== 'file') return undefined;
    return paths.flatMap((path) => (path === '' ? [] : (whyNotOpened(path) ?? []))).at(0);
  }

  /** Fails with the sentence of `refusal` where a plan is to be taken elsewhere. */
  protected requireLocal(plan: Plan): void {
    const refused = this.refusal(this.pathsOf(plan));
    if (refused !== undefined) throw new Sentence(refused);
  }

  /** The model that the file names, while nothing may be asked of it. */
  protected get waiting(): WaitingModel | undefined {
    if (this.place !== 'file' || this.follows || this.#loaded || this.shownResult === undefined) return undefined;
    const { folder, weightBytes } = this.modelOf(this.shownResult);
    const refused = this.refusal([folder]);
    return { folder, bytes: weightBytes, ...(refused === undefined ? {} : { refused }) };
  }

  /** Fails with a sentence while the model that the file names was not asked for. */
  protected requireLoaded(): void {
    const { waiting } = this;
    if (waiting === undefined) return;
    throw new Sentence(waiting.refused ?? 'The model that this file names is not loaded. Load it first.');
  }

  /** The person has asked for the model that the file names. */
  protected async loadModel(): Promise<void> {
    const { waiting } = this;
    if (waiting === undefined) return this.open();
    const may = this.world.mayRun();
    try {
      if (waiting.refused !== undefined) throw new Sentence(waiting.refused);
      if (may !== true) throw new Sentence(may);
      this.model = await this.world.openModel(waiting.folder);
      this.#loaded = true;
      if (!this.disposed) await this.open();
    } catch (error) {
      if (!this.disposed && !isCancelled(error)) this.mail.post({ kind: 'failed', ...sentenceOfError(error) });
    }
  }

  protected async chooseModel(folder: string): Promise<void> {
    const choosing = (this.#choosing += 1);
    const may = this.world.mayRun();
    try {
      if (may !== true) throw new Sentence(may);
      const refused = this.refusal([folder]);
      if (refused !== undefined) throw new Sentence(refused);
      this.requireLoaded();
      const model = await this.world.openModel(folder);
      if (choosing !== this.#choosing || this.disposed) return;
      this.model = model;
      this.mail.post({ kind: 'model', model });
    } catch (error) {
      if (choosing !== this.#choosing || this.disposed || isCancelled(error)) return;
      this.mail.post({ kind: 'failed', folder, ...sentenceOfError(error) });
    }
  }

  /** A question of the panel, to be queued: its reply or the reason why there is none is posted. */
  protected question(request: number, act: () => Promise<To>): () => Promise<void> {
    return async () => {
      try {
        const may = this.world.mayRun();
        if (may === true) this.requireLoaded();
        const reply = may === true ? await again(act) : ({ kind: 'failed', request, sentence: may } as const);
        if (!this.disposed) this.mail.post(reply);
      } catch (error) {
        if (!this.disposed && !isCancelled(error))
          this.mail.post({ kind: 'failed', request, ...sentenceOfError(error) });
      }
    };
  }

  #runsHere(): boolean {
    return this.follows && this.world.run.running;
  }

  /** The plan the panel opens with: the run's while it runs, the one left in the form, a saved result's. */
  protected openPlan(): Plan {
    const running = this.#runsHere() ? this.world.run.plan : undefined;
    const shown = this.place === 'file' ? this.shownResult : undefined;
    const saved = shown === undefined ? undefined : this.planOfShown(shown);
    return running ?? this.#plan ?? saved ?? this.world.plan();
  }

  /** The model of the form, as far as it is known. */
  protected knownModel(): ModelSummary | undefined {
    const { folder } = this.openPlan();
    const shown = this.shownResult === undefined ? undefined : this.modelOf(this.shownResult);
    return [shown, this.model].find((one) => one?.folder === folder);
  }

  /** Sends what is known at once; the models found and the model chosen follow. */
  protected async open(): Promise<void> {
    const opening = (this.#opening += 1);
    const file = this.#file?.read();
    // A file's own text is behind a run that was started in its editor.
    const followsRun = this.follows && this.world.run.plan !== undefined;
    if (file?.ok === true && !followsRun) this.shownResult = file.result;
    const news = this.follows ? this.news() : undefined;
    if (news !== undefined) {
      this.shownResult = news;
      this.savedAs = undefined;
    }
    this.#sendOpen();
    if (this.follows) this.#replay();
    if (file?.ok === false) {
      const name = this.#file?.name ?? 'The file';
      this.mail.post({ kind: 'failed', sentence: `${name} cannot be shown. ${file.why}` });
    }
    await this.sendMore();
    await this.#sendModels();
    if (opening !== this.#opening || this.disposed) return;
    // A side view that lies open starts no process; the full panel was asked for.
    const mayAsk =
      this.place !== 'file' && this.world.mayRun() === true && (this.place === 'full' || this.world.serverIsUp());
    const { folder } = this.openPlan();
    const shown = this.shownResult === undefined ? undefined : this.modelOf(this.shownResult);
    if (mayAsk && shown?.folder !== folder) await this.chooseModel(folder);
  }

  /** What a run that failed had given is drawn when there is no whole result to draw. */
  #replay(): void {
    const wholeIsDrawn = !this.world.run.running && this.shownResult !== undefined;
    for (const event of this.world.run.replay()) {
      if (!(wholeIsDrawn && !isStart(event) && this.isInWhole(event))) this.#post(event);
    }
  }

  #sendOpen(): void {
    const shown = this.#runsHere() ? undefined : this.shownResult;
    const plan = this.openPlan();
    const model = this.knownModel();
    const savedAs = this.place === 'file' && !this.follows ? this.#file?.name : this.savedAs;
    const common: CommonOpening<Plan, Other> = {
      kind: 'open',
      place: this.place,
      models: this.#choices,
      plan,
      ...(this.#replaces ? { replaces: true } : {}),
      canRun: this.world.mayRun(),
      ...(model === undefined ? {} : { model }),
      ...(this.other === undefined ? {} : { compareWith: this.other }),
      ...(this.#select === undefined ? {} : { select: this.#select }),
      ...(savedAs === undefined || shown === undefined ? {} : { savedAs }),
      ...(this.waiting === undefined ? {} : { waiting: this.waiting }),
    };
    this.mail.open([this.openMessage(common, shown)]);
    // Shown once: a reload keeps what the person chose since.
    this.#select = undefined;
    this.#replaces = false;
  }

  async #sendModels(): Promise<void> {
    const choices = await this.world.models().catch((): readonly ModelChoice[] => [this.world.demo]);
    if (this.disposed || !this.mail.isOpen) return;
    this.#choices = choices;
    this.mail.post({ kind: 'models', models: choices });
  }

  #onRun(event: Started<Plan> | Told): void {
    if (!this.follows || this.disposed) return;
    const result = isStart(event) ? undefined : this.resultOf(event);
    if (result !== undefined) {
      this.shownResult = result;
      this.savedAs = undefined;
      this.model = this.modelOf(result);
    }
    if (this.mail.isOpen) this.#post(event);
  }

  #post(event: Started<Plan> | Told): void {
    if (!isStart(event)) {
      this.mail.post(event);
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

export interface CommonOpening<Plan, Other> {
  readonly kind: 'open';
  readonly place: PanelPlace;
  readonly models: readonly ModelChoice[];
  readonly plan: Plan;
  readonly replaces?: true;
  readonly canRun: true | string;
  readonly model?: ModelSummary;
  readonly compareWith?: Other;
  readonly select?: HeadAt;
  readonly savedAs?: string;
  readonly waiting?: WaitingModel;
}

const isStart = <Plan>(event: { readonly kind: string }): event is Started<Plan> => event.kind === 'started';
