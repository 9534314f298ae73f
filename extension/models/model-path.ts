/** How a request names a model: by its folder, or by its file if it is a single file (GGUF). */
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { isGguf } from './model-names';
import { realFolder } from './real-folder';

/** `file` is the config of the model, or the model itself. */
export const modelPath = (file: vscode.Uri): string =>
  isGguf(file.path) ? file.fsPath : realFolder(dirname(file.fsPath));

/** The file that describes a model, from the path by which a request names it. */
export const fileOfModel = (path: string): vscode.Uri => vscode.Uri.file(isGguf(path) ? path : `${path}/config.json`);
