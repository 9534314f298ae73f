/** What the panels that run a model need of the rest of the extension to choose one. */
import * as vscode from 'vscode';
import type { ModelChoice } from '../../protocol/panels/heads';
import { realFolder } from '../models/real-folder';
import type { ModelPanelServices, ModelPanelTypes } from './model-panel-host';
import type { PanelParts } from './panels';

/** `others` come with the extension too. */
export const modelServices = (
  { compute, models }: PanelParts,
  demo: ModelChoice,
  ...others: readonly ModelChoice[]
): Pick<ModelPanelServices<ModelPanelTypes>, 'demo' | 'models' | 'onModels' | 'openModel' | 'browse'> => ({
  demo,
  models: () => models.choices(demo, ...others),
  onModels: (listener) => models.onChange(listener),
  openModel: compute.openModel,
  browse: browseModel,
});

async function browseModel(): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    openLabel: 'Show Its Heads',
    title: 'Folder of a Model (config.json with its .safetensors)',
  });
  const folder = chosen?.[0]?.fsPath;
  return folder === undefined ? undefined : realFolder(folder);
}
