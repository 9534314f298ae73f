/** What the Kernels panel asks a person through VS Code's own dialogs. */
import * as vscode from 'vscode';
import type { ModuleFile } from '../../../protocol/panels/kernels';

const dialogs: Readonly<Record<ModuleFile, vscode.OpenDialogOptions>> = {
  picture: { title: 'Choose a Picture', filters: { Pictures: ['png', 'jpg', 'jpeg'] } },
  tensors: { title: 'Choose Input Tensors', filters: { Tensors: ['safetensors', 'json'] } },
  weights: { title: 'Choose Weights', filters: { Weights: ['safetensors', 'json'] } },
};

export async function chooseModuleFile(what: ModuleFile): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({ ...dialogs[what], canSelectFiles: true, openLabel: 'Use' });
  return chosen?.[0]?.fsPath;
}
