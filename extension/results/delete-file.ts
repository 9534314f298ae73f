/** The one place of the extension that deletes files by VS Code: what a person has confirmed. */
import * as vscode from 'vscode';

/** After the person was asked. */
export async function deleteConfirmed(uri: vscode.Uri): Promise<void> {
  try {
    await vscode.workspace.fs.delete(uri, { useTrash: true });
  } catch {
    // No trash on this file system; the person has confirmed the deletion.
    await vscode.workspace.fs.delete(uri);
  }
}
