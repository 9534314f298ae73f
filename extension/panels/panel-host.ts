/**
 * The extension's half of one webview of a panel that runs something: the plan in the form, the result that is shown, the one
 * beside it, and the run it mirrors. The panel speaks first (`ready`); the answer holds everything needed to draw, so a webview
 * that was moved, hidden or reloaded is whole again.
 */
import type { ComputeMethod } from '../../protocol/compute/api';
import type { Notice } from '../../protocol/panels/run-panel';
import type { Schema } from '../../protocol/schema/check';
import { isCancelled } from '../platform/compute';
import { defined } from '../platform/defined';
import { Owner } from '../platform/owner';
import { whyNoneOpened } from '../platform/local-path';
import { Mailbox } from './mailbox';
import { understood } from './messages';
import type { Failed } from './flight';
import type { RunEvent } from './panel-run';
import type {
  CommonKind,
  CommonMessage,
  CommonReply,
  HeadAt,
  Opening,
  Other,
  OwnMessage,
  PanelPlace,
  PanelServices,
  PanelStart,
  PanelTypes,
  RunOf,
  Setup,
  Shown,
  ShownFile,
} from './panel-types';
import { Sentence, sentenceOfError } from './questions';

const common: Readonly<Record<CommonKind, true>> = {
  ready: true,
  planned: true,
  run: true,
  cancel: true,
  save: true,
  compare: true,
  stopComparing: true,
  openFull: true,
  export: true,
  copy: true,
};

export abstract class PanelHost<T extends PanelTypes, Services extends PanelServices<T>> extends Owner {
  protected readonly mail: Mailbox<T['to']>;
  /** The side view and the full panel follow the run; a file only the run that was started in it. */
  protected follows: boolean;
  /** The result on the screen. */
  protected shown: Shown<T> | undefined;
  /** Why nothing more can be asked of the result that it began with. */
  private readonly onlyShown: string | undefined;
  private readonly file: ShownFile<Shown<T>> | undefined;
  protected plan: Setup<T> | undefined;
  /** The plan was chosen outside the form since the last opening. */
  private replaces = false;
  private select: HeadAt | undefined;
  protected savedAs: string | undefined;
  protected other: Other<T> | undefined;
  /** The run in flight was started in this webview. */
  protected startedHere = false;
  /** This page began anew since that run started (it was started elsewhere, or reloaded): it no longer has what was replaced. */
  private beganAnew = false;
  /** Counts openings, so that a slow answer to an earlier one is dropped. */
  private opening = 0;

  constructor(
    protected readonly place: PanelPlace,
    protected readonly services: Services,
    send: (message: T['to']) => void,
    start: PanelStart<T> = {},
  ) {
    super();
    this.file = start.file;
    this.plan = start.plan;
    this.select = start.select;
    this.shown = start.shown;
    this.onlyShown = start.onlyShown;
    this.follows = start.file === undefined;
    this.mail = new Mailbox(send);
    this.own(services.run.onEvent((event, run) => this.onRun(event, run)));
  }

  /** Messages of its own panel. */
  protected abstract readonly messages: Schema<T['from']>;
  /** The next step, where a result is needed and there is none. */
  protected abstract readonly runFirst: string;
  /** Answers a message that not every panel has. */
  protected abstract answer(message: OwnMessage<T>): unknown;
  protected abstract setupOfShown(shown: Shown<T>): Setup<T>;
  /** `shown` is left out while a run goes on here. */
  protected abstract openMessage(opening: Opening<T>, shown: Shown<T> | undefined): T['to'];

  /** Drawn already where a whole result is, so that it is not sent again with the replay of a run. */
  protected isInWhole(_event: T['event'] | Failed): boolean {
    return false;
  }

  /** Sends `open`; what must be waited for first may come in a second one, unless another opening has begun. */
  protected sendOpening(_isCurrent: () => boolean): Promise<void> {
    this.sendOpen();
    return Promise.resolve();
  }

