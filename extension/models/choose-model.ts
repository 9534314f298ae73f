/** Lets the person choose a model of the workspace. */
import * as vscode from 'vscode';
import { pickAmong } from '../platform/quick-pick';
import type { Model, ModelIndex } from './model-index';

/** The config in the editor, when there is one. */
export async function activeConfig(models: ModelIndex): Promise<vscode.Uri | undefined> {
  const uri = await activeModel(models);
  return uri !== undefined && (await models.describe(uri))?.file === undefined ? uri : undefined;
}

/** The config or the adapter in the editor, when there is one. */
export async function activeModel(models: ModelIndex): Promise<vscode.Uri | undefined> {
  const uri = vscode.window.activeTextEditor?.document.uri;
  return uri?.path.endsWith('.json') === true && (await models.describe(uri)) !== null ? uri : undefined;
}

/** Which models can be chosen: those with a config, those that have attention of their own, or all. */
export type Choosable = 'configs' | 'attention' | 'all';

const mayChoose: Readonly<Record<Choosable, (model: Model) => boolean>> = {
  configs: ({ other }) => other === undefined,
  attention: ({ other }) => other?.kind !== 'adapter',
  all: () => true,
};

/** Undefined when the person cancels; `without` are models already chosen. */
export async function chooseModel(
  models: ModelIndex,
  title: string,
  which: Choosable,
  without: readonly vscode.Uri[] = [],
): Promise<vscode.Uri | undefined> {
  const taken = new Set(without.map((uri) => uri.toString()));
  async function choices() {
    const found = (await models.find()).models.filter(
      (model) => mayChoose[which](model) && !taken.has(model.uri.toString()),
    );
    if (found.length > 0)
      return found.map((model) => ({ label: model.label, description: model.sentence, uri: model.uri }));
    throw new Error(
      taken.size > 0
        ? 'There is no second model configuration to compare with. Add a folder in the Models view, or select two config.json files in the explorer.'
        : 'No model configuration was found. Open a config.json, or add a folder in the Models view.',
    );
  }
  const asked = { title, placeHolder: 'A model', reading: 'Looking for models in the workspace' };
  return (await pickAmong(choices(), { ...asked, matchOnDescription: true }))?.uri;
}
