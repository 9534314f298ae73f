/** The saved results that can be seen from here, and the one place that writes, renames and deletes them. */
import * as vscode from 'vscode';
import { benchmarkSuffix, hallucinationSuffix, headsSuffix } from '../../protocol/contributions/views';
import type { BenchmarkResult } from '../../protocol/results/benchmark';
import type { Checked } from '../../protocol/schema/check';
import { Owner } from '../platform/owner';
import { setting } from '../platform/settings';
import { benchmarkText, parseBenchmark } from './benchmark-file';
import { hallucinationText, parseHallucination, type SavedHallucination } from './hallucination-file';
import { hallucinationFileName } from './hallucination-words';
import type { SavedHeads } from './heads-file';
import { headsText, parseHeads } from './heads-file';
import { headsFileName } from './heads-words';
import { fileStem, freeName, resultFileName, suffixOf, withoutSuffix } from './result-words';

interface Saved<Kind extends string, Content> {
  readonly kind: Kind;
  readonly uri: vscode.Uri;
  readonly name: string;
  /** True in a workspace folder, false in the storage of the extension. */
  readonly inWorkspace: boolean;
  readonly content: Checked<Content>;
}

export type SavedBenchmarkFile = Saved<'benchmark', BenchmarkResult>;
export type SavedHeadsFile = Saved<'heads', SavedHeads>;
export type SavedHallucinationFile = Saved<'hallucination', SavedHallucination>;
export type SavedResult = SavedBenchmarkFile | SavedHeadsFile | SavedHallucinationFile;

const folderName = '.headscope';
const pattern = `**/*{${benchmarkSuffix},${headsSuffix},${hallucinationSuffix}}`;
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

  /** Newest first; files that cannot be read are listed with the reason. */
  async list(): Promise<readonly SavedResult[]> {
    this.#watch();
    const inside = await vscode.workspace.findFiles(pattern, excluded, mostFiles);
    const outside = (await this.#names(this.#storage)).map((name) => vscode.Uri.joinPath(this.#storage, name));
    const results = await Promise.all([
      ...inside.map((uri) => this.read(uri, true)),
      ...outside.map((uri) => this.read(uri, false)),
    ]);
    return results.sort((a, b) => createdOf(b).localeCompare(createdOf(a)) || a.name.localeCompare(b.name));
  }

  async benchmarks(): Promise<readonly SavedBenchmarkFile[]> {
    return (await this.list()).filter((saved): saved is SavedBenchmarkFile => saved.kind === 'benchmark');
  }

  async heads(): Promise<readonly SavedHeadsFile[]> {
    return (await this.list()).filter((saved): saved is SavedHeadsFile => saved.kind === 'heads');
  }

  async hallucination(): Promise<readonly SavedHallucinationFile[]> {
    return (await this.list()).filter((saved): saved is SavedHallucinationFile => saved.kind === 'hallucination');
  }

  async read(
    uri: vscode.Uri,
    inWorkspace = vscode.workspace.getWorkspaceFolder(uri) !== undefined,
  ): Promise<SavedResult> {
    const place = { uri, name: nameOf(uri), inWorkspace };
    if (uri.path.endsWith(headsSuffix)) return { kind: 'heads', ...place, content: await parsed(uri, parseHeads) };
    if (uri.path.endsWith(hallucinationSuffix))
      return { kind: 'hallucination', ...place, content: await parsed(uri, parseHallucination) };
    return { kind: 'benchmark', ...place, content: await parsed(uri, parseBenchmark) };
  }

  /** Saves under a name made of the time, the model and the pattern; never over another file. */
  save(result: BenchmarkResult): Promise<vscode.Uri> {
    return this.#saveNew(resultFileName(result), benchmarkText(result), result.plan.origin);
  }

  saveHeads(saved: SavedHeads): Promise<vscode.Uri> {
    const origin = vscode.Uri.file(saved.result.model.folder).toString();
    return this.#saveNew(headsFileName(saved.result), headsText(saved), origin);
  }

  saveHallucination(saved: SavedHallucination): Promise<vscode.Uri> {
    const origin = vscode.Uri.file(saved.model.folder).toString();
    return this.#saveNew(hallucinationFileName(saved), hallucinationText(saved), origin);
  }

  async write(uri: vscode.Uri, result: BenchmarkResult): Promise<void> {
    await this.#write(uri, benchmarkText(result));
  }

  async #saveNew(fileName: string, text: string, origin: string | undefined): Promise<vscode.Uri> {
    const folder = await this.#folder(origin);
    await vscode.workspace.fs.createDirectory(folder);
    const name = freeName(fileName, new Set(await this.#names(folder)));
    const uri = vscode.Uri.joinPath(folder, name);
    await this.#write(uri, text);
    return uri;
  }

  async #write(uri: vscode.Uri, text: string): Promise<void> {
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
    this.refresh();
  }

  /** Returns the new place; throws one sentence when the name is taken. */
  async rename(uri: vscode.Uri, stem: string): Promise<vscode.Uri> {
    const target = sibling(uri, stem);
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
    const target = sibling(uri, stem);
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
    const name = freeName(fileOf(uri), new Set(await this.#names(folder)));
    const target = vscode.Uri.joinPath(folder, name);
    await vscode.workspace.fs.copy(uri, target, { overwrite: false });
    this.refresh();
    return target;
  }

  /**
   * A run writes into a workspace only where someone asked for it: by the folder `.headscope`, or by the setting. The
   * folder is the one that holds the model, in a workspace of several.
   */
  async #folder(origin: string | undefined): Promise<vscode.Uri> {
    const where = setting('headscope.benchmark.saveIn');
    const root = this.#workspaceOf(origin);
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
        .filter(([name, type]) => type !== vscode.FileType.Directory && suffixOf(name) !== '')
        .map(([name]) => name);
    } catch {
      return [];
    }
  }

  #watch(): void {
    if (this.#watching || this.disposed) return;
    this.#watching = true;
    for (const watched of [pattern, new vscode.RelativePattern(this.#storage, pattern)]) {
      const watcher = this.own(vscode.workspace.createFileSystemWatcher(watched));
      for (const event of [watcher.onDidCreate, watcher.onDidChange, watcher.onDidDelete]) {
        this.own(event(() => this.refresh()));
      }
    }
  }
}

const fileOf = (uri: vscode.Uri): string => uri.path.split('/').at(-1) ?? uri.path;
const nameOf = (uri: vscode.Uri): string => withoutSuffix(fileOf(uri));
/** The file of another name beside it, of the same kind. */
const sibling = (uri: vscode.Uri, stem: string): vscode.Uri =>
  vscode.Uri.joinPath(uri, '..', `${fileStem(stem)}${suffixOf(fileOf(uri))}`);

/** When it was made, as ISO time; empty where the file cannot be read. */
export function createdOf(saved: SavedResult): string {
  if (!saved.content.ok) return '';
  return saved.kind === 'heads' ? saved.content.result.result.created : saved.content.result.created;
}

async function parsed<T>(uri: vscode.Uri, parse: (text: string) => Checked<T>): Promise<Checked<T>> {
  try {
    return parse(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)));
  } catch (error) {
    return { ok: false, why: `The file cannot be read: ${(error as Error).message}` };
  }
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(uri);
    return true;
  } catch {
    return false;
  }
}
