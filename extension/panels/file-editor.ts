/** The editor of saved results of one kind: its panel on the text of the document, which stays text for git, for Undo and for Save. */
import * as vscode from 'vscode';
import { analysisSuffix } from '../../protocol/contributions/views';
import { Owner } from '../platform/owner';
import { isEarlier, resultKinds, type ComparedOf, type Kind, type SavedOf } from '../results/result-kinds';
import type { ReadableResult } from '../results/result-library';
import { withoutSuffix } from '../results/result-words';
import { changeWhenSaved } from '../results/saved-again';
import type { DocumentFile } from './panel-types';
import { textChange } from './text-change';

/** A panel that shows files of a kind. */
interface FilePanel<K extends Kind, Host> {
  attachFile(editor: vscode.WebviewPanel, file: DocumentFile<SavedOf<K>>): Host;
}

export interface FileHostOf<K extends Kind> {
  refresh(): Promise<void>;
  compareWith(other: ComparedOf<K>): Promise<void>;
}

export class FileEditor<K extends Kind, Host extends FileHostOf<K>>
  extends Owner
  implements vscode.CustomTextEditorProvider
{
  private readonly kind: K;
  private readonly panel: FilePanel<K, Host>;
  private readonly open = new Map<string, Set<Host>>();
  /** A comparison that was asked for before its editor was there. */
  private readonly awaited = new Map<string, ComparedOf<K>>();

  constructor(kind: K, panel: FilePanel<K, Host>) {
    super();
    this.kind = kind;
    this.panel = panel;
    const { viewType } = resultKinds[kind];
    this.own(vscode.window.registerCustomEditorProvider(viewType, this, { supportsMultipleEditorsPerDocument: true }));
  }

  async resolveCustomTextEditor(document: vscode.TextDocument, panel: vscode.WebviewPanel): Promise<void> {
    const key = document.uri.toString();
    const host = this.panel.attachFile(panel, {
      name: withoutSuffix(document.uri.path.split('/').at(-1) ?? ''),
      uri: key,
      read: () => resultKinds[this.kind].parse(document.getText()),
      ...(isEarlier(this.kind) ? { earlier: earlierWords } : {}),
      changeWhenSaved: () => changeWhenSaved(this.kind, document.getText()),
      write: (text) => replaceText(document, text),
    });
    const awaited = this.awaited.get(key);
    this.awaited.delete(key);
    if (awaited !== undefined) await host.compareWith(awaited);

    const hosts = this.open.get(key) ?? new Set();
    this.open.set(key, hosts.add(host));
    const change = vscode.workspace.onDidChangeTextDocument((event) => {
      if (event.document.uri.toString() === key && event.contentChanges.length > 0) void host.refresh();
    });
    panel.onDidDispose(() => {
      change.dispose();
      hosts.delete(host);
    });
  }

  /** `other` is of the same kind. */
  async compare(uri: vscode.Uri, { name, content }: ReadableResult): Promise<void> {
    const key = uri.toString();
    const { viewType } = resultKinds[this.kind];
    const other = { name, result: content.result as SavedOf<K> };
    const open = [...(this.open.get(key) ?? [])];
    if (open.length === 0) this.awaited.set(key, other);
    await vscode.commands.executeCommand('vscode.openWith', uri, viewType);
    for (const host of open) await host.compareWith(other);
  }
}

const earlierWords = `This file was written by an earlier version of Headscope. Save writes a copy in today's form (*${analysisSuffix}); the file itself stays as it is.`;

/** Only what differs is replaced, so that a text editor beside it keeps its place. */
export async function replaceText(document: vscode.TextDocument, text: string): Promise<void> {
  const before = document.getText();
  const lines = document.eol === vscode.EndOfLine.CRLF ? text.replaceAll('\n', '\r\n') : text;
  const { start, end, replacement } = textChange(before, lines);
  if (start === end && replacement === '') return;
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(document.positionAt(start), document.positionAt(end)), replacement);
  if (!(await vscode.workspace.applyEdit(edit))) throw new Error('The file cannot be changed: it is read only.');
}
