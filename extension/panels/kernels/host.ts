/**
 * The extension's half of one kernels webview: answers its messages, mirrors the run. The panel speaks first (`ready`); the
 * answer holds everything needed to draw, so a webview that was moved, hidden or reloaded is whole again. Pure of VS Code.
 */
import { availableParallelism } from 'node:os';
import type { Disposable } from 'vscode';
import type { DeviceInfo, MechanismInfo, SupportInfo } from '../../../protocol/compute/api';
import type { MechanismView, MechanismViewRequest } from '../../../protocol/compute/mechanism-view';
import type { NeighborhoodBound, NeighborhoodRequest } from '../../../protocol/compute/neighborhood';
import type { FromKernelsPanel, KernelsPlace, ShapeChoice, ToKernelsPanel } from '../../../protocol/panels/kernels';
import type { BenchmarkPlan, BenchmarkResult } from '../../../protocol/results/benchmark';
import { unreachable } from '../../../protocol/unreachable';
import { isCancelled, wordsOf } from '../../platform/compute';
import { Owner } from '../../platform/owner';
import { Mailbox } from '../mailbox';
import type { BenchmarkRun, RunEvent } from './run';

export interface NamedResult {
  readonly name: string;
  readonly result: BenchmarkResult;
}

export type ExportRequest = Extract<FromKernelsPanel, { readonly kind: 'export' }>;

/** Everything a kernels webview needs of the rest of the extension. */
export interface KernelsWorld {
  readonly run: BenchmarkRun;
  mayRun(): true | string;
  /** True when asking the compute server starts nothing. */
  serverIsUp(): boolean;
  mechanisms(): Promise<readonly MechanismInfo[]>;
  devices(again: boolean): Promise<readonly DeviceInfo[]>;
  /** As last tested, without asking. */
  knownDevices(): readonly DeviceInfo[] | undefined;
  supports(plan: BenchmarkPlan): Promise<readonly SupportInfo[]>;
  mechanismView(request: MechanismViewRequest): Promise<MechanismView>;
  neighborhoodBound(request: NeighborhoodRequest): Promise<NeighborhoodBound>;
  shapes(): Promise<readonly ShapeChoice[]>;
  /** The plan as it was left, or the one of the settings. */
  plan(): BenchmarkPlan;
  keepPlan(plan: BenchmarkPlan): void;
  openFull(plan: BenchmarkPlan): void;
  /** Asks where to; undefined when the person thought better of it. */
  saveAs(result: BenchmarkResult): Promise<string | undefined>;
  /** Lets the person choose another saved result. */
  choose(other: BenchmarkResult | undefined): Promise<NamedResult | undefined>;
  export(request: ExportRequest): Promise<void>;
  copy(text: string): Promise<void>;
  openLink(url: string): Promise<void>;
  /** A failure outside a run. */
  report(sentence: string, details?: string): void;
  onShapes(listener: () => void): Disposable;
}

/** A saved result that is shown as an editor. */
export interface ShownFile {
  readonly name: string;
  /** Undefined with a sentence when the text is no benchmark. */
  read(): { readonly result: BenchmarkResult } | { readonly why: string };
}

export class KernelsHost extends Owner {
  readonly #place: KernelsPlace;
  readonly #world: KernelsWorld;
  readonly #mail: Mailbox<ToKernelsPanel>;
  readonly #file: ShownFile | undefined;
  /** The side view and the full panel follow the run; a file only the run that was started in it. */
  #follows: boolean;
  #shapeUri: string | undefined;
  #plan: BenchmarkPlan | undefined;
  #compareWith: NamedResult | undefined;
  /** The result on the screen. */
  #shown: BenchmarkResult | undefined;
  #savedAs: string | undefined;
  /** What the last `open` was sent with, for sending it again. */
  #catalogue: readonly MechanismInfo[] = [];
  #choices: readonly ShapeChoice[] = [];
  /** The run in flight was started in this webview. */
  #startedHere = false;
  /** Counts openings, so that a slow answer to an earlier one is dropped. */
  #opening = 0;
  #supportsAsked = 0;
  /**
   * A side view that merely lies open starts no process: what the server says of the form is asked with the first edit.
   * `opened`: the panel tells its plan once after `open`, which is no edit.
   */
  #owed: 'nothing' | 'opened' | 'answers' = 'nothing';

