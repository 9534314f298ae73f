/** Shows the card of a model in an editor. */
import * as vscode from 'vscode';
import type { ModelCard } from '../../protocol/panels/workbench';
import { cardName } from './model-card';

/** As text: a preview of Markdown would fetch what the card names. */
export async function openCard({ folder, reinforcement }: ModelCard): Promise<void> {
  const at = new vscode.Range(reinforcement?.line ?? 0, 0, reinforcement?.line ?? 0, 0);
  const card = vscode.Uri.joinPath(vscode.Uri.file(folder), cardName);
  const editor = await vscode.window.showTextDocument(card, { selection: at, viewColumn: vscode.ViewColumn.Beside });
  editor.revealRange(at, vscode.TextEditorRevealType.AtTop);
}
