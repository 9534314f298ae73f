import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { whyNotRun } from '../models/model-choices';
import type { ModelIndex } from '../models/model-index';
import { realFolder } from '../models/real-folder';

/** The folder of the model that a config or a folder names; fails with a sentence where it cannot be run. */
export async function modelFolder(models: ModelIndex, named: vscode.Uri): Promise<string> {
  const config = named.path.endsWith('.json') ? named : vscode.Uri.joinPath(named, 'config.json');
  const why = whyNotRun(await models.describe(config), basename(dirname(config.fsPath)));
  if (why !== undefined) throw new Error(why);
  return realFolder(dirname(config.fsPath));
}
