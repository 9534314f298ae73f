/** The editors of files of one kind in this window, where no panel beside them shows the same. */
import * as vscode from 'vscode';
import { showFailure, type Log } from '../platform/log';
import { mayRun } from '../platform/trust';
import { chooseResult } from '../results/choose-result';
import type { Kind, SavedOf } from '../results/result-kinds';
import type { ResultLibrary } from '../results/result-library';
import { saveExport } from './exports';
import { FileEditor, type FileHostOf } from './file-editor';
import type { EditedFileServices, FileHostServices } from './file-host';
import type { DocumentFile } from './panel-types';
import { WebviewHosts, type PanelPage, type WebviewHost } from './webview-hosts';

export class SavedFiles<K extends Kind, Host extends WebviewHost & FileHostOf<K>> extends FileEditor<K, Host> {
  constructor(
    extension: vscode.Uri,
    kind: K,
    page: PanelPage,
    make: (file: DocumentFile<SavedOf<K>>, send: (message: unknown) => void) => Host,
  ) {
    const hosts = new WebviewHosts<unknown, Host>(extension, page);
    super(kind, { attachFile: (editor, file) => hosts.attach(editor, 'file', (send) => make(file, send)) });
    this.own(hosts);
  }
}

export const fileServices = (log: Log): FileHostServices => ({
  export: saveExport,
  copy: async (text) => vscode.env.clipboard.writeText(text),
  report: (sentence, details) => showFailure(log, sentence, details),
});

export const execute = async (command: string, ...args: readonly unknown[]): Promise<void> => {
  await vscode.commands.executeCommand(command, ...args);
};

/** What an editor that changes a file needs of VS Code. */
export const editedFileServices = <K extends 'plan' | 'circuit'>(
  kind: K,
  { library, log }: { readonly library: ResultLibrary; readonly log: Log },
  { uri }: DocumentFile<SavedOf<K>>,
): EditedFileServices<SavedOf<K>> => ({
  ...fileServices(log),
  mayRun,
  undo: () => execute('undo'),
  redo: () => execute('redo'),
  openText: () => execute('vscode.openWith', vscode.Uri.parse(uri, true), 'default'),
  chooseOther: async () => {
    const files = await library.listOf(kind);
    const chosen = await chooseResult(files, 'Compare with', (other) => other.uri.toString() !== uri);
    return chosen && { name: chosen.name, result: chosen.content.result as SavedOf<K> };
  },
});
