/** What the hosts of panels that run a model share: which models there are, which one is chosen, and what is asked of it. */
import type { Disposable } from 'vscode';
import type { DeviceInfo } from '../../protocol/compute/api';
import type { DeviceChoices, ModelChoice, WaitingModel } from '../../protocol/panels/run-panel';
import type { Provenance, ModelSummary } from '../../protocol/schema/parts';
import { devicesIn } from '../../protocol/inputs/devices';
import { choiceOfHeld, type WeightChoice } from '../../protocol/inputs/weights';
import { FailureError } from '../../protocol/wire/failures';
import { isCancelled } from '../platform/compute';
import { defined, type Defined } from '../platform/defined';
import { NewestFirst } from './newest-first';
import { PanelHost } from './panel-host';
import type { OwnMessage, PanelServices, PanelTypes, Setup, Shown } from './panel-types';
import { again, Sentence, sentenceOfError } from './questions';

export interface ModelPanelTypes extends PanelTypes {
  readonly plan: { readonly folder: string; readonly device?: string; readonly adapter?: string };
}

/** Where models may run. */
interface PanelDevices {
  /** As last tested; undefined: not tested yet. */
  known(): readonly DeviceInfo[] | undefined;
  /** They are being tested now. */
  testing(): boolean;
  /** `again`: also those that were tested before. */
  test(again: boolean): Promise<readonly DeviceInfo[]>;
  /** The device of the setting. */
  setting(): string;
  /** How weights are held, by the setting. */
  weights(): WeightChoice;
  /** They were tested, a test began, or the setting has changed. */
  onChange(listener: () => void): Disposable;
}

/** Where a model runs and how its weights are held; absent: as the settings say. */
export interface Where {
  readonly device?: string;
  readonly weights?: WeightChoice;
  readonly adapter?: string;
}

/** How a result was made. */
export type Made = Pick<Provenance, 'device' | 'weights'> & { readonly model: Pick<ModelSummary, 'adapter'> };

export interface ModelPanelServices<T extends ModelPanelTypes> extends PanelServices<T> {
  /** The model that comes with the extension; drawn before the others are found. */
  readonly demo: ModelChoice;
  /** The demo model, and the models found in the workspace and the model folders. */
  models(): Promise<readonly ModelChoice[]>;
  onModels(listener: () => void): Disposable;
  openModel(folder: string, device?: string, weights?: WeightChoice, adapter?: string): Promise<ModelSummary>;
  readonly devices: PanelDevices;
  /** Lets the person choose a model folder. */
  browse(): Promise<string | undefined>;
  /** The same for the folder of an adapter. */
  browseAdapter(): Promise<string | undefined>;
  /** Opens a page of the documentation in the Markdown preview. */
  showPage(page: string): Promise<void>;
}

type ModelMessage =
  | { readonly kind: 'chooseModel'; readonly folder: string; readonly device?: string; readonly adapter?: string }
  | { readonly kind: 'loadModel' | 'browseModel' | 'browseAdapter' | 'refreshDevices' }
  | { readonly kind: 'showPage'; readonly page: string };

/** Messages that a panel has beside those of every panel that runs a model. */
export type OwnModelMessage<T extends ModelPanelTypes> = Exclude<
  OwnMessage<T>,
  { readonly kind: ModelMessage['kind'] }
>;

/** The part of `open` that is of models. */
type ModelOpening = Defined<{
  readonly models: readonly ModelChoice[];
  readonly devices: DeviceChoices;
  readonly model: ModelSummary | undefined;
  readonly waiting: WaitingModel | undefined;
}>;

/** Whether a model is the one that a request names, with its adapter. */
const isOf = (model: ModelSummary | undefined, { folder, adapter }: ModelPanelTypes['plan']): boolean =>
  model?.folder === folder && model.adapter === adapter;

export abstract class ModelPanelHost<
  T extends ModelPanelTypes,
  Services extends ModelPanelServices<T>,
