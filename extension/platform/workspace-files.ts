import { setTimeout } from 'node:timers/promises';
import * as vscode from 'vscode';
import { Owner } from './owner';

/** Milliseconds after a folder came: files are written into a new one. */
const quiet = 300;

interface Wanted {
  readonly pattern: string;
  readonly excluded: string;
  /** No more files are found. */
  readonly most: number;
  /** A folder outside the workspace that is watched for the pattern too, and not searched. */
  readonly elsewhere?: vscode.Uri;
}

/**
 * The files of a pattern in the workspace, which are watched from the first search on: `changed` gets the file that came, went or was
 * written, or the folder that came or went with such files. VS Code gives one event for a folder that is moved or deleted, and none for
 * the files in it.
 */
export class WorkspaceFiles extends Owner {
  private found: readonly vscode.Uri[] = [];
  private watching = false;

  constructor(
    private readonly wanted: Wanted,
    private readonly changed: (uri: vscode.Uri) => void,
  ) {
    super();
  }

  async find(): Promise<readonly vscode.Uri[]> {
    this.watch();
    const { pattern, excluded, most } = this.wanted;
    this.found = await vscode.workspace.findFiles(pattern, excluded, most);
    return this.found;
  }

  private watch(): void {
    if (this.watching || this.disposed) return;
    this.watching = true;
    const { pattern, elsewhere } = this.wanted;
    for (const watched of [pattern, ...(elsewhere ? [new vscode.RelativePattern(elsewhere, pattern)] : [])]) {
      const files = this.own(vscode.workspace.createFileSystemWatcher(watched));
      for (const event of [files.onDidCreate, files.onDidChange, files.onDidDelete]) this.own(event(this.changed));
    }
    const folders = this.own(vscode.workspace.createFileSystemWatcher('**', false, true));
    this.own(folders.onDidCreate((uri) => this.came(uri)));
    this.own(
      folders.onDidDelete((uri) => {
        if (this.found.some(({ path }) => path.startsWith(`${uri.path}/`))) this.changed(uri);
      }),
    );
  }

  private async came(uri: vscode.Uri): Promise<void> {
    const { type } = await Promise.resolve(vscode.workspace.fs.stat(uri)).catch(() => ({ type: 0 }));
    if ((type & vscode.FileType.Directory) === 0) return;
    await setTimeout(quiet);
    if (this.disposed) return;
    const { pattern, excluded } = this.wanted;
    const files = await vscode.workspace.findFiles(new vscode.RelativePattern(uri, pattern), excluded, 1);
    if (files.length > 0) this.changed(uri);
  }
}