  /** What a panel needs beside `open` and its run. */
  protected afterOpening(_isCurrent: () => boolean): Promise<void> {
    return Promise.resolve();
  }

  /** The plan in the form has changed. */
  protected onSetup(_plan: Setup<T>): unknown {
    return undefined;
  }

  /** Ends what is asked beside the run, when a run starts, at a cancel and at the end. */
  protected stopAsking(): void {}

  /** A plan as it stands in a form, without what belongs to one run of it. */
  protected formSetup(plan: Setup<T>): Setup<T> {
    return plan;
  }

  protected setupToRun(message: { readonly plan: Setup<T>; readonly resume?: boolean }): Setup<T> {
    return message.plan;
  }

  /** The paths that a plan would have opened. */
  protected pathsOf(_plan: Setup<T>): readonly string[] {
    return [];
  }

  /** The plan while neither a run, nor the form, nor a file says one. */
  protected firstSetup(): Setup<T> {
    return this.services.plan();
  }

  /** A cancelled question of this webview does not stop by itself. */
  overdue(_method: ComputeMethod): void {}

  /** The result on the screen, for commands. */
  get result(): Shown<T> | undefined {
    return this.shown;
  }

  async receive(given: unknown): Promise<void> {
    try {
      const message = understood(this.messages, given);
      await (isCommon<T>(message) ? this.answerCommon(message) : this.answer(message as OwnMessage<T>));
    } catch (error) {
      if (isCancelled(error) || this.disposed) return;
      // The page that asked for a run waits for its end.
      if (isRun(given)) this.post({ kind: 'failed', ...sentenceOfError(error), refused: true });
      else this.say('error', error);
    }
  }

  protected post(message: T['to'] | T['event'] | CommonReply): void {
    this.mail.post(message);
  }

  /** Says it in the panel, where it stays; a failure, which may need its log, in a message of VS Code too. */
  protected say(tone: Notice['tone'], what: unknown): void {
    if (this.disposed) return;
    const words = typeof what === 'string' ? { sentence: what } : sentenceOfError(what);
    if (this.mail.isOpen) this.post({ kind: 'notice', tone, ...words });
    if (typeof what === 'string') return;
    if (!this.mail.isOpen || (tone === 'error' && !(what instanceof Sentence)))
      this.services.report(words.sentence, words.details);
  }

  /** A file left the panel. */
  protected readonly onWritten = (sentence: string): void => this.say('info', sentence);

