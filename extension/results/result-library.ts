/** The saved results that can be seen from here, and the one place that writes and renames them, or has them deleted. */
import * as vscode from 'vscode';
import { Owner } from '../platform/owner';
import { setting } from '../platform/settings';
import { WorkspaceFiles } from '../platform/workspace-files';
import type { Checked } from '../../protocol/schema/check';
import { deleteConfirmed } from './delete-file';
import {
  comparedKind,
  kindOf,
  kinds,
  resultKinds,
  type Kind,
  type Listing,
  type ReadResult,
  type SavedOf,
} from './result-kinds';
import { fileStem, freeName, holdsHistoryAlone, suffixOf, withoutSuffix } from './result-words';

interface SavedFile<K extends Kind> {
  readonly kind: K;
  readonly uri: vscode.Uri;
  readonly name: string;
  /** True in a workspace folder, false in the storage of the extension. */
  readonly inWorkspace: boolean;
  readonly content: Checked<SavedOf<K>>;
  /** Undefined where it cannot be read. */
  readonly listing: Listing | undefined;
}

export type SavedResult = { readonly [K in Kind]: SavedFile<K> }[Kind];

/** A saved result that could be read. */
export type ReadableResult = SavedResult & { readonly content: { readonly ok: true }; readonly listing: Listing };

export const isReadable = (saved: SavedResult): saved is ReadableResult => saved.content.ok;

const folderName = '.headscope';
const pattern = `**/*{${kinds.map((kind) => resultKinds[kind].suffix).join()}}`;
const mostFiles = 1000;
/** The history has its own list. */
const inHistory = '/.headscope/history/';
const excluded = '**/{node_modules,.git,.host,.headscope/history}/**';

export class ResultLibrary extends Owner {
  private readonly storage: vscode.Uri;
  private readonly changed = this.own(new vscode.EventEmitter<void>());
  private readonly inWorkspace: WorkspaceFiles;

  readonly onChange = this.changed.event;

