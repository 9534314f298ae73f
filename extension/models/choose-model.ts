/** Lets the person choose a model of the workspace. */
import * as vscode from 'vscode';
import type { ModelIndex } from './model-index';

/** The config in the editor, when there is one. */
export async function activeConfig(models: ModelIndex): Promise<vscode.Uri | undefined> {
  const uri = vscode.window.activeTextEditor?.document.uri;
  return uri?.path.endsWith('.json') === true && (await models.describe(uri)) !== null ? uri : undefined;
}

/** Undefined when the person thought better of it; `without` are models already chosen. */
export async function chooseModel(
  models: ModelIndex,
  title: string,
  without: readonly vscode.Uri[] = [],
): Promise<vscode.Uri | undefined> {
  const taken = new Set(without.map((uri) => uri.toString()));
  const found = (await models.find()).models.filter(({ uri }) => !taken.has(uri.toString()));
  if (found.length === 0) {
    throw new Error(
      taken.size > 0
        ? 'There is no second model configuration to compare with. Add a folder in the Models view, or select two config.json files in the explorer.'
        : 'No model configuration was found. Open a config.json, or add a folder in the Models view.',
    );
  }
  const choice = await vscode.window.showQuickPick(
    found.map((model) => ({ label: model.label, description: model.sentence, uri: model.uri })),
    { title, placeHolder: 'A model configuration', matchOnDescription: true },
  );
  return choice?.uri;
}
