/** What leaves a panel: files by a save dialog, text by the clipboard, links by the browser. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { showInformation } from '../platform/notify';
import { fileStem, withoutSuffix } from '../results/result-words';
import { exportBytes } from './export-bytes';
import type { ExportRequest } from './panel-types';

const filters: Readonly<Record<ExportRequest['format'], string>> = {
  png: 'PNG image',
  svg: 'SVG image',
  csv: 'Comma-separated values',
  json: 'JSON',
  html: 'Web page',
};

/** Where a save dialog starts: the workspace, else the home folder. */
export const startingFolder = (): vscode.Uri =>
  vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(homedir());

/** Where a result lies, short enough for a line: the path in the workspace, else the name. */
export function placeOf(uri: vscode.Uri): string {
  if (vscode.workspace.getWorkspaceFolder(uri) !== undefined) return vscode.workspace.asRelativePath(uri);
  return withoutSuffix(uri.path.split('/').at(-1) ?? '');
}

/** For the panel that asked: the message of VS Code goes away by itself. */
export type OnWritten = (sentence: string) => void;

export async function saveExport(request: ExportRequest, onWritten?: OnWritten): Promise<void> {
  const suffix = `.${request.format}`;
  const stem = request.name.endsWith(suffix) ? request.name.slice(0, -suffix.length) : request.name;
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(startingFolder(), `${fileStem(stem)}${suffix}`),
    filters: { [filters[request.format]]: [request.format] },
    title: 'Export',
  });
  if (target === undefined) return;
  await written(target, exportBytes(request.data), onWritten);
}

/** Writes a file that the person named, and offers to open it. */
export async function written(target: vscode.Uri, content: string | Uint8Array, onWritten?: OnWritten): Promise<void> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  await vscode.workspace.fs.writeFile(target, bytes);
  const sentence = `Saved ${vscode.workspace.asRelativePath(target)}.`;
  onWritten?.(sentence);
  const choice = showInformation(sentence, 'Open');
  if ((await choice) !== undefined) await vscode.commands.executeCommand('vscode.open', target);
}

/** The sources of mechanisms are pages of papers and code: nothing else is opened. */
export async function openLink(url: string): Promise<void> {
  const uri = vscode.Uri.parse(url, true);
  if (uri.scheme !== 'https') throw new Error(`"${url}" is not opened: only https links are.`);
  await vscode.env.openExternal(uri);
}
