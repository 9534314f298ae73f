/**
 * The last runs of models in this workspace, whether saved or not: what a reloaded window shows again, and what a run with changed
 * heads can be compared with. Lies in the storage of the extension, never in a workspace folder.
 */
import * as vscode from 'vscode';
import type { SavedHeads } from './heads-file';
import { headsText, parseHeads } from './heads-file';
import { headsFileName, headsDescription } from './heads-words';
import { freeName, suffixOf } from './result-words';

/** More would be a second, unnamed list of results. */
const kept = 10;

export interface RecentRun {
  /** Model, tokens and time. */
  readonly name: string;
  readonly saved: SavedHeads;
}

export class RecentHeads {
  readonly #folder: vscode.Uri;

  constructor(storage: vscode.Uri) {
    this.#folder = vscode.Uri.joinPath(storage, 'recent-heads');
  }

  async keep(saved: SavedHeads): Promise<void> {
    await vscode.workspace.fs.createDirectory(this.#folder);
    const names = await this.#names();
    const name = freeName(headsFileName(saved.result), new Set(names));
    const file = vscode.Uri.joinPath(this.#folder, name);
    await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(headsText(saved)));
    const runs = await this.list();
    for (const { uri } of runs.slice(kept)) await vscode.workspace.fs.delete(uri);
  }

  async latest(): Promise<SavedHeads | undefined> {
    return (await this.list())[0]?.saved;
  }

  /** Newest first. */
  async list(): Promise<readonly (RecentRun & { readonly uri: vscode.Uri })[]> {
    const runs = await Promise.all(
      (await this.#names()).map(async (name) => {
        const uri = vscode.Uri.joinPath(this.#folder, name);
        const parsed = parseHeads(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)));
        if (!parsed.ok) return [];
        const { result } = parsed.result;
        const time = new Date(result.created).toLocaleTimeString();
        return [{ name: `${headsDescription(result)}, ${time}`, saved: parsed.result, uri }];
      }),
    );
    return runs.flat().sort((a, b) => b.saved.result.created.localeCompare(a.saved.result.created));
  }

  async #names(): Promise<readonly string[]> {
    try {
      return (await vscode.workspace.fs.readDirectory(this.#folder))
        .map(([name]) => name)
        .filter((name) => suffixOf(name) !== '');
    } catch {
      return [];
    }
  }
}
