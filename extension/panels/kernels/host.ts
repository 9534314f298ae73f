/** The extension's half of one Kernels webview: what it answers beside what `PanelHost` does. */
import { availableParallelism } from 'node:os';
import type { Disposable } from 'vscode';
import { type FromKernelsPanel, type ModuleFile, fromKernelsPanel } from '../../../protocol/panels/kernels-schema';
import type { ShapeChoice, ToKernelsPanel } from '../../../protocol/panels/kernels';
import type { BenchmarkSetup, BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import type { ModuleResult, ModuleSetup } from '../../../protocol/results/module-schema';
import { unreachable } from '../../../protocol/unreachable';
import { isCancelled, wordsOf, type Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import type { KernelCatalogue } from '../../platform/kernel-catalogue';
import { PanelHost } from '../panel-host';
import type { Opening, OwnMessage, PanelServices } from '../panel-types';
import { Sentence } from '../questions';
import type { BenchmarkEvent } from './run';

export interface KernelsTypes {
  readonly result: 'benchmark';
  readonly plan: BenchmarkSetup;
  readonly event: BenchmarkEvent;
  readonly from: FromKernelsPanel;
  readonly to: ToKernelsPanel;
}

export interface KernelsServices extends PanelServices<KernelsTypes> {
  readonly server: Pick<
    Compute,
    'module' | 'devices' | 'knownDevices' | 'supports' | 'mechanismView' | 'neighborhoodBound'
  >;
  readonly catalogue: Pick<KernelCatalogue, 'mechanisms' | 'modules'>;
  shapes(): Promise<readonly ShapeChoice[]>;
  onShapes(listener: () => void): Disposable;
  openLink(url: string): Promise<void>;
  /** Lets the person choose a file that a run of a module reads. */
  chooseModuleFile(what: ModuleFile): Promise<string | undefined>;
  /** Keeps the run of a module in the history. */
  keepModule(result: ModuleResult): Promise<void>;
}

export class KernelsHost extends PanelHost<KernelsTypes, KernelsServices> {
  protected override readonly messages = fromKernelsPanel;
  protected override readonly runFirst = 'Run the benchmark first.';
  private shapeUri: string | undefined;
  private moduleRun: AbortController | undefined;
  /** As last found; found anew behind each opening. */
  private shapes: readonly ShapeChoice[] = [];
  private supportsAsked = 0;
  /**
   * A side view that merely lies open starts no process: what the server says of the form is asked with the first edit.
   * `opened`: the panel sends its plan once after `open`, which is no edit.
   */
  private owed: 'nothing' | 'opened' | 'answers' = 'nothing';

  constructor(...parts: ConstructorParameters<typeof PanelHost<KernelsTypes, KernelsServices>>) {
    super(...parts);
    this.own(this.services.onShapes(() => void this.sendShapes()));
  }

  /** Takes over the attention of a config, now or when the panel is ready. */
  async showShape(uri: string): Promise<void> {
    this.shapeUri = uri;
    await this.sendShapes();
  }

  /** What failed is said by VS Code, what was done too early as the end of a run. */
  protected override say(tone: 'info' | 'error', what: unknown): void {
    if (typeof what === 'string') return super.say(tone, what);
    const { sentence, details } = what instanceof Sentence ? { sentence: what.message } : wordsOf(what);
    if (what instanceof Sentence) this.post({ kind: 'failed', sentence });
    else this.services.report(sentence, details);
  }

  /** Rows already measured belong to one run; a series of a mechanism of the workspace leaves the form as it is. */
  protected override formSetup({ done: _done, ...plan }: BenchmarkSetup): BenchmarkSetup {
    return plan.kernels === undefined ? plan : (this.plan ?? this.services.plan());
  }

  protected override setupOfShown(result: BenchmarkResult): BenchmarkSetup {
    return result.plan;
  }

  protected override firstSetup(): BenchmarkSetup {
    // A side view that opens after a run shows its points: nobody has changed a setting there since.
    const ran = this.place === 'side' ? this.services.run.plan : undefined;
    return ran === undefined ? super.firstSetup() : this.formSetup(ran);
  }

  protected override openMessage(opening: Opening<KernelsTypes>, result: BenchmarkResult | undefined): ToKernelsPanel {
    const ran = this.runsHere ? this.services.run.plan : undefined;
    return {
      ...opening,
      ...(ran?.kernels === undefined ? {} : { measured: ran }),
      mechanisms: this.services.catalogue.mechanisms,
      devices: this.services.server.knownDevices ?? [],
      shapes: this.shapes,
      processors: availableParallelism(),
      ...defined({ result }),
    };
  }

  protected override async afterOpening(isCurrent: () => boolean): Promise<void> {
    const shapes = await this.askShapes();
    if (!isCurrent()) return;
    if (shapes.length > 0 || this.shapeUri !== undefined) this.postShapes(shapes);
    if (this.services.mayRun() !== true) return;
    this.owed = this.place === 'side' && !this.services.serverIsUp() ? 'opened' : 'nothing';
    if (this.owed === 'opened') return;
    await Promise.all([this.sendSupports(this.openSetup()), this.sendDevices(false)]);
  }

  protected override async onSetup(plan: BenchmarkSetup): Promise<void> {
    const owed = this.owed;
    this.owed = owed === 'opened' && !this.services.serverIsUp() ? 'answers' : 'nothing';
    if (this.owed === 'answers') return;
    await Promise.all([this.sendSupports(plan), owed === 'nothing' ? undefined : this.sendDevices(false)]);
  }

  protected override answer(message: OwnMessage<KernelsTypes>): unknown {
    const { server } = this.services;
    switch (message.kind) {
      case 'refreshDevices':
        return this.sendDevices(true);
      case 'mechanismView':
        return this.reply(message, async () => ({ view: await server.mechanismView(message.request) }));
      case 'neighborhoodBound':
        return this.reply(message, async () => ({ bound: await server.neighborhoodBound(message.request) }));
      case 'modules':
        return this.sendModules();
      case 'runModule':
        return this.runModule(message.plan);
      case 'stopModule':
        return this.moduleRun?.abort();
      case 'chooseModuleFile':
        return this.chooseModuleFile(message.what);
      case 'openLink':
        return this.services.openLink(message.url);
      default:
        return unreachable(message);
    }
  }

  override dispose(): void {
    this.moduleRun?.abort();
    super.dispose();
  }

  private sendModules(): void {
    const may = this.services.mayRun();
    if (may === true) this.post({ kind: 'modules', modules: this.services.catalogue.modules });
    else this.post({ kind: 'moduleFailed', sentence: may });
  }

  /** A run of this webview alone: it shows pictures of one call, and the benchmark of mechanisms goes on being what is shown. */
  private async runModule(plan: ModuleSetup): Promise<void> {
    const may = this.services.mayRun();
    if (may !== true) return this.post({ kind: 'moduleFailed', sentence: may });
    this.moduleRun?.abort();
    const run = (this.moduleRun = new AbortController());
    const isShown = (): boolean => run === this.moduleRun && !this.disposed;
    try {
      const result = await this.services.server.module(plan, run.signal, (progress) => {
        if (isShown()) this.post({ kind: 'moduleStage', progress });
      });
      if (isShown()) this.post({ kind: 'moduleResult', result });
      await this.services.keepModule(result).catch((error: unknown) => {
        const why = error instanceof Error ? ` ${error.message}` : '';
        this.services.report(`The result of the module is shown, but it could not be kept.${why}`);
      });
    } catch (error) {
      if (!isShown()) return;
      const words = isCancelled(error) ? { sentence: 'The run was stopped.' } : wordsOf(error);
      this.post({ kind: 'moduleFailed', ...words });
    }
  }

  private async chooseModuleFile(what: ModuleFile): Promise<void> {
    const path = await this.services.chooseModuleFile(what);
    if (path !== undefined && !this.disposed) this.post({ kind: 'moduleFile', what, path });
  }

  private askShapes(): Promise<readonly ShapeChoice[]> {
    return this.services.shapes().catch((): readonly ShapeChoice[] => []);
  }

  private async sendShapes(): Promise<void> {
    if (!this.mail.isOpen) return;
    const shapes = await this.askShapes();
    if (this.mail.isOpen && !this.disposed) this.postShapes(shapes);
  }

  private postShapes(shapes: readonly ShapeChoice[]): void {
    const shapeUri = this.shapeUri;
    this.shapeUri = undefined;
    this.shapes = shapes;
    this.post({ kind: 'shapes', shapes, ...defined({ shapeUri }) });
  }

  private async sendSupports(plan: BenchmarkSetup): Promise<void> {
    if (this.services.mayRun() !== true) return;
    const asked = (this.supportsAsked += 1);
    const supports = await this.services.server.supports(plan);
    if (asked === this.supportsAsked && !this.disposed) this.post({ kind: 'supports', supports });
  }

  /** What the compute server says of a question of the form, or the sentence that stands in its place. */
  private async reply<A extends object>(
    question: Extract<OwnMessage<KernelsTypes>, { readonly request: unknown }>,
    ask: () => Promise<A>,
  ): Promise<void> {
    const may = this.services.mayRun();
    const answer =
      may === true ? await ask().catch((error: unknown) => ({ problem: wordsOf(error).sentence })) : { problem: may };
    if (!this.disposed) this.post({ ...question, ...answer });
  }

  private async sendDevices(again: boolean): Promise<void> {
    const may = this.services.mayRun();
    if (may !== true) {
      if (again) this.services.report(may);
      return;
    }
    const { server } = this.services;
    let devices = server.knownDevices ?? [];
    const send = (testing?: true): void => {
      if (!this.disposed) this.post({ kind: 'devices', devices, ...defined({ testing }) });
    };
    if (again || server.knownDevices === undefined) send(true);
    try {
      devices = await server.devices(again);
    } finally {
      send();
    }
  }
}
