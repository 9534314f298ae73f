/** Dresses a VS Code webview: scripts from dist/webviews only, the shell as its page. */
import * as vscode from 'vscode';
import { shellHtml } from './shell';

export function dressWebview(
  webview: vscode.Webview,
  extension: vscode.Uri,
  page: { readonly panel: string; readonly place: string; readonly title: string; readonly name: string },
): void {
  const resources = vscode.Uri.joinPath(extension, 'dist', 'webviews');
  webview.options = { enableScripts: true, enableForms: false, localResourceRoots: [resources] };
  const address = (file: string): string => webview.asWebviewUri(vscode.Uri.joinPath(resources, file)).toString();
  webview.html = shellHtml({
    ...page,
    script: address('panels.js'),
    codicons: address('codicon.css'),
    cspSource: webview.cspSource,
  });
}
