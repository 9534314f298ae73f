/**
 * The Model webviews of this window: the side view, which follows the editor and the Models tree, and one full panel for a model
 * in full width or two beside each other. They only read, so they work in an untrusted workspace.
 */
import { totalmem } from 'node:os';
import * as vscode from 'vscode';
import type { MeasuredMachine } from '../../../protocol/language/serving';
import { modelPanel } from '../../../protocol/contributions/views';
import type { ModelFacts } from '../../../protocol/language/requests';
import type { ModelActions, ModelPlace, ShownModel, ToModelPanel } from '../../../protocol/panels/model';
import { fieldsIn } from '../../../protocol/schema/fields';
import { chooseModel } from '../../models/choose-model';
import type { ModelIndex } from '../../models/model-index';
import { fileLabel, isModelFile } from '../../models/model-names';
import type { Compute } from '../../platform/compute';
import type { Language } from '../../platform/language';
import type { Log } from '../../platform/log';
import { showFailure } from '../../platform/log';
import { mayBeModelDocument } from '../../platform/model-documents';
import { Owner } from '../../platform/owner';
import { Signal } from '../../platform/signal';
import { mayRun } from '../../platform/trust';
import { saveExport } from '../exports';
import type { FillSide, LivePanel, Work } from '../live-view';
import { WebviewHosts, type Container } from '../webview-hosts';
import type { ModelServices } from './host';
import { ModelHost } from './host';

export interface ModelPanelsParts {
  readonly extension: vscode.Uri;
  readonly models: ModelIndex;
  readonly language: Language;
  /** What it measured of this machine is shown; nothing is asked of it. */
  readonly compute: Pick<Compute, 'knownDevices'>;
  readonly log: Log;
}

/** Milliseconds after a keystroke or a finding: typing causes many. */
const quiet = 300;

export class ModelPanels extends Owner implements LivePanel {
  private readonly parts: ModelPanelsParts;
  private side: ModelHost | undefined;
  private readonly hosts: WebviewHosts<ToModelPanel, ModelHost>;
  /** What the side view shows as soon as it is there. */
  private followed: vscode.Uri | undefined;
  /** A file looked at since that may describe a model; only the language server knows. */
  private candidate: vscode.Uri | undefined;
  private readonly work = this.own(new Signal<Work>());
  readonly onWork = this.work.event;
  /** Counts files that were looked at, so that a slow answer to an earlier one is dropped. */
  private looked = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly changed = new Set<string>();

  constructor(parts: ModelPanelsParts) {
    super();
    this.parts = parts;
    this.hosts = this.own(new WebviewHosts(parts.extension, { panel: 'model', title: 'Model' }));
    this.own(this.hosts.onFocus((host) => this.worksOn(host.uris.join(' '), false)));
    const deserializeWebviewPanel = (panel: vscode.WebviewPanel, state: unknown): Promise<void> =>
      Promise.resolve(this.restore(panel, keptUris(state)));
    this.own(vscode.window.registerWebviewPanelSerializer(modelPanel, { deserializeWebviewPanel }));
    this.own(vscode.window.onDidChangeActiveTextEditor((editor) => this.followEditor(editor)));
    this.own(vscode.workspace.onDidChangeTextDocument(({ document }) => this.touched([document.uri])));
    this.own(vscode.languages.onDidChangeDiagnostics(({ uris }) => this.touched(uris)));
    this.own(parts.models.onChange(() => this.refresh(() => true)));
    this.own({ dispose: () => clearTimeout(this.timer) });
  }

  prepareSide(): Promise<FillSide> {
    return Promise.resolve((view) => this.fillSide(view));
  }

