/** What leaves a panel: files by a save dialog, text by the clipboard, links by the browser. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { showInformation } from '../platform/notify';
import { fileStem, withoutSuffix } from '../results/result-words';
import { exportBytes } from './export-bytes';
import type { ExportRequest } from './panel-types';

const types: Readonly<Record<ExportRequest['format'], string>> = {
  png: 'PNG image',
  svg: 'SVG image',
  csv: 'Comma-separated values',
  json: 'JSON',
  html: 'Web page',
  npz: 'NumPy arrays',
  safetensors: 'Safetensors',
  arrow: 'Arrow (Feather)',
  zip: 'Archive of Arrow files',
};

/** Where a result lies, short enough for a line: the path in the workspace, else the name. */
export function placeOf(uri: vscode.Uri): string {
  if (vscode.workspace.getWorkspaceFolder(uri) !== undefined) return vscode.workspace.asRelativePath(uri);
  return withoutSuffix(uri.path.split('/').at(-1) ?? '');
}

/** For the panel that asked: the message of VS Code goes away by itself. */
export type OnWritten = (sentence: string) => void;

interface NewFile {
  readonly name: string;
  /** What the dialog calls it, and its endings. */
  readonly type: string;
  readonly endings: readonly string[];
  readonly title: string;
}

/** A virtual workspace has no folder on a disk. */
const firstFolder = (): vscode.Uri =>
  vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file')?.uri ?? vscode.Uri.file(homedir());

/** Asks where to, in `folder`, in the workspace, else in the home folder; undefined when the person cancels. */
export const askWhere = (
  { name, type, endings, title }: NewFile,
  folder = firstFolder(),
): Thenable<vscode.Uri | undefined> =>
  vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(folder, name),
    filters: { [type]: [...endings] },
    title,
  });

/** Writes a file where the person wants it, and offers to open it. */
export async function saveFile(file: NewFile, content: string | Uint8Array, onWritten?: OnWritten): Promise<void> {
  const target = await askWhere(file);
  if (target === undefined) return;
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  await vscode.workspace.fs.writeFile(target, bytes);
  const sentence = `Saved ${vscode.workspace.asRelativePath(target)}.`;
  onWritten?.(sentence);
  const choice = showInformation(sentence, 'Open');
  if ((await choice) !== undefined) await vscode.commands.executeCommand('vscode.open', target);
}

export function saveExport({ format, name, data }: ExportRequest, onWritten?: OnWritten): Promise<void> {
  const suffix = `.${format}`;
  const stem = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  const file = { name: `${fileStem(stem)}${suffix}`, type: types[format], endings: [format], title: 'Export' };
  return saveFile(file, exportBytes(data), onWritten);
}

/** The sources of mechanisms are pages of papers and code: nothing else is opened. */
export async function openLink(url: string): Promise<void> {
  const uri = vscode.Uri.parse(url, true);
  if (uri.scheme !== 'https') throw new Error(`"${url}" is not opened: only https links are.`);
  await vscode.env.openExternal(uri);
}
