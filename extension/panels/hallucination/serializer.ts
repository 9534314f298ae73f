import * as vscode from 'vscode';
import { hallucinationPanel } from '../../../protocol/contributions/views';
import type { HallucinationPanels } from './hallucination-panels';

/** Brings the full panel back after a reload; its plan and its last result are kept on this side, not in the webview. */
export const registerHallucinationSerializer = (panels: HallucinationPanels): vscode.Disposable =>
  vscode.window.registerWebviewPanelSerializer(hallucinationPanel, {
    deserializeWebviewPanel: async (panel) => {
      await panels.restore(panel);
    },
  });
