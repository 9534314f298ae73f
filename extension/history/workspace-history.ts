/** The history of this workspace: where it lies, by the setting and by what the person has agreed to. */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { askOnce } from './ask-once';
import { takeOver } from './earlier-runs';
import { History } from './history';
import { HistoryFolder, type FolderParts } from './history-folder';
import type { ResultLibrary } from '../results/result-library';
import { onSettingChange, setting } from '../platform/settings';

export interface WorkspaceHistoryParts {
  /** Storage of the workspace, or of the extension where none is open. */
  readonly storage: vscode.Uri;
  /** Memory of the extension. */
  readonly memory: vscode.Memento;
  readonly library: ResultLibrary;
  readonly questionOf: (analysis: string) => string | undefined;
}

/** Where the history lies in a folder of the workspace. */
const inWorkspace = join('.headscope', 'history');

export function workspaceHistory({ storage, memory, library, questionOf }: WorkspaceHistoryParts): History {
  const known = new Map<string, HistoryFolder>();
  const folderAt = (path: string, mayWrite: boolean, holds: FolderParts['holds']): HistoryFolder => {
    const key = `${holds} ${String(mayWrite)} ${path}`;
    const folder = known.get(key) ?? new HistoryFolder({ path, mayWrite, holds, questionOf });
    known.set(key, folder);
    return folder;
  };
  const stored = (): HistoryFolder => folderAt(join(storage.fsPath, 'history'), true, 'own');
  const shared = (): readonly HistoryFolder[] =>
    workspaceFolders().map((folder) =>
      folderAt(join(folder, inWorkspace), vscode.workspace.isTrusted, isAgreed() ? 'agreed' : 'others'),
    );
  const history = new History({
    folders: () => [stored(), ...shared()],
    target: () => {
      const [first] = shared();
      return isAgreed() && first !== undefined ? first : stored();
    },
    bounds: () => ({
      results: setting('headscope.history.mostResults'),
      bytes: setting('headscope.history.mostMegabytes') * 1e6,
    }),
    share: async (fileName, text) => {
      if (!vscode.workspace.isTrusted)
        throw new Error('Nothing is written into a workspace that is not trusted. Trust it, then copy the result.');
      return (await library.addToWorkspace(fileName, new TextEncoder().encode(text))).fsPath;
    },
    prepare: () => takeOver(storage.fsPath, stored()),
  });
  const refresh = (): void => history.refresh();
  /** What this window has written itself is said already. */
  const onIndex = async (): Promise<void> => {
    const news = await Promise.all([stored(), ...shared()].map((folder) => folder.hasNews()));
    if (news.includes(true)) refresh();
  };
  history.follow(
    vscode.workspace.onDidChangeWorkspaceFolders(refresh),
    vscode.workspace.onDidGrantWorkspaceTrust(refresh),
    onSettingChange(['headscope.history.saveIn'], refresh),
    ...[storage.fsPath, ...workspaceFolders().map((folder) => join(folder, '.headscope'))].flatMap((folder) => {
      const watcher = vscode.workspace.createFileSystemWatcher(
        new vscode.RelativePattern(vscode.Uri.file(folder), 'history/index.jsonl'),
      );
      return [watcher, watcher.onDidCreate(onIndex), watcher.onDidChange(onIndex), watcher.onDidDelete(onIndex)];
    }),
    history.onChange(() => void askOnce(history, memory)),
  );
  return history;
}

const isAgreed = (): boolean => vscode.workspace.isTrusted && setting('headscope.history.saveIn') === 'workspace';

/** Those on this machine: a virtual workspace has no folder that could be locked against another window. */
const workspaceFolders = (): readonly string[] =>
  (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath);
