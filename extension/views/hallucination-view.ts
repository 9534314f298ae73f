/** The Hallucination side view: the compact form of the Hallucination panel. */
import * as vscode from 'vscode';
import { views } from '../../protocol/contributions/views';
import type { HallucinationPanels } from '../panels/hallucination/hallucination-panels';

export const registerHallucinationView = (panels: HallucinationPanels): vscode.Disposable =>
  vscode.window.registerWebviewViewProvider(views.hallucination, {
    resolveWebviewView: async (view) => {
      const host = await panels.attach(view.webview, 'side');
      view.onDidChangeVisibility(() => {
        if (!view.visible) host.hide();
      });
      view.onDidDispose(() => panels.release(host));
    },
  });
