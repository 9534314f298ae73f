/** The Kernels side view: the compact form of the kernels panel. */
import * as vscode from 'vscode';
import { views } from '../../protocol/contributions/views';
import type { Kernels } from '../panels/kernels/kernels';

export const registerKernelsView = (kernels: Kernels): vscode.Disposable =>
  vscode.window.registerWebviewViewProvider(views.kernels, {
    resolveWebviewView: async (view) => {
      const host = await kernels.attach(view.webview, 'side');
      view.onDidChangeVisibility(() => {
        if (!view.visible) host.hide();
      });
      view.onDidDispose(() => kernels.release(host));
    },
  });
