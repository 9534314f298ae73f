import * as vscode from 'vscode';
import { kernelsPanel } from '../../../protocol/contributions/views';
import type { Kernels } from './kernels';

/** Brings the full panel back after a reload; its plan and its points are kept on this side, not in the webview. */
export const registerKernelsSerializer = (kernels: Kernels): vscode.Disposable =>
  vscode.window.registerWebviewPanelSerializer(kernelsPanel, {
    deserializeWebviewPanel: async (panel) => {
      await kernels.restore(panel);
    },
  });
