/** Where the code of a file of the workspace lies, as the compute server names it. */
import * as vscode from 'vscode';
import type { OwnFilePlace } from '../../protocol/inputs/own-file';
import { realFolder } from '../models/real-folder';

/** Undefined where the file is in no folder of the workspace. */
export function placeOf(file: string): OwnFilePlace | undefined {
  const root = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file))?.uri.fsPath;
  return root === undefined ? undefined : { file: realFolder(file), root: realFolder(root) };
}
