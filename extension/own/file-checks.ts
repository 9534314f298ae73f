/**
 * Files of a person's own, checked whenever they are saved: what is wrong stands in Problems at its line. A later save takes the place
 * of a check that goes on. What a file is, its ending says (own-kinds.ts).
 */
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { OwnFilePlace } from '../../protocol/inputs/own-file';
import { isCancelled, isRestart, wordsOf } from '../platform/compute';
import { showFailure, type Log } from '../platform/log';
import { Owner } from '../platform/owner';
import { mayRun } from '../platform/trust';
import { placeOf } from './place';
import type { OwnFiles } from './own-files';
import type { OwnProblem } from './problems';
import { layTypes } from './types-folder';

export interface FoundOfFile {
  readonly problems: readonly OwnProblem[];
  /** What is done once the problems are shown; absent: the file is at fault. */
  readonly kept?: () => unknown;
}

/** What is done with files of one ending. */
export interface OwnKind {
  readonly ending: string;
  check(place: OwnFilePlace, signal: AbortSignal): Promise<FoundOfFile>;
}

interface FileChecksParts {
  readonly kinds: readonly OwnKind[];
  readonly ownFiles: OwnFiles;
  readonly types: () => string;
  readonly log: Log;
  /** The file is gone, or has another name. */
  readonly gone: (file: string) => unknown;
}

/** One file: what is found of it, and the check that goes on. */
interface Checked {
  readonly problems: vscode.DiagnosticCollection;
  check?: { readonly abort: AbortController; readonly ended: Promise<FoundOfFile | undefined> };
  saves: number;
}

export class FileChecks extends Owner {
  private readonly parts: FileChecksParts;
  private readonly files = new Map<string, Checked>();

  constructor(parts: FileChecksParts) {
    super();
    this.parts = parts;
    for (const document of vscode.workspace.textDocuments) void this.opened(document);
    this.own(vscode.workspace.onDidOpenTextDocument((document) => void this.opened(document)));
    this.own(vscode.workspace.onDidSaveTextDocument(({ uri }) => void this.check(uri)));
    this.own(
      vscode.workspace.onDidDeleteFiles(({ files }) => {
        for (const uri of files) this.forget(uri);
      }),
    );
    this.own(
      vscode.workspace.onDidRenameFiles(({ files }) => {
        for (const { oldUri } of files) this.forget(oldUri);
      }),
    );
  }

  override dispose(): void {
    for (const file of [...this.files.keys()]) this.end(file);
    super.dispose();
  }

  /** What is found; undefined where nothing was run, or a later check took the place of this one. */
  async check(uri: vscode.Uri): Promise<FoundOfFile | undefined> {
    const kind = this.kindOf(uri);
    const folder = vscode.workspace.getWorkspaceFolder(uri);
    const place = placeOf(uri.fsPath);
    if (!kind || !folder || !place || !(await this.parts.ownFiles.ask())) return undefined;
    const file = uri.fsPath;
    const checked = this.files.get(file) ?? {
      problems: vscode.languages.createDiagnosticCollection('headscope-own-files'),
      saves: 0,
    };
    this.files.set(file, checked);
    checked.saves += 1;
    const { saves } = checked;
    checked.check?.abort.abort();
    await checked.check?.ended;
    // A later save waits for the same end, and reads the file as it is then.
    if (saves !== checked.saves || this.files.get(file) !== checked) return undefined;
    const abort = new AbortController();
    const ended = this.checked({ uri, root: folder.uri.fsPath, place }, kind, checked.problems, abort.signal);
    checked.check = { abort, ended };
    return ended;
  }

  /** Its types are there before its first save, also in a clone, as git leaves them out. */
  private async opened({ uri }: vscode.TextDocument): Promise<void> {
    const folder = this.kindOf(uri) && vscode.workspace.getWorkspaceFolder(uri);
    if (folder && mayRun() === true) await this.renewTypes(uri.fsPath, folder.uri.fsPath).catch(() => undefined);
  }

  private kindOf({ scheme, path }: vscode.Uri): OwnKind | undefined {
    return scheme === 'file' ? this.parts.kinds.find(({ ending }) => path.endsWith(ending)) : undefined;
  }

  private forget(uri: vscode.Uri): void {
    if (!this.kindOf(uri)) return;
    this.end(uri.fsPath);
    this.parts.gone(uri.fsPath);
  }

  private end(file: string): void {
    const checked = this.files.get(file);
    checked?.check?.abort.abort();
    checked?.problems.dispose();
    this.files.delete(file);
  }

  private async checked(
    { uri, root, place }: { readonly uri: vscode.Uri; readonly root: string; readonly place: OwnFilePlace },
    kind: OwnKind,
    problems: vscode.DiagnosticCollection,
    signal: AbortSignal,
  ): Promise<FoundOfFile | undefined> {
    const { log } = this.parts;
    try {
      await this.renewTypes(uri.fsPath, root);
      const found = await kind.check(place, signal);
      if (signal.aborted) return undefined;
      show(uri, place, problems, found.problems);
      await found.kept?.();
      return found;
    } catch (error) {
      if (signal.aborted || isCancelled(error)) return undefined;
      const { sentence, details } = wordsOf(error);
      const name = vscode.workspace.asRelativePath(uri);
      if (isRestart(error)) log.warn(`${name} was not checked: ${sentence}`);
      else showFailure(log, `${name} was not checked: ${sentence}`, details);
      return undefined;
    }
  }

  /** Where the file names them: those of an earlier version, or none, as git leaves them out. */
  private async renewTypes(file: string, root: string): Promise<void> {
    const text = await readFile(file, 'utf8');
    if (!/^\/\/\/ <reference path="[^"]*\.headscope\/types\/headscope\.d\.ts"/mu.test(text)) return;
    try {
      // TypeScript does not look again for a file that was missing when it read the reference (VS Code 1.139).
      if (await layTypes(root, this.parts.types())) await vscode.commands.executeCommand('typescript.reloadProjects');
    } catch (error) {
      this.parts.log.warn((error as Error).message);
    }
  }
}

function show(
  uri: vscode.Uri,
  place: OwnFilePlace,
  shown: vscode.DiagnosticCollection,
  problems: readonly OwnProblem[],
): void {
  shown.clear();
  const found = new Map<string, vscode.Diagnostic[]>();
  for (const { file, line, column = 1, law, sentence, note } of problems) {
    // By the name that the editor has: the server follows links.
    const target = file === place.file ? uri.fsPath : file;
    const range = new vscode.Range(line - 1, column - 1, line - 1, Number.MAX_SAFE_INTEGER);
    const problem = new vscode.Diagnostic(range, sentence, vscode.DiagnosticSeverity[note ? 'Information' : 'Error']);
    problem.source = 'Headscope';
    if (law !== undefined) problem.code = law;
    found.set(target, [...(found.get(target) ?? []), problem]);
  }
  for (const [file, list] of found) shown.set(vscode.Uri.file(file), list);
}
