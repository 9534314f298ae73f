/** The saved benchmarks that can be seen from here, and the one place that writes, renames and deletes them. */
import * as vscode from 'vscode';
import { benchmarkSuffix } from '../../protocol/contributions/views';
import type { BenchmarkResult } from '../../protocol/results/benchmark';
import { Owner } from '../platform/owner';
import { setting } from '../platform/settings';
import { benchmarkText, parseBenchmark } from './benchmark-file';
import { fileStem, freeName, resultFileName, withoutSuffix } from './result-words';

export interface SavedResult {
  readonly uri: vscode.Uri;
  readonly name: string;
  /** True in a workspace folder, false in the storage of the extension. */
  readonly inWorkspace: boolean;
  readonly content:
    { readonly ok: true; readonly result: BenchmarkResult } | { readonly ok: false; readonly why: string };
}

const folderName = '.headscope';
const mostFiles = 1000;
const excluded = '**/{node_modules,.git,.host}/**';

export class ResultLibrary extends Owner {
  readonly #storage: vscode.Uri;
  readonly #changed = this.own(new vscode.EventEmitter<void>());
  #watching = false;

  readonly onChange = this.#changed.event;

  constructor(globalStorage: vscode.Uri) {
    super();
    this.#storage = vscode.Uri.joinPath(globalStorage, 'results');
    this.own(vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh()));
  }

  refresh(): void {
    this.#changed.fire();
  }

  /** Newest first; files that are no benchmark are listed with the reason. */
  async list(): Promise<readonly SavedResult[]> {
    this.#watch();
    const inside = await vscode.workspace.findFiles(`**/*${benchmarkSuffix}`, excluded, mostFiles);
    const outside = (await this.#names(this.#storage)).map((name) => vscode.Uri.joinPath(this.#storage, name));
    const results = await Promise.all([
      ...inside.map((uri) => this.read(uri, true)),
      ...outside.map((uri) => this.read(uri, false)),
    ]);
    const created = (saved: SavedResult): string => (saved.content.ok ? saved.content.result.created : '');
    return results.sort((a, b) => created(b).localeCompare(created(a)) || a.name.localeCompare(b.name));
  }

  async read(
    uri: vscode.Uri,
    inWorkspace = vscode.workspace.getWorkspaceFolder(uri) !== undefined,
  ): Promise<SavedResult> {
    const name = nameOf(uri);
    try {
      const content = parseBenchmark(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)));
      return { uri, name, inWorkspace, content };
    } catch (error) {
      return {
        uri,
        name,
        inWorkspace,
        content: { ok: false, why: `The file cannot be read: ${(error as Error).message}` },
      };
    }
  }

  /** Saves under a name made of the model, the pattern and the time; never over another file. */
  async save(result: BenchmarkResult): Promise<vscode.Uri> {
    const folder = await this.#folder(result);
    await vscode.workspace.fs.createDirectory(folder);
    const name = freeName(resultFileName(result), new Set(await this.#names(folder)));
    const uri = vscode.Uri.joinPath(folder, name);
    await this.write(uri, result);
    return uri;
  }

  async write(uri: vscode.Uri, result: BenchmarkResult): Promise<void> {
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(benchmarkText(result)));
    this.refresh();
  }

  /** Returns the new place; throws one sentence when the name is taken. */
  async rename(uri: vscode.Uri, stem: string): Promise<vscode.Uri> {
    const target = vscode.Uri.joinPath(uri, '..', `${fileStem(stem)}${benchmarkSuffix}`);
    if (target.toString() === uri.toString()) return uri;
    // As an edit, so that an open editor follows and Undo works.
    const edit = new vscode.WorkspaceEdit();
    edit.renameFile(uri, target, { overwrite: false });
    if (!(await vscode.workspace.applyEdit(edit))) {
      throw new Error(
        `"${nameOf(target)}" could not be given as a name: a file of that name exists, or the folder cannot be written.`,
      );
    }
    this.refresh();
    return target;
  }

  /** True when a file of that name lies beside it. */
  async taken(uri: vscode.Uri, stem: string): Promise<boolean> {
    const target = vscode.Uri.joinPath(uri, '..', `${fileStem(stem)}${benchmarkSuffix}`);
    return target.toString() !== uri.toString() && (await exists(target));
  }

  async delete(uri: vscode.Uri): Promise<void> {
    try {
      await vscode.workspace.fs.delete(uri, { useTrash: true });
    } catch {
      // No trash on this file system; the person has confirmed the deletion.
      await vscode.workspace.fs.delete(uri);
    }
    this.refresh();
  }

  async copyToWorkspace(uri: vscode.Uri): Promise<vscode.Uri> {
    const root = vscode.workspace.workspaceFolders?.[0];
    if (root === undefined) throw new Error('No folder is open to copy the result to. Open a folder first.');
    const folder = vscode.Uri.joinPath(root.uri, folderName);
    await vscode.workspace.fs.createDirectory(folder);
    const name = freeName(`${nameOf(uri)}${benchmarkSuffix}`, new Set(await this.#names(folder)));
    const target = vscode.Uri.joinPath(folder, name);
    await vscode.workspace.fs.copy(uri, target, { overwrite: false });
    this.refresh();
    return target;
  }

  /**
   * A benchmark writes into a workspace only where someone asked for it: by the folder `.headscope`, or by the setting. The
   * folder is the one that holds the model, in a workspace of several.
   */
  async #folder(result: BenchmarkResult): Promise<vscode.Uri> {
    const where = setting('headscope.benchmark.saveIn');
    const root = this.#workspaceOf(result.plan.origin);
    if (where === 'storage' || root === undefined || !vscode.workspace.isTrusted) return this.#storage;
    const folder = vscode.Uri.joinPath(root, folderName);
    return where === 'workspace' || (await exists(folder)) ? folder : this.#storage;
  }

  #workspaceOf(origin: string | undefined): vscode.Uri | undefined {
    const folders = vscode.workspace.workspaceFolders ?? [];
    const holder = folders.find((folder) => origin?.startsWith(`${folder.uri.toString()}/`) === true);
    return (holder ?? folders[0])?.uri;
  }

  async #names(folder: vscode.Uri): Promise<readonly string[]> {
    try {
      const entries = await vscode.workspace.fs.readDirectory(folder);
      return entries
        .filter(([name, type]) => type !== vscode.FileType.Directory && name.endsWith(benchmarkSuffix))
        .map(([name]) => name);
    } catch {
      return [];
    }
  }

  #watch(): void {
    if (this.#watching || this.disposed) return;
    this.#watching = true;
    const patterns = [`**/*${benchmarkSuffix}`, new vscode.RelativePattern(this.#storage, `*${benchmarkSuffix}`)];
    for (const pattern of patterns) {
      const watcher = this.own(vscode.workspace.createFileSystemWatcher(pattern));
      for (const event of [watcher.onDidCreate, watcher.onDidChange, watcher.onDidDelete]) {
        this.own(event(() => this.refresh()));
      }
    }
  }
}

const nameOf = (uri: vscode.Uri): string => withoutSuffix(uri.path.split('/').at(-1) ?? uri.path);

async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    return false;
  }
}
