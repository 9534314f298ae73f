import { dirname } from 'node:path';
import type * as vscode from 'vscode';
import { whyNotRun } from '../models/model-choices';
import { isGguf, modelName } from '../models/model-names';
import type { ModelIndex } from '../models/model-index';
import { fileOfModel, modelPath } from '../models/model-path';

/** The path of the model that a config, a folder or a GGUF file names; fails with a sentence if it cannot be run. */
export async function modelFolder(models: ModelIndex, named: vscode.Uri): Promise<string> {
  const file = named.path.endsWith('.json') ? named : fileOfModel(named.fsPath);
  const name = modelName(isGguf(file.path) ? file.fsPath : dirname(file.fsPath));
  const why = whyNotRun(await models.describe(file), name);
  if (why !== undefined) throw new Error(why);
  return modelPath(file);
}
