/**
 * The last runs of models in this workspace, whether saved or not: what a reloaded window shows again, and what a run with changed
 * heads can be compared with. Lies in the storage of the extension, never in a workspace folder.
 */
import * as vscode from 'vscode';
import { deleteKept } from './delete-file';
import { resultKinds, type Kind, type ReadResult, type SavedOf } from './result-kinds';
import { namesIn } from './result-library';
import { freeName, listedName } from './result-words';

/** More would be a second, unnamed list of results. */
const kept = 10;

export class RecentRuns<K extends Kind> {
  private readonly kind: K;
  private readonly folder: vscode.Uri;

  constructor(kind: K, storage: vscode.Uri) {
    this.kind = kind;
    this.folder = vscode.Uri.joinPath(storage, `recent-${kind}`);
  }

  async keep(saved: SavedOf<K>): Promise<void> {
    await vscode.workspace.fs.createDirectory(this.folder);
    const { fileName, listing, text } = resultKinds[this.kind];
    const { created } = listing(saved);
    // A run that more was asked of is the same run: its file is written again.
    const same = (await this.list()).find((one) => one.listing.created === created);
    const name = freeName(fileName(saved), new Set(await namesIn(this.folder)));
    const file = same?.uri ?? vscode.Uri.joinPath(this.folder, name);
    await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(text(saved)));
    const runs = await this.list();
    for (const { uri } of runs.slice(kept)) await deleteKept(uri, this.folder);
  }

  async latest(): Promise<SavedOf<K> | undefined> {
    return (await this.list())[0]?.saved;
  }

  /** Newest first, named by time, model and tokens. */
  async list(): Promise<readonly ReadResult<K>[]> {
    const { parse, listing } = resultKinds[this.kind];
    const runs = await Promise.all(
      (await namesIn(this.folder)).map(async (file) => {
        const uri = vscode.Uri.joinPath(this.folder, file);
        const parsed = parse(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)));
        if (!parsed.ok) return [];
        const listed = listing(parsed.result);
        return [{ uri, name: listedName(listed.created, listed.description), saved: parsed.result, listing: listed }];
      }),
    );
    return runs.flat().sort((a, b) => b.listing.created.localeCompare(a.listing.created));
  }
}