> extends PanelHost<T, Services> {
  protected model: ModelSummary | undefined;
  private choices: readonly ModelChoice[] = [this.services.demo];
  /** The model that the file names was asked for by a click. */
  private loaded = false;
  /** Counts choices of models, so that a slow answer to an earlier one is dropped. */
  private choosing = 0;
  private readonly queues = new Map<string, NewestFirst>();

  constructor(...parts: ConstructorParameters<typeof PanelHost<T, Services>>) {
    super(...parts);
    this.own(this.services.onModels(() => void this.sendModels()));
    this.own(this.services.devices.onChange(() => this.sendDevices()));
  }

  protected abstract answerPanel(message: OwnModelMessage<T>): unknown;
  protected abstract modelOf(shown: Shown<T>): ModelSummary;

  /** What of the plan changes with another model. */
  protected changeOfModel(folder: string): Partial<Setup<T>> {
    return { folder };
  }

  protected override answer(message: OwnMessage<T>): unknown {
    const ofModel = message as ModelMessage;
    switch (ofModel.kind) {
      case 'chooseModel':
        return this.chooseModel(ofModel);
      case 'loadModel':
        return this.loadModel();
      case 'browseModel':
        return this.browseModel();
      case 'browseAdapter':
        return this.browseAdapter();
      case 'refreshDevices':
        return this.testDevices();
      case 'showPage':
        return this.services.showPage(ofModel.page);
      default:
        return this.answerPanel(message as OwnModelMessage<T>);
    }
  }

  override hide(): void {
    this.forgetQuestions();
    super.hide();
  }

  override dispose(): void {
    this.forgetQuestions();
    super.dispose();
  }

  protected get modelOpening(): ModelOpening {
    return defined({ models: this.choices, devices: this.devices, model: this.knownModel(), waiting: this.waiting });
  }

  protected override async afterOpening(isCurrent: () => boolean): Promise<void> {
    await this.sendModels();
    if (!isCurrent()) return;
    const { place, services } = this;
    // A side view that lies open starts no process; the full panel was asked for.
    const mayAsk = place !== 'file' && services.mayRun() === true && (place === 'full' || services.serverIsUp());
    const setup = this.openSetup();
    if (mayAsk && !isOf(this.shownModel, setup)) await this.chooseModel(setup);
  }

  /** The model of the form, as far as it is known. */
  protected knownModel(): ModelSummary | undefined {
    const setup = this.openSetup();
    return [this.shownModel, this.model].find((one) => isOf(one, setup));
  }

  private get shownModel(): ModelSummary | undefined {
    return this.shown === undefined ? undefined : this.modelOf(this.shown);
  }

  /** The model that the file names, while nothing may be asked of it. */
  private get waiting(): WaitingModel | undefined {
    if (this.place !== 'file' || this.follows || this.loaded || this.shownModel === undefined) return undefined;
    const { folder, adapter = '', weightBytes: bytes } = this.shownModel;
    return defined({ folder, bytes, refused: this.refusal([folder, adapter]) });
  }

  /** Fails with a sentence where nothing may be asked: in an untrusted workspace, of a model that a file names until a click. */
  protected requireModel(): void {
    const may = this.services.mayRun();
    if (may !== true) throw new Sentence(may);
    const waiting = this.waiting;
    if (waiting !== undefined)
      throw new Sentence(waiting.refused ?? 'The model that this file names is not loaded. Load it first.');
  }

  /** Fails with a sentence when the files in the folder are not those that gave the result. The server keeps the model open. */
  protected async requireSameModel(
    { folder, hash, adapter }: ModelSummary,
    next: string,
    { device, weights }: Where = {},
  ): Promise<void> {
    if ((await this.services.openModel(folder, device, weights, adapter)).hash === hash) return;
    const detail = `Its files are not those that gave this result, so it cannot answer further questions. ${next}`;
    throw new FailureError({ code: 'model-unusable', folder, detail });
  }

  /**
   * Where a result is asked further questions: with the weights and on the device that gave it, where that works here, so that what
   * is shown beside it is of the same numbers; else on the device of the setting.
   */
  protected async whereOf({ device, weights: held, model: { adapter } }: Made): Promise<Where> {
    const { asked: id = device.id } = device;
    const as = defined({ weights: held && choiceOfHeld(held), adapter });
    if (id === 'cpu') return { device: id, ...as };
    const { devices } = this.services;
    const found = devices.known() ?? (await devices.test(false));
    const works = devicesIn(id).every((named) => found.some((one) => one.id === named && one.available));
    return { ...(works ? { device: id } : {}), ...as };
  }

  /** Queues a question of the panel, by its kind: its reply or the reason why there is none is posted. */
  protected ask(
    { kind, request }: { readonly kind: string; readonly request: number },
    reply: () => Promise<T['to']>,
    mostWaiting = 1,
  ): void {
    const queue = this.queues.get(kind) ?? new NewestFirst(mostWaiting);
    this.queues.set(kind, queue);
    queue.ask(async () => {
      try {
        this.requireModel();
        const message = await again(reply);
        if (!this.disposed) this.post(message);
      } catch (error) {
        if (!isCancelled(error)) this.fail(error, { request });
      }
    });
  }

  protected fail(error: unknown, of: { readonly request?: number; readonly folder?: string }): void {
    if (!this.disposed) this.post({ kind: 'failed', ...of, ...sentenceOfError(error) });
  }

  /** Questions that wait for an answer are not wanted any more. */
  private forgetQuestions(): void {
    for (const queue of this.queues.values()) queue.clear();
  }

  private async browseModel(): Promise<void> {
    const folder = await this.services.browse();
    if (folder !== undefined) await this.change(this.changeOfModel(folder));
  }

  private async browseAdapter(): Promise<void> {
    const adapter = await this.services.browseAdapter();
    if (adapter !== undefined) await this.change({ adapter } as Partial<Setup<T>>);
  }

  /** The person has asked for the model that the file names. */
  private async loadModel(): Promise<void> {
    const waiting = this.waiting;
    if (waiting === undefined) return this.open();
    try {
      const may = this.services.mayRun();
      if (waiting.refused !== undefined) throw new Sentence(waiting.refused);
      if (may !== true) throw new Sentence(may);
      this.model = await this.services.openModel(waiting.folder, undefined, undefined, this.shownModel?.adapter);
      this.loaded = true;
      if (!this.disposed) await this.open();
    } catch (error) {
      if (!isCancelled(error)) this.fail(error, {});
    }
  }

  private get devices(): DeviceChoices {
    const { devices } = this.services;
    const testing = devices.testing() ? { testing: true as const } : {};
    return { devices: devices.known() ?? [], setting: devices.setting(), weights: devices.weights(), ...testing };
  }

  private sendDevices(): void {
    if (this.mail.isOpen && !this.disposed) this.post({ kind: 'devices', ...this.devices });
  }

  private async testDevices(): Promise<void> {
    try {
      const may = this.services.mayRun();
      if (may !== true) throw new Sentence(may);
      await this.services.devices.test(true);
    } finally {
      this.sendDevices();
    }
  }

  private async chooseModel({ folder, device, adapter }: ModelPanelTypes['plan']): Promise<void> {
    const choosing = (this.choosing += 1);
    const isCurrent = (): boolean => choosing === this.choosing && !this.disposed;
    try {
      const refused = this.refusal([folder, ...(adapter === undefined ? [] : [adapter])]);
      if (refused !== undefined) throw new Sentence(refused);
      this.requireModel();
      const model = await this.services.openModel(folder, device, undefined, adapter);
      if (!isCurrent()) return;
      this.model = model;
      this.post({ kind: 'model', model });
    } catch (error) {
      if (isCurrent() && !isCancelled(error)) this.fail(error, { folder });
    }
  }

  private async sendModels(): Promise<void> {
    const { demo } = this.services;
    const choices = await this.services.models().catch((): readonly ModelChoice[] => [demo]);
    if (this.disposed || !this.mail.isOpen) return;
    this.choices = choices;
    this.post({ kind: 'models', models: choices });
  }
}
