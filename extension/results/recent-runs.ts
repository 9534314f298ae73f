/**
 * The last runs of models in this workspace, whether saved or not: what a reloaded window shows again, and what a run with changed
 * heads can be compared with. Lies in the storage of the extension, never in a workspace folder.
 */
import * as vscode from 'vscode';
import type { Checked } from '../../protocol/schema/check';
import { hallucinationText, parseHallucination, type SavedHallucination } from './hallucination-file';
import { hallucinationDescription, hallucinationFileName } from './hallucination-words';
import type { SavedHeads } from './heads-file';
import { headsText, parseHeads } from './heads-file';
import { headsFileName, headsDescription } from './heads-words';
import { freeName, listedName, suffixOf } from './result-words';

/** More would be a second, unnamed list of results. */
const kept = 10;

export interface RecentRun<Saved> {
  /** Time, model and tokens. */
  readonly name: string;
  readonly saved: Saved;
}

interface Format<Saved> {
  /** Below the storage of the extension. */
  readonly folder: string;
  readonly text: (saved: Saved) => string;
  readonly parse: (text: string) => Checked<Saved>;
  readonly fileName: (saved: Saved) => string;
  readonly describe: (saved: Saved) => string;
  readonly created: (saved: Saved) => string;
}

export class RecentRuns<Saved> {
  readonly #folder: vscode.Uri;
  readonly #format: Format<Saved>;

  constructor(storage: vscode.Uri, format: Format<Saved>) {
    this.#folder = vscode.Uri.joinPath(storage, format.folder);
    this.#format = format;
  }

  async keep(saved: Saved): Promise<void> {
    await vscode.workspace.fs.createDirectory(this.#folder);
    const { fileName, created } = this.#format;
    // A run that more was asked of is the same run: its file is written again.
    const same = (await this.list()).find((one) => created(one.saved) === created(saved));
    const name = freeName(fileName(saved), new Set(await this.#names()));
    const file = same?.uri ?? vscode.Uri.joinPath(this.#folder, name);
    await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(this.#format.text(saved)));
    const runs = await this.list();
    for (const { uri } of runs.slice(kept)) await vscode.workspace.fs.delete(uri);
  }

  async latest(): Promise<Saved | undefined> {
    return (await this.list())[0]?.saved;
  }

  /** Newest first. */
  async list(): Promise<readonly (RecentRun<Saved> & { readonly uri: vscode.Uri })[]> {
    const { parse, describe, created } = this.#format;
    const runs = await Promise.all(
      (await this.#names()).map(async (name) => {
        const uri = vscode.Uri.joinPath(this.#folder, name);
        const parsed = parse(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)));
        if (!parsed.ok) return [];
        const words = listedName(created(parsed.result), describe(parsed.result));
        return [{ name: words, saved: parsed.result, uri }];
      }),
    );
    return runs.flat().sort((a, b) => created(b.saved).localeCompare(created(a.saved)));
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

export type RecentHeads = RecentRuns<SavedHeads>;

export const recentHeads = (storage: vscode.Uri): RecentHeads =>
  new RecentRuns<SavedHeads>(storage, {
    folder: 'recent-heads',
    text: headsText,
    parse: parseHeads,
    fileName: ({ result }) => headsFileName(result),
    describe: ({ result }) => headsDescription(result),
    created: ({ result }) => result.created,
  });

export type RecentHallucination = RecentRuns<SavedHallucination>;

export const recentHallucination = (storage: vscode.Uri): RecentHallucination =>
  new RecentRuns<SavedHallucination>(storage, {
    folder: 'recent-hallucination',
    text: hallucinationText,
    parse: parseHallucination,
    fileName: hallucinationFileName,
    describe: hallucinationDescription,
    created: ({ created }) => created,
  });
