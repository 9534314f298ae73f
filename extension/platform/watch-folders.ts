import * as vscode from 'vscode';

/** Milliseconds after a folder came: files are written into a new one. */
const quiet = 300;

/**
 * Calls `changed` for a folder that comes with a file of `pattern`, or goes with one of `known`: VS Code gives one event for a folder
 * that is moved or deleted, and none for the files in it.
 */
export function watchFolders(
  pattern: string,
  excluded: string,
  known: () => readonly vscode.Uri[],
  changed: () => void,
): vscode.Disposable {
  const watcher = vscode.workspace.createFileSystemWatcher('**', false, true);
  const timers = new Set<NodeJS.Timeout>();
  const came = async (folder: vscode.Uri): Promise<void> => {
    const found = await vscode.workspace.findFiles(new vscode.RelativePattern(folder, pattern), excluded, 1);
    if (found.length > 0) changed();
  };
  return vscode.Disposable.from(
    watcher,
    watcher.onDidCreate(async (uri) => {
      const { type } = await Promise.resolve(vscode.workspace.fs.stat(uri)).catch(() => ({ type: 0 }));
      if ((type & vscode.FileType.Directory) === 0) return;
      const timer = setTimeout(() => {
        timers.delete(timer);
        void came(uri);
      }, quiet);
      timers.add(timer);
    }),
    watcher.onDidDelete((uri) => {
      if (known().some((file) => file.path.startsWith(`${uri.path}/`))) changed();
    }),
    { dispose: () => timers.forEach((timer) => clearTimeout(timer)) },
  );
}