  private async answerCommon(message: CommonMessage<Setup<T>>): Promise<unknown> {
    const { services } = this;
    switch (message.kind) {
      case 'ready':
        this.mail.renew();
        this.beganAnew = true;
        return this.open();
      case 'planned':
        this.keep(message.plan);
        return this.onSetup(message.plan);
      case 'run':
        this.keep(message.plan);
        await this.run(message, true);
        return;
      case 'cancel':
        this.stopAsking();
        return this.cancel();
      case 'save':
        return this.save();
      case 'compare': {
        const other = await services.chooseOther(this.shown);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'stopComparing':
        return this.stopComparing();
      case 'openFull':
        this.requireLocal(message.plan);
        this.keep(message.plan);
        return services.openFull(this.formSetup(message.plan), message.select);
      case 'export':
        return services.export(message, this.onWritten);
      case 'copy':
        return services.copy(message.text);
    }
  }

  /** Another plan or head was asked for; a run in flight stays what is shown. */
  async show(plan: Setup<T> | undefined, select: HeadAt | undefined): Promise<void> {
    if (plan !== undefined) {
      this.plan = plan;
      this.replaces = true;
    }
    this.select = select;
    if (this.mail.isOpen) await this.open();
  }

  /** A second result beside what is shown. */
  async compareWith(other: Other<T>): Promise<void> {
    this.other = other;
    if (this.mail.isOpen) await this.open();
  }

  protected stopComparing(): void {
    this.other = undefined;
  }

  /** VS Code has taken the webview's page away; it says `ready` when it is shown again. */
  hide(): void {
    this.opening += 1;
    this.mail.hide();
  }

  /** The file was edited, or the window became trusted. */
  async refresh(): Promise<void> {
    if (this.mail.isOpen && !this.runsHere) await this.open();
  }

  override dispose(): void {
    this.stopAsking();
    super.dispose();
  }

  protected keep(plan: Setup<T>): void {
    this.plan = this.formSetup(plan);
    // A file shows its own plan: looking at it does not change what the panel starts with.
    if (this.place !== 'file') this.services.keepSetup(this.plan);
  }

  /** What a dialog gave goes into the form through `open`, which is the whole state. */
  protected async change(change: Partial<Setup<T>>): Promise<void> {
    // Fields that the change sets to undefined are removed.
    this.keep(defined<Setup<T>>({ ...this.openSetup(), ...change }));
    this.replaces = true;
    return this.open();
  }

  /** As if the person had pressed Run; the page, which did not ask, begins anew. Gives the run when it ended; undefined: it is refused. */
  runPlan(plan: Setup<T>): Promise<RunOf<T> | undefined> {
    return this.run({ plan }, false);
  }

  private async run(
    message: { readonly plan: Setup<T>; readonly resume?: boolean },
    startedHere: boolean,
  ): Promise<RunOf<T> | undefined> {
    const may = this.refusal(this.pathsOf(message.plan)) ?? this.services.mayRun();
    if (may !== true) {
      // A page that did not ask shows no run that could fail.
      if (startedHere) this.post({ kind: 'failed', sentence: may, refused: true });
      else this.say('error', new Sentence(may));
      return undefined;
    }
    this.follows = true;
    this.startedHere = startedHere;
    this.beganAnew = false;
    this.stopAsking();
    return this.launch(this.setupToRun(message));
  }

  /** Settles when the run ended. */
  protected async launch(plan: Setup<T>): Promise<RunOf<T>> {
    const { flight, ended } = this.services.run.begin(plan);
    await ended;
    return flight;
  }

  protected cancel(): void {
    if (this.follows) this.services.run.cancel();
  }

  /** The run whose events and results this webview shows. */
  protected get mirrored(): RunOf<T> | undefined {
    return this.follows ? this.services.run.current : undefined;
  }

  private async save(): Promise<void> {
    const shown = this.need('to save');
    const savedAs = await this.services.save(shown);
    if (savedAs === undefined) return;
    const change = this.follows ? undefined : this.file?.changeWhenSaved?.();
    if (change !== undefined) this.say('info', change);
    if (shown !== this.shown) return;
    this.savedAs = savedAs;
    const { run } = this.services;
    if (this.follows && run.result === shown) run.savedNow(shown, savedAs);
    else this.post(run.message(shown, savedAs));
  }

  /** The result on the screen, or a sentence that there is none. */
  protected need(what: string): Shown<T> {
    if (this.shown === undefined) throw new Sentence(`There is no result ${what} yet. ${this.runFirst}`);
    return this.shown;
  }

  /** Why a path of a file, or of a plan that came from one, is not opened. */
  protected refusal(paths: readonly string[]): string | undefined {
    return this.place === 'file' ? whyNoneOpened(paths) : undefined;
  }

  /** Fails with the sentence of `refusal` where a plan is to be taken elsewhere. */
  private requireLocal(plan: Setup<T>): void {
    const refused = this.refusal(this.pathsOf(plan));
    if (refused !== undefined) throw new Sentence(refused);
  }

  protected get runsHere(): boolean {
    return this.mirrored?.running === true;
  }

  /** The plan the panel opens with: the run's while it runs, the one left in the form, a saved result's. */
  protected openSetup(): Setup<T> {
    const running = this.runsHere ? this.mirrored?.plan : undefined;
    const shown = this.place === 'file' ? this.shown : undefined;
    const saved = shown === undefined ? undefined : this.setupOfShown(shown);
    return (running && this.formSetup(running)) ?? this.plan ?? saved ?? this.firstSetup();
  }

  /** Sends what is known at once; the rest follows. */
  protected async open(): Promise<void> {
    const opening = (this.opening += 1);
    const isCurrent = (): boolean => opening === this.opening && !this.disposed;
    const file = this.file?.read();
    // A file's own text is behind a run that was started in its editor.
    const ran = this.follows && this.services.run.plan !== undefined;
    if (file?.ok === true && !ran) this.shown = file.result;
    this.takeResult();
    await this.sendOpening(isCurrent);
    if (!isCurrent()) return;
    this.replay();
    // After a run, what is shown is of a model that is there.
    if (this.onlyShown !== undefined && !ran) this.say('info', this.onlyShown);
    if (this.file?.earlier !== undefined && file?.ok === true && !ran) this.say('info', this.file.earlier);
    if (file?.ok === false) {
      const name = this.file?.name ?? 'The file';
      this.post({ kind: 'failed', sentence: `${name} cannot be shown. ${file.why}` });
    }
    await this.afterOpening(isCurrent);
  }

  protected sendOpen(): void {
    const shown = this.runsHere ? undefined : this.shown;
    const isTheFile = this.place === 'file' && !this.follows && this.file?.earlier === undefined;
    const savedAs = isTheFile ? this.file?.name : this.savedAs;
    const opening = defined({
      kind: 'open' as const,
      place: this.place,
      plan: this.openSetup(),
      replaces: this.replaces ? (true as const) : undefined,
      canRun: this.services.mayRun(),
      compareWith: this.other,
      select: this.select,
      savedAs: shown === undefined ? undefined : savedAs,
    });
    this.mail.open([this.openMessage(opening, shown)]);
    // Shown once: a reload keeps what the person chose since.
    this.select = undefined;
    this.replaces = false;
  }

  /** What a run that failed had given is drawn when there is no whole result to draw. */
  protected replay(): void {
    const wholeIsDrawn = !this.runsHere && this.shown !== undefined;
    for (const event of this.mirrored?.replay() ?? []) if (!(wholeIsDrawn && this.isInWhole(event))) this.post(event);
  }

  /** What the run has given since it began, where that is not what is shown already. */
  protected takeResult(): void {
    const finished = this.mirrored?.finished;
    if (finished === undefined) return;
    const { result, savedAs } = finished;
    if (result === this.shown && savedAs === undefined) return;
    this.shown = result;
    this.savedAs = savedAs;
  }

  protected onRun(event: RunEvent<Setup<T>, T['event']>, run: number): void {
    if (this.disposed || this.mirrored?.number !== run) return;
    if (!isStart<Setup<T>>(event)) {
      this.takeResult();
      if (!this.mail.isOpen) return;
      // The page that sent `run` still has what it replaced; one that began anew is sent it again.
      if (isRefusal(event) && this.beganAnew) {
        this.sendOpen();
        this.replay();
      } else this.post(event);
      return;
    }
    // The webview that sent `run` knows. The others take over its plan, hidden or not: what it gives is of no other settings.
    const startedHere = this.startedHere;
    this.startedHere = false;
    if (startedHere) return;
    this.beganAnew = true;
    this.plan = this.formSetup(event.plan);
    if (this.mail.isOpen) this.sendOpen();
  }
}

const isCommon = <T extends PanelTypes>(message: { readonly kind: string }): message is CommonMessage<Setup<T>> =>
  Object.hasOwn(common, message.kind);

const isRefusal = (event: { readonly kind: string; readonly refused?: true }): boolean => event.refused === true;

const isRun = (given: unknown): boolean =>
  typeof given === 'object' && given !== null && 'kind' in given && given.kind === 'run';

const isStart = <P>(event: { readonly kind: string }): event is { readonly kind: 'started'; readonly plan: P } =>
  event.kind === 'started';
