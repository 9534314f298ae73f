/** The Sweeps panels in this window: each is an editor of the file of a sweep, beside the text editor. */
import * as vscode from 'vscode';
import { sweepEditor } from '../../../protocol/contributions/views';
import type { ToSweepPanel } from '../../../protocol/panels/sweep';
import { fieldsIn } from '../../../protocol/schema/fields';
import { parseJsonText } from '../../../protocol/wire/json-text';
import type { ComputeLaunch } from '../../platform/compute-process';
import type { Log } from '../../platform/log';
import { ask } from '../../platform/notify';
import { Owner } from '../../platform/owner';
import { mayRun } from '../../platform/trust';
import { resultKinds, type Kind } from '../../results/result-kinds';
import { isReadable, type ReadableResult, type ResultLibrary } from '../../results/result-library';
import { Sentence } from '../questions';
import { fileServices } from '../saved-files';
import { WebviewHosts } from '../webview-hosts';
import { folderOf, kindIn, sweepName } from './sweep-files';
import { SweepHost, type SweepServices } from './host';
import { SweepProcess } from './sweep-process';

interface SweepPanelParts {
  readonly extension: vscode.Uri;
  readonly library: ResultLibrary;
  readonly log: Log;
  /** The command line, as a process of its own. */
  readonly launch: () => ComputeLaunch;
  readonly editors: Readonly<Record<Kind, { compare(one: vscode.Uri, other: ReadableResult): Promise<void> }>>;
}

const isKey = (cell: string): boolean => /^[0-9a-f]{24}$/u.test(cell);

export class SweepPanels extends Owner implements vscode.CustomTextEditorProvider {
  private readonly hosts: WebviewHosts<ToSweepPanel, SweepHost>;

  constructor(private readonly parts: SweepPanelParts) {
    super();
    this.hosts = this.own(new WebviewHosts(parts.extension, { panel: 'sweep', title: 'Sweep' }));
    this.own(
      vscode.window.registerCustomEditorProvider(sweepEditor.viewType, this, {
        supportsMultipleEditorsPerDocument: true,
      }),
    );
  }

  resolveCustomTextEditor(document: vscode.TextDocument, panel: vscode.WebviewPanel): void {
    const process = new SweepProcess(this.parts.launch, document.uri.fsPath);
    const host = this.hosts.attach(panel, 'file', (send) => new SweepHost(this.services(document, process), send));
    const isThis = (one: vscode.TextDocument): boolean => one.uri.toString() === document.uri.toString();
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(folderOf(document.uri), '{results/*.json,submissions/*/submission.json}'),
    );
    let dirty = document.isDirty;
    const listeners = vscode.Disposable.from(
      watcher,
      ...[watcher.onDidCreate, watcher.onDidChange, watcher.onDidDelete].map((event) => event(() => host.changed())),
      vscode.workspace.onDidSaveTextDocument((saved) => void (isThis(saved) && host.refresh())),
      vscode.workspace.onDidChangeTextDocument(({ document: changed }) => {
        if (!isThis(changed) || changed.isDirty === dirty) return;
        dirty = changed.isDirty;
        void host.refresh();
      }),
    );
    panel.onDidDispose(() => {
      listeners.dispose();
    });
  }

  private services(document: vscode.TextDocument, process: SweepProcess): SweepServices {
    const { log } = this.parts;
    const { uri } = document;
    const inFolder = (...parts: readonly string[]): vscode.Uri => vscode.Uri.joinPath(folderOf(uri), ...parts);
    const resultOf = (cell: string): vscode.Uri => {
      if (!isKey(cell)) throw new Sentence('The sweep has no such cell. Refresh the panel.');
      return inFolder('results', `${cell}.json`);
    };
    return {
      name: sweepName(uri),
      mayRun,
      isUnsaved: () => document.isDirty,
      save: async () => document.save(),
      ask: (asked) => process.ask(asked),
      rest: () => process.end(),
      confirm: async (question, detail, action) => (await ask(question, detail, action)) === action,
      openText: async (line) => {
        await vscode.commands.executeCommand('vscode.openWith', uri, 'default');
        const editor = vscode.window.activeTextEditor;
        if (line === undefined || !editor) return;
        const place = new vscode.Position(line - 1, 0);
        editor.selection = new vscode.Selection(place, place);
        editor.revealRange(new vscode.Range(place, place));
      },
      openResult: async (cell) => {
        const file = resultOf(cell);
        const kind = await kindOf(file);
        const viewType = kind === undefined ? 'default' : resultKinds[kind].viewType;
        await vscode.commands.executeCommand('vscode.openWith', file, viewType);
      },
      openLog: async (cell) => {
        resultOf(cell);
        await vscode.commands.executeCommand('vscode.open', inFolder('logs', `${cell}.log`));
      },
      compare: (one, other) => this.compare(resultOf(one), resultOf(other)),
      ...fileServices(log),
    };
  }

  /** In the editor that compares results of their kind; as a text where there is none. */
  private async compare(one: vscode.Uri, other: vscode.Uri): Promise<void> {
    const kind = await kindOf(one);
    if (kind === undefined) {
      await vscode.commands.executeCommand('vscode.diff', one, other);
      return;
    }
    const second = await this.parts.library.readOf(kind, other);
    if (!isReadable(second)) throw new Sentence(`${second.name} cannot be compared.`);
    await this.parts.editors[kind].compare(one, second);
  }
}

async function kindOf(file: vscode.Uri): Promise<Kind | undefined> {
  const bytes = await Promise.resolve(vscode.workspace.fs.readFile(file)).catch(() => undefined);
  if (bytes === undefined) throw new Sentence('The result is no longer there. Run the cell again.');
  const parsed = parseJsonText(new TextDecoder().decode(bytes));
  return parsed.ok ? kindIn(fieldsIn(parsed.value)) : undefined;
}