  constructor(globalStorage: vscode.Uri) {
    super();
    this.storage = vscode.Uri.joinPath(globalStorage, 'results');
    this.inWorkspace = this.own(
      new WorkspaceFiles(
        { pattern, excluded, most: mostFiles, elsewhere: this.storage },
        ({ path }) => void (path.includes(inHistory) || this.refresh()),
      ),
    );
    this.own(vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh()));
  }

  refresh(): void {
    this.changed.fire();
  }

  /** Newest first; files that cannot be read are listed with the reason. */
  list(): Promise<readonly SavedResult[]> {
    return this.listWhere(() => true);
  }

  /** How many files there are; none of them is read. */
  async count(): Promise<number> {
    const { inside, outside } = await this.files();
    return inside.length + outside.length;
  }

  private async files(): Promise<Readonly<Record<'inside' | 'outside', readonly vscode.Uri[]>>> {
    const inside = await this.inWorkspace.find();
    const outside = (await namesIn(this.storage)).map((name) => vscode.Uri.joinPath(this.storage, name));
    return { inside, outside };
  }

  /** Files that are not wanted are not read. */
  private async listWhere(wanted: (uri: vscode.Uri) => boolean): Promise<readonly SavedResult[]> {
    const { inside, outside } = await this.files();
    const results = await Promise.all([
      ...inside.filter(wanted).map((uri) => this.read(uri, true)),
      ...outside.filter(wanted).map((uri) => this.read(uri, false)),
    ]);
    return results.sort((a, b) => createdOf(b).localeCompare(createdOf(a)) || a.name.localeCompare(b.name));
  }

  /** Also files of an earlier version that are read as results of this kind. */
  listOf(kind: Kind): Promise<readonly SavedResult[]> {
    return this.listWhere((uri) => {
      const own = kindOf(uri.path);
      return own !== undefined && comparedKind(own) === kind;
    });
  }

  /** Those of one kind that can be read. */
  async readable<K extends Kind>(kind: K): Promise<readonly ReadResult<K>[]> {
    const saved = (await this.listOf(kind)).filter(isReadable);
    return saved.map(({ content, ...file }) => ({ ...file, saved: content.result as SavedOf<K> }));
  }

  /** A file that says by its name no kind is read as a benchmark, which says what is wrong with it. */
  async read(
    uri: vscode.Uri,
    inWorkspace = vscode.workspace.getWorkspaceFolder(uri) !== undefined,
  ): Promise<SavedResult> {
    const kind = kindOf(uri.path) ?? 'benchmark';
    return this.readAs(kind, uri, inWorkspace) as Promise<SavedResult>;
  }

  /** A file that does not say its kind by its name. */
  async readOf(kind: Kind, uri: vscode.Uri): Promise<SavedResult> {
    return this.readAs(kind, uri, false) as Promise<SavedResult>;
  }

  private async readAs<K extends Kind>(kind: K, uri: vscode.Uri, inWorkspace: boolean): Promise<SavedFile<K>> {
    const row = resultKinds[kind];
    const content = await parsed(uri, (text) => row.parse(text));
    const listing = content.ok ? row.listing(content.result) : undefined;
    return { kind, uri, name: nameOf(uri), inWorkspace, content, listing };
  }

  /** Saves under a name made of the time and what it is of; never over another file. */
  async save<K extends Kind>(kind: K, saved: SavedOf<K>): Promise<vscode.Uri> {
    const row = resultKinds[kind];
    const { uri: config, folder: ofModel } = row.model(saved);
    const folder = await this.folder(ofModel === undefined ? config : vscode.Uri.file(ofModel).toString());
    await vscode.workspace.fs.createDirectory(folder);
    const name = freeName(row.fileName(saved), new Set(await namesIn(folder)));
    const uri = vscode.Uri.joinPath(folder, name);
    await this.write(uri, row.text(saved));
    return uri;
  }

  async write(uri: vscode.Uri, text: string): Promise<void> {
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
    await deleteConfirmed(uri);
    this.refresh();
  }

  async copyToWorkspace(uri: vscode.Uri): Promise<vscode.Uri> {
    return this.addToWorkspace(fileOf(uri), await vscode.workspace.fs.readFile(uri));
  }

  /** A file that git can hold; never over another. */
  async addToWorkspace(fileName: string, content: Uint8Array): Promise<vscode.Uri> {
    const root = vscode.workspace.workspaceFolders?.[0];
    if (root === undefined) throw new Error('No folder is open to copy the result to. Open a folder first.');
    const folder = vscode.Uri.joinPath(root.uri, folderName);
    await vscode.workspace.fs.createDirectory(folder);
    const name = freeName(fileName, new Set(await namesIn(folder)));
    const target = vscode.Uri.joinPath(folder, name);
    await vscode.workspace.fs.writeFile(target, content);
    this.refresh();
    return target;
  }

  /**
   * A run writes into a workspace only where someone asked for it: by the folder `.headscope`, or by the setting. The
   * folder is the one that holds the model, in a workspace of several.
   */
  private async folder(origin: string | undefined): Promise<vscode.Uri> {
    const where = setting('headscope.benchmark.saveIn');
    const root = this.workspaceOf(origin);
    if (where === 'storage' || root === undefined || !vscode.workspace.isTrusted) return this.storage;
    const folder = vscode.Uri.joinPath(root, folderName);
    return where === 'workspace' || (await isAskedFor(folder)) ? folder : this.storage;
  }

  private workspaceOf(origin: string | undefined): vscode.Uri | undefined {
    const folders = vscode.workspace.workspaceFolders ?? [];
    const holder = folders.find((folder) => origin?.startsWith(`${folder.uri.toString()}/`) === true);
    return (holder ?? folders[0])?.uri;
  }
}

const fileOf = (uri: vscode.Uri): string => uri.path.split('/').at(-1) ?? uri.path;
const nameOf = (uri: vscode.Uri): string => withoutSuffix(fileOf(uri));
/** The file of another name beside it, of the same kind. */
const sibling = (uri: vscode.Uri, stem: string): vscode.Uri =>
  vscode.Uri.joinPath(uri, '..', `${fileStem(stem)}${suffixOf(fileOf(uri))}`);

const createdOf = ({ listing }: SavedResult): string => listing?.created ?? '';

async function parsed<T>(uri: vscode.Uri, parse: (text: string) => Checked<T>): Promise<Checked<T>> {
  try {
    return parse(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)));
  } catch (error) {
    return { ok: false, why: `The file cannot be read: ${(error as Error).message}` };
  }
}

/** The saved results in a folder, by the names of their files. */
async function namesIn(folder: vscode.Uri): Promise<readonly string[]> {
  try {
    const entries = await vscode.workspace.fs.readDirectory(folder);
    return entries
      .filter(([name, type]) => type !== vscode.FileType.Directory && suffixOf(name) !== '')
      .map(([name]) => name);
  } catch {
    return [];
  }
}

/** A folder that holds the history alone was made by Headscope: nobody has asked for saved results in it. */
async function isAskedFor(folder: vscode.Uri): Promise<boolean> {
  try {
    return !holdsHistoryAlone((await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name));
  } catch {
    return false;
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
