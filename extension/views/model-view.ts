/** The Model side view, and the full panel brought back after a reload. */
import * as vscode from 'vscode';
import { modelPanel, views } from '../../protocol/contributions/views';
import type { ModelPanels } from '../panels/model/model-panels';

/** What the webview keeps: see `webviews/panels/model/state.ts`. */
const keptUris = (state: unknown): readonly string[] => {
  if (typeof state !== 'object' || state === null || !('uris' in state) || !Array.isArray(state.uris)) return [];
  return state.uris.filter((uri): uri is string => typeof uri === 'string');
};

export const registerModelView = (panels: ModelPanels): vscode.Disposable =>
  vscode.Disposable.from(
    vscode.window.registerWebviewViewProvider(views.model, { resolveWebviewView: (view) => panels.attachSide(view) }),
    vscode.window.registerWebviewPanelSerializer(modelPanel, {
      deserializeWebviewPanel: (panel, state: unknown) => panels.restore(panel, keptUris(state)),
    }),
  );
