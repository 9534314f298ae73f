import * as vscode from 'vscode';
import { headsPanel } from '../../../protocol/contributions/views';
import type { Heads } from './heads';

/** Brings the full panel back after a reload; its plan and its last result are kept on this side, not in the webview. */
export const registerHeadsSerializer = (heads: Heads): vscode.Disposable =>
  vscode.window.registerWebviewPanelSerializer(headsPanel, {
    deserializeWebviewPanel: async (panel) => {
      await heads.restore(panel);
    },
  });