  private fillSide(view: vscode.WebviewView): vscode.Disposable {
    const host = this.attach(view, 'side', () => undefined);
    this.side = host;
    this.followEditor(vscode.window.activeTextEditor);
    if (host.uris.length === 0) {
      if (this.followed !== undefined) void host.show([this.followed.toString()]);
      if (this.candidate !== undefined) void host.showIfModel(this.candidate.toString());
    }
    return new vscode.Disposable(() => {
      this.side = undefined;
      const [shown] = host.uris;
      // Perhaps chosen in the view itself.
      if (shown !== undefined) [this.followed, this.candidate] = [vscode.Uri.parse(shown, true), undefined];
      this.hosts.release(host);
    });
  }

  /** The model was selected in a list. */
  select(uri: vscode.Uri): void {
    this.follow(uri);
    this.worksOn(uri.toString(), true);
  }

  /** The side view shows this file if it describes a model. */
  followIfModel(uri: vscode.Uri): void {
    this.candidate = uri;
    void this.side?.showIfModel(uri.toString());
    void this.worksIfModel(uri);
  }

  /** The side view shows this model. */
  private follow(uri: vscode.Uri): void {
    this.followed = uri;
    this.candidate = undefined;
    void this.side?.show([uri.toString()]);
  }

  private worksOn(subject: string, isNew: boolean): void {
    this.looked += 1;
    this.work.fire({ subject, isNew });
  }

  private async worksIfModel(uri: vscode.Uri): Promise<void> {
    const looked = (this.looked += 1);
    const facts = await this.factsOf(uri).catch(() => null);
    if (facts !== null && looked === this.looked) this.worksOn(uri.toString(), false);
  }

  /** The full panel, made or brought to the front. */
  async open(uris: readonly vscode.Uri[]): Promise<void> {
    const texts = uris.map((uri) => uri.toString());
    const [first] = uris;
    if (first !== undefined) this.follow(first);
    this.worksOn(texts.join(' '), true);
    const open = this.hosts.reveal();
    if (open === undefined) {
      this.restore(vscode.window.createWebviewPanel(modelPanel, 'Model', vscode.ViewColumn.Active), texts);
    } else {
      await open.show(texts);
    }
  }

  /** Chooses what is missing of two models and shows them beside each other. */
  async compare(given: readonly vscode.Uri[]): Promise<void> {
    const first = given[0] ?? (await chooseModel(this.parts.models, 'Compare (1 of 2)', 'all'));
    if (first === undefined) return;
    const second =
      given[1] ?? (await chooseModel(this.parts.models, `Compare ${this.name(first)} with`, 'all', [first]));
    if (second !== undefined) await this.open([first, second]);
  }

  /** Fills a panel that is new, or that VS Code brought back after a reload. */
  private restore(panel: vscode.WebviewPanel, uris: readonly string[]): void {
    void this.attach(panel, 'full', (title) => (panel.title = title)).show(uris);
  }

  private attach(holder: Container, place: ModelPlace, rename: (title: string) => void): ModelHost {
    return this.hosts.attach(holder, place, (send) => {
      return new ModelHost(this.services(), (message) => {
        if (message.kind !== 'show') return send(message);
        const { content } = message;
        if (content.state === 'model') rename(content.model.label);
        if (content.state === 'comparison') rename(`${content.first.label} | ${content.second.label}`);
        send(message);
      });
    });
  }

  private followEditor(editor: vscode.TextEditor | undefined): void {
    this.looked += 1;
    const document = editor?.document;
    if (document === undefined || !document.languageId.startsWith('json')) return;
    const { uri } = document;
    if (!mayBeModelDocument(uri.path, () => document.getText())) return;
    // A config.json that describes no model is said to be none; any other file may be one by its content.
    if (!uri.path.endsWith('/config.json')) return this.followIfModel(uri);
    this.follow(uri);
    void this.worksIfModel(uri);
  }