  constructor(
    place: KernelsPlace,
    world: KernelsWorld,
    send: (message: ToKernelsPanel) => void,
    start: { readonly file?: ShownFile; readonly shapeUri?: string; readonly shown?: BenchmarkResult } = {},
  ) {
    super();
    this.#place = place;
    this.#world = world;
    this.#file = start.file;
    this.#shapeUri = start.shapeUri;
    this.#shown = start.shown;
    this.#follows = start.file === undefined;
    this.#mail = new Mailbox(send);
    this.own(world.run.onEvent((event) => this.#onRun(event)));
    this.own(world.onShapes(() => void this.#sendShapes()));
  }

  async receive(message: FromKernelsPanel): Promise<void> {
    try {
      await this.#receive(message);
    } catch (error) {
      if (isCancelled(error) || this.disposed) return;
      const words = wordsOf(error);
      this.#world.report(words.sentence, words.details);
    }
  }

  /** Takes over the attention of a config, now or when the panel is ready. */
  async showShape(uri: string): Promise<void> {
    this.#shapeUri = uri;
    await this.#sendShapes();
  }

  async showPlan(plan: BenchmarkPlan): Promise<void> {
    this.#plan = plan;
    if (this.#mail.isOpen) await this.#open();
  }

  async compareWith(other: NamedResult): Promise<void> {
    this.#compareWith = other;
    if (this.#mail.isOpen) await this.#open();
  }

  /** VS Code has taken the webview's page away; it says `ready` when it is shown again. */
  hide(): void {
    this.#opening += 1;
    this.#mail.hide();
  }

  /** The file was edited, restored or the window became trusted. */
  async refresh(): Promise<void> {
    if (this.#mail.isOpen && !(this.#follows && this.#world.run.running)) await this.#open();
  }

  async #receive(message: FromKernelsPanel): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.#mail.renew();
        return this.#open();
      case 'planned':
        this.#keep(message.plan);
        return this.#onPlanned(message.plan);
      case 'run':
        this.#keep(message.plan);
        this.#follows = true;
        return this.#run(message.plan);
      case 'cancel':
        return this.#world.run.cancel();
      case 'save':
        return this.#saveAs();
      case 'openFull':
        this.#keep(message.plan);
        return this.#world.openFull(message.plan);
      case 'refreshDevices':
        return this.#sendDevices(true);
      case 'mechanismView':
        return this.#sendView(message.request);
      case 'neighborhoodBound':
        return this.#sendBound(message.request);
      case 'compare': {
        const other = await this.#world.choose(this.#result());
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'stopComparing':
        this.#compareWith = undefined;
        return;
      case 'export':
        return this.#world.export(message);
      case 'copy':
        return this.#world.copy(message.text);
      case 'openLink':
        return this.#world.openLink(message.url);
      default:
        return unreachable(message);
    }
  }

  #keep(plan: BenchmarkPlan): void {
    const kept = withoutDone(plan);
    this.#plan = kept;
    // A file shows its own plan: looking at it does not change what the panel starts with.
    if (this.#place !== 'file') this.#world.keepPlan(kept);
  }

  async #run(plan: BenchmarkPlan): Promise<void> {
    const may = this.#world.mayRun();
    if (may !== true) this.#mail.post({ kind: 'failed', sentence: may });
    else {
      this.#startedHere = true;
      await this.#world.run.start(plan);
    }
  }

  async #saveAs(): Promise<void> {
    const result = this.#result();
    if (result === undefined) {
      this.#mail.post({ kind: 'failed', sentence: 'There is no result to save yet. Run the benchmark first.' });
      return;
    }
    const savedAs = await this.#world.saveAs(result);
    if (savedAs === undefined) return;
    this.#savedAs = savedAs;
    this.#mail.post({ kind: 'result', result, savedAs });
  }

  #result(): BenchmarkResult | undefined {
    return this.#shown;
  }

  /** Sends everything; what the compute server must be asked for follows when it has answered. */
  async #open(): Promise<void> {
    const opening = (this.#opening += 1);
    const may = this.#world.mayRun();
    const file = this.#file?.read();
    if (file !== undefined && 'result' in file && !this.#runsHere()) this.#shown = file.result;
    const live = this.#follows && this.#world.run.result !== undefined ? this.#world.run.result : undefined;
    if (live !== undefined) {
      this.#shown = live.result;
      this.#savedAs = live.savedAs;
    }
    const unreadable = file !== undefined && 'why' in file ? file.why : undefined;

    // A saved result is drawn at once; the catalogue is needed for the form only.
    if (this.#shown !== undefined || may !== true) this.#sendOpen([], []);
    let failed: { readonly sentence: string; readonly details?: string } | undefined;
    let mechanisms: readonly MechanismInfo[] = [];
    const shapes = this.#world.shapes().catch((): readonly ShapeChoice[] => []);
    if (may === true) {
      try {
        mechanisms = await this.#world.mechanisms();
      } catch (error) {
        failed = wordsOf(error);
      }
      const choices = await shapes;
      if (opening !== this.#opening || this.disposed) return;
      this.#sendOpen(mechanisms, choices);
    }
    if (!this.#mail.isOpen) return;
    if (this.#follows) for (const event of this.#world.run.replay()) this.#post(event);
    if (unreadable !== undefined)
      this.#mail.post({ kind: 'failed', sentence: `${this.#file?.name ?? 'The file'} cannot be shown. ${unreadable}` });
    if (failed !== undefined) this.#mail.post({ kind: 'failed', ...failed });
    if (may !== true || failed !== undefined) {
      const choices = await shapes;
      if (opening === this.#opening && !this.disposed && choices.length > 0) this.#postShapes(choices);
      return;
    }
    this.#owed = this.#place === 'side' && !this.#world.serverIsUp() ? 'opened' : 'nothing';
    if (this.#owed === 'opened') return;
    await this.#sendSupports(this.#openPlan());
    await this.#sendDevices(false);
  }

  async #onPlanned(plan: BenchmarkPlan): Promise<void> {
    const owed = this.#owed;
    this.#owed = owed === 'opened' && !this.#world.serverIsUp() ? 'answers' : 'nothing';
    if (this.#owed === 'answers') return;
    await this.#sendSupports(plan);
    if (owed !== 'nothing') await this.#sendDevices(false);
  }

  #runsHere(): boolean {
    return this.#follows && this.#world.run.running;
  }

  /** The plan the panel opens with: the run's while it runs, the one left in the form, a saved result's. */
  #openPlan(): BenchmarkPlan {
    const { run } = this.#world;
    const running = this.#runsHere() ? run.plan : undefined;
    const shown = this.#place === 'file' ? this.#shown?.plan : undefined;
    // A side view that opens after a run shows its points: nobody has changed a setting there since.
    const mirrored = this.#place === 'side' && run.plan !== undefined ? withoutDone(run.plan) : undefined;
    return running ?? this.#plan ?? shown ?? mirrored ?? this.#world.plan();
  }

  #sendOpen(mechanisms: readonly MechanismInfo[], shapes: readonly ShapeChoice[]): void {
    const result = this.#runsHere() ? undefined : this.#shown;
    const savedAs = this.#place === 'file' && !this.#follows ? this.#file?.name : this.#savedAs;
    if (mechanisms.length > 0) this.#catalogue = mechanisms;
    this.#choices = shapes;
    this.#mail.open([
      {
        kind: 'open',
        place: this.#place,
        mechanisms,
        devices: this.#world.knownDevices() ?? [],
        shapes,
        processors: availableParallelism(),
        plan: this.#openPlan(),
        canRun: this.#world.mayRun(),
        ...(result === undefined ? {} : { result }),
        ...(this.#shapeUri === undefined ? {} : { shapeUri: this.#shapeUri }),
        ...(this.#compareWith === undefined ? {} : { compareWith: this.#compareWith }),
        ...(savedAs === undefined || result === undefined ? {} : { savedAs }),
      },
    ]);
    // Taken over once: a reload keeps what the person made of it since.
    if (shapes.length > 0 || mechanisms.length > 0) this.#shapeUri = undefined;
  }

  async #sendShapes(): Promise<void> {
    if (!this.#mail.isOpen) return;
    const shapes = await this.#world.shapes().catch((): readonly ShapeChoice[] => []);
    if (this.#mail.isOpen && !this.disposed) this.#postShapes(shapes);
  }

  #postShapes(shapes: readonly ShapeChoice[]): void {
    const shapeUri = this.#shapeUri;
    this.#shapeUri = undefined;
    this.#mail.post({ kind: 'shapes', shapes, ...(shapeUri === undefined ? {} : { shapeUri }) });
  }

  async #sendSupports(plan: BenchmarkPlan): Promise<void> {
    if (this.#world.mayRun() !== true) return;
    const asked = (this.#supportsAsked += 1);
    const supports = await this.#world.supports(plan);
    if (asked === this.#supportsAsked && !this.disposed) this.#mail.post({ kind: 'supports', supports });
  }

  async #sendView(request: MechanismViewRequest): Promise<void> {
    const answer = await this.#answer(() => this.#world.mechanismView(request).then((view) => ({ view })));
    if (!this.disposed) this.#mail.post({ kind: 'mechanismView', request, ...answer });
  }

  async #sendBound(request: NeighborhoodRequest): Promise<void> {
    const answer = await this.#answer(() => this.#world.neighborhoodBound(request).then((bound) => ({ bound })));
    if (!this.disposed) this.#mail.post({ kind: 'neighborhoodBound', request, ...answer });
  }

  /** What the compute server says, or the sentence that stands in its place. */
  #answer<T>(ask: () => Promise<T>): Promise<T | { readonly problem: string }> {
    const may = this.#world.mayRun();
    if (may !== true) return Promise.resolve({ problem: may });
    return ask().catch((error: unknown) => ({ problem: wordsOf(error).sentence }));
  }

  async #sendDevices(again: boolean): Promise<void> {
    const may = this.#world.mayRun();
    if (may !== true) {
      if (again) this.#world.report(may);
      return;
    }
    const devices = await this.#world.devices(again);
    if (!this.disposed) this.#mail.post({ kind: 'devices', devices });
  }

  #onRun(event: RunEvent): void {
    if (!this.#follows || this.disposed) return;
    // Whoever mirrors a run takes over its plan, hidden or not: its points would be said to be of other settings.
    if (event.kind === 'started' && !this.#startedHere) this.#plan = withoutDone(event.plan);
    if (event.kind === 'result') {
      this.#shown = event.result;
      this.#savedAs = event.savedAs;
    }
    if (this.#mail.isOpen) this.#post(event);
  }

  #post(event: RunEvent): void {
    if (event.kind !== 'started') {
      this.#mail.post(event);
      return;
    }
    // The webview that sent `run` knows; the others begin anew with the plan of the run.
    if (!this.#startedHere) this.#sendOpen(this.#catalogue, this.#choices);
    this.#startedHere = false;
  }
}

/** A plan as it stands in a form: rows already measured belong to one run. */
function withoutDone({ done: _done, ...plan }: BenchmarkPlan): BenchmarkPlan {
  return plan;
}
