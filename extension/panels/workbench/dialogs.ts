/** What the workbench asks a person through VS Code's own dialogs. */
import * as vscode from 'vscode';
import type { Offer } from '../../../protocol/analysis/schema';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { ask, showInformation } from '../../platform/notify';
import { askWhere, type OnWritten } from '../exports';
import { saveIntervention } from './intervention-dialogs';

type PathKind = Extract<FromWorkbench, { readonly kind: 'choosePath' }>['what'];

const dialogs: Readonly<Record<PathKind, vscode.OpenDialogOptions>> = {
  file: { canSelectFiles: true, canSelectFolders: false, title: 'Choose a File', openLabel: 'Use' },
  folder: { canSelectFiles: false, canSelectFolders: true, title: 'Choose a Folder', openLabel: 'Use' },
  picture: {
    canSelectFiles: true,
    canSelectFolders: false,
    title: 'Choose a Picture',
    openLabel: 'Use',
    filters: { Pictures: ['png', 'jpg', 'jpeg'] },
  },
};

export async function choosePath(what: PathKind): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog(dialogs[what]);
  return chosen?.[0]?.fsPath;
}

export const saveOffer = (model: ModelSummary, offer: Offer, onWritten?: OnWritten): Promise<void> =>
  saveIntervention(model, offer.interventions, onWritten, `${model.name} ${offer.title}`);

export async function saveTask(lines: string): Promise<string | undefined> {
  const target = await askWhere({
    name: 'pair.jsonl',
    type: 'Task',
    endings: ['jsonl'],
    title: 'Save the Pair as a Task',
  });
  if (target === undefined) return undefined;
  await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(lines));
  return target.fsPath;
}

export async function reopens(title: string): Promise<boolean> {
  const sentence = `"${title}" was closed. Its run was stopped, so what it had found is not among the earlier results.`;
  return (await showInformation(sentence, 'Reopen')) === 'Reopen';
}

export async function confirmsDelete(name: string): Promise<boolean> {
  const answer = await ask(`Delete "${name}"?`, 'It goes from the history, and its file from the disk.', 'Delete');
  return answer === 'Delete';
}