  private touched(uris: readonly vscode.Uri[]): void {
    const shown = new Set([...this.hosts.all].flatMap((host) => host.uris));
    const touched = uris.map(String).filter((uri) => shown.has(uri));
    if (touched.length === 0) return;
    for (const uri of touched) this.changed.add(uri);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const changed = new Set(this.changed);
      this.changed.clear();
      this.refresh((host) => host.uris.some((uri) => changed.has(uri)));
    }, quiet);
  }

  private refresh(which: (host: ModelHost) => boolean): void {
    for (const host of this.hosts.all) if (which(host)) void host.refresh();
  }

  private name(uri: vscode.Uri): string {
    const name = uri.path.split('/').at(-1) ?? uri.path;
    return isModelFile(name) ? fileLabel(uri.path) : name;
  }

  private services(): ModelServices {
    const { models, log, language } = this.parts;
    const parse = (uri: string): vscode.Uri => vscode.Uri.parse(uri, true);
    const run = async (command: string, ...args: readonly unknown[]): Promise<void> => {
      await vscode.commands.executeCommand(command, ...args);
    };
    return {
      headscope: String(process.env['HEADSCOPE_VERSION']),
      describe: (uri) => this.describe(parse(uri)),
      nameOf: (uri) => this.name(parse(uri)),
      actions,
      // A GGUF file or a graph is no text: it is shown where it lies.
      openFile: (uri) => (uri.endsWith('.json') ? run('vscode.open', parse(uri)) : run('revealInExplorer', parse(uri))),
      showProblems: async (uri) => {
        await vscode.window.showTextDocument(parse(uri), { preserveFocus: true });
        await run('workbench.actions.view.problems');
      },
      benchmark: (uri) => run('headscope.benchmarkConfig', uri),
      showHeads: (uri) => run(headsCommand, uri),
      openFull: (uris) => this.open(uris.map(parse)),
      compare: (uri) => this.compare(uri === undefined ? [] : [parse(uri)]),
      choose: async () => (await chooseModel(models, 'Show a Model', 'all'))?.toString(),
      openExample: () => run('headscope.openExample'),
      serving: (uri, question) => {
        const machine = measuredMachine(this.parts.compute);
        return language.serving({ uri, question, ...(machine === undefined ? {} : { machine }) });
      },
      export: saveExport,
      copy: async (text) => vscode.env.clipboard.writeText(text),
      report: (sentence, details) => showFailure(log, sentence, details),
    };
  }

  /** The base model of an adapter is one of the models that the index has found. */
  private async factsOf(uri: vscode.Uri): Promise<ModelFacts | null> {
    if (uri.path.endsWith('/adapter_config.json')) await this.parts.models.find();
    return this.parts.language.describe(uri);
  }

  /** Asked anew each time: the index keeps what files say, the language server what the editor says. */
  private async describe(uri: vscode.Uri): Promise<ShownModel | null> {
    const facts = await this.factsOf(uri);
    if (facts === null) return null;
    return { label: this.name(uri), path: vscode.workspace.asRelativePath(uri), facts };
  }
}

/** The cpu by the roof of the list of devices, if it was measured. */
function measuredMachine({ knownDevices }: Pick<Compute, 'knownDevices'>): MeasuredMachine | undefined {
  const cpu = knownDevices?.find(({ id }) => id === 'cpu');
  if (cpu?.peakGflops === undefined || cpu.peakBandwidthGBs === undefined) return undefined;
  const { name: title, peakGflops, peakBandwidthGBs } = cpu;
  // A container may have less than its machine.
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return { title, peakGflops, peakBandwidthGBs, memory };
}

/** What the webview keeps: see `webviews/panels/model/state.ts`. */
const keptUris = (state: unknown): readonly string[] => {
  const { uris } = fieldsIn(state);
  return Array.isArray(uris) ? uris.filter((uri): uri is string => typeof uri === 'string') : [];
};

const headsCommand = 'headscope.showHeads';

async function actions(): Promise<ModelActions> {
  const known = await vscode.commands.getCommands(true);
  const benchmark = mayRun();
  return { benchmark, ...(known.includes(headsCommand) ? { heads: benchmark } : {}) };
}
