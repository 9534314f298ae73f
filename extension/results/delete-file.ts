/** The one place of the extension that deletes files: what a person has confirmed, and Headscope's own copies of runs. */
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

/** A file in the storage of the extension that was read as a run of Headscope's; of any other place it throws. */
export async function deleteKept(uri: vscode.Uri, folder: vscode.Uri): Promise<void> {
  const isInside = uri.path.startsWith(`${folder.path}/`) && !uri.path.slice(folder.path.length + 1).includes('/');
  if (!isInside) throw new RangeError(`${uri.path} is not in ${folder.path}`);
  await vscode.workspace.fs.delete(uri);
}
