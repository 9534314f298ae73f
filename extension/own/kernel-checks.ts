/**
 * Kernel files of the workspace, checked whenever they are saved: what is wrong stands in Problems at its line, and a mechanism that
 * keeps all laws is timed beside the baseline, in the Kernels panel. A later save takes the place of a check that goes on.
 */
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { KernelCheck } from '../../protocol/compute/own-kernels';
import { kernelEnding, ownKernelName } from '../../protocol/inputs/kernel-file';
import type { KernelOfWorkspace } from '../../protocol/results/benchmark-schema';
import { realFolder } from '../models/real-folder';
import { isCancelled, isRestart, wordsOf, type Compute } from '../platform/compute';
import { defined } from '../platform/defined';
import { showFailure, type Log } from '../platform/log';
import { Owner } from '../platform/owner';
import { kernelProblems } from './kernel-problems';
import type { OwnFiles } from './own-files';
import { layTypes } from './types-folder';

interface KernelChecksParts {
  readonly compute: Pick<Compute, 'checkKernel'>;
  readonly ownFiles: OwnFiles;
  readonly types: () => string;
  readonly log: Log;
  /** The file keeps all laws: its series is measured anew. */
  readonly kept: (kernel: KernelOfWorkspace) => unknown;
}

/** One file: what is found of it, and the check that goes on. */
interface Checked {
  readonly problems: vscode.DiagnosticCollection;
  check?: { readonly abort: AbortController; readonly ended: Promise<void> };
  saves: number;
}

export class KernelChecks extends Owner {
  private readonly parts: KernelChecksParts;
  private readonly files = new Map<string, Checked>();

  constructor(parts: KernelChecksParts) {
    super();
    this.parts = parts;
    this.own(
      vscode.workspace.onDidSaveTextDocument(({ uri }) => {
        if (uri.scheme === 'file' && uri.path.endsWith(kernelEnding)) void this.saved(uri);
      }),
    );
    this.own(
      vscode.workspace.onDidDeleteFiles(({ files }) => {
        for (const { fsPath } of files) this.forget(fsPath);
      }),
    );
    this.own(
      vscode.workspace.onDidRenameFiles(({ files }) => {
        for (const { oldUri } of files) this.forget(oldUri.fsPath);
      }),
    );
  }

  override dispose(): void {
    for (const file of [...this.files.keys()]) this.forget(file);
    super.dispose();
  }

  private forget(file: string): void {
    const checked = this.files.get(file);
    checked?.check?.abort.abort();
    checked?.problems.dispose();
    this.files.delete(file);
  }

  private async saved(uri: vscode.Uri): Promise<void> {
    const folder = vscode.workspace.getWorkspaceFolder(uri);
    if (folder === undefined || !(await this.parts.ownFiles.ask())) return;
    const file = uri.fsPath;
    const checked = this.files.get(file) ?? {
      problems: vscode.languages.createDiagnosticCollection('headscope-kernel'),
      saves: 0,
    };
    this.files.set(file, checked);
    checked.saves += 1;
    const { saves } = checked;
    checked.check?.abort.abort();
    await checked.check?.ended;
    // A later save waits for the same end, and reads the file as it is then.
    if (saves !== checked.saves || this.files.get(file) !== checked) return;
    const abort = new AbortController();
    checked.check = { abort, ended: this.check(uri, folder.uri.fsPath, checked, abort.signal) };
  }

  private async check(uri: vscode.Uri, root: string, checked: Checked, signal: AbortSignal): Promise<void> {
    const { compute, kept, log } = this.parts;
    try {
      await this.renewTypes(uri.fsPath, root);
      const kernel = { id: ownKernelName(uri.fsPath), file: realFolder(uri.fsPath), root: realFolder(root) };
      const found = await compute.checkKernel({ kernel, parameters: {} }, signal, () => undefined);
      if (signal.aborted) return;
      this.show(uri, checked.problems, found);
      if (found.ok) kept(defined({ ...kernel, title: found.title }));
    } catch (error) {
      if (signal.aborted || isCancelled(error)) return;
      const { sentence, details } = wordsOf(error);
      const name = vscode.workspace.asRelativePath(uri);
      if (isRestart(error)) log.warn(`${name} was not checked: ${sentence}`);
      else showFailure(log, `${name} was not checked: ${sentence}`, details);
    }
  }

  /** Where the file names them: those of an earlier version, or none, as git leaves them out. */
  private async renewTypes(file: string, root: string): Promise<void> {
    const text = await readFile(file, 'utf8');
    if (!/^\/\/\/ <reference path="[^"]*\.headscope\/types\/headscope\.d\.ts"/mu.test(text)) return;
    await layTypes(root, this.parts.types()).catch((error: unknown) => this.parts.log.warn((error as Error).message));
  }

  private show(uri: vscode.Uri, problems: vscode.DiagnosticCollection, check: KernelCheck): void {
    problems.clear();
    const found = new Map<string, vscode.Diagnostic[]>();
    for (const { file, line, column = 1, law, sentence } of kernelProblems(check)) {
      // By the name that the editor has: the server follows links.
      const target = file === check.file ? uri.fsPath : file;
      const range = new vscode.Range(line - 1, column - 1, line - 1, Number.MAX_SAFE_INTEGER);
      const problem = new vscode.Diagnostic(range, sentence, vscode.DiagnosticSeverity.Error);
      problem.source = 'Headscope';
      problem.code = law;
      found.set(target, [...(found.get(target) ?? []), problem]);
    }
    for (const [file, list] of found) problems.set(vscode.Uri.file(file), list);
  }
}
