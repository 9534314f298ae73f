/** What the Kernels panel asks a person through VS Code's own dialogs. */
import * as vscode from 'vscode';
import type { ModuleFile } from '../../../protocol/panels/kernels-schema';
import { askWhich } from '../../platform/notify';

const dialogs: Readonly<Record<ModuleFile, vscode.OpenDialogOptions>> = {
  picture: { title: 'Choose a Picture', filters: { Pictures: ['png', 'jpg', 'jpeg'] } },
  tensors: { title: 'Choose Input Tensors', filters: { Tensors: ['safetensors', 'json'] } },
  weights: { title: 'Choose Weights', filters: { Weights: ['safetensors', 'json'] } },
};

export async function chooseModuleFile(what: ModuleFile): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({ ...dialogs[what], canSelectFiles: true, openLabel: 'Use' });
  return chosen?.[0]?.fsPath;
}

/** Two measurements at a time disturb each other: what a benchmark does while the compute server is `doing` something else. */
export async function waitOrRunBeside(doing: string): Promise<'wait' | 'beside' | undefined> {
  const [wait, beside] = ['Wait for It', 'Run Beside It'];
  const answer = await askWhich(
    `Headscope is ${doing}. Start the benchmark now?`,
    'Both would use the same processors: times measured beside other work are longer, and the result says so.',
    wait,
    beside,
  );
  return answer === wait ? 'wait' : answer === beside ? 'beside' : undefined;
}
