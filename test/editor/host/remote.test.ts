/** The hosted VS Code is a remote one: its window is a page in a browser, and the extension host is where the files are. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import * as vscode from 'vscode';

describe('a remote window', () => {
  it('runs the extension where the files are', () => {
    assert.notEqual(vscode.env.remoteName, undefined);
    assert.equal(vscode.env.uiKind, vscode.UIKind.Web);
    assert.equal(vscode.extensions.getExtension('headscope.headscope')?.extensionKind, vscode.ExtensionKind.Workspace);
  });

  it('has its folders as paths of that machine, though the page calls them by another scheme', async () => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.equal(folder?.uri.scheme, 'file');
    const config = vscode.Uri.file(join(folder.uri.fsPath, 'gpt2', 'config.json'));
    const document = await vscode.workspace.openTextDocument(config);
    await vscode.window.showTextDocument(document);
    assert.equal(vscode.window.activeTextEditor?.document.uri.toString(), config.toString());
    assert.equal(vscode.workspace.getWorkspaceFolder(document.uri)?.uri.toString(), folder.uri.toString());
  });
});
