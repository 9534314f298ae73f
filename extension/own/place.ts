/** Where the code of files of the workspace lies, as the compute server names it. */
import { posix } from 'node:path';
import * as vscode from 'vscode';
import { analysisEnding, taskEnding, type OwnFilePlace } from '../../protocol/inputs/own-file';
import { realFolder } from '../models/real-folder';

/** Undefined where the file is in no folder of the workspace. */
export function placeOf(file: string): OwnFilePlace | undefined {
  const root = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file))?.uri.fsPath;
  return root === undefined ? undefined : { file: realFolder(file), root: realFolder(root) };
}

/** Files of the workspace with this name, outside of packages. */
export async function filesNamed(name: string): Promise<readonly string[]> {
  // A name may hold what a pattern takes for another thing: the endings are searched for.
  const found = await vscode.workspace.findFiles(`**/*{${analysisEnding},${taskEnding}}`, '**/node_modules/**', 1000);
  return found
    .filter(({ scheme, path }) => scheme === 'file' && posix.basename(path) === name)
    .map(({ fsPath }) => fsPath);
}
