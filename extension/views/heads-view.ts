/** The Heads side view: the compact form of the heads panel. */
import * as vscode from 'vscode';
import { views } from '../../protocol/contributions/views';
import type { Heads } from '../panels/heads/heads';

export const registerHeadsView = (heads: Heads): vscode.Disposable =>
  vscode.window.registerWebviewViewProvider(views.heads, {
    resolveWebviewView: async (view) => {
      const host = await heads.attach(view.webview, 'side');
      view.onDidChangeVisibility(() => {
        if (!view.visible) host.hide();
      });
      view.onDidDispose(() => heads.release(host));
    },
  });
