/** What the panel of analyses asks a person through VS Code's own dialogs. */
import * as vscode from 'vscode';
import type { Offer } from '../../../protocol/analysis/analysis';
import { interventionSuffix } from '../../../protocol/contributions/views';
import type { FromAnalysesPanel } from '../../../protocol/panels/analyses';
import type { ModelSummary } from '../../../protocol/results/heads';
import { interventionText } from '../../results/intervention-file';
import { fileStem } from '../../results/result-words';
import { startingFolder, written, type OnWritten } from '../exports';

type PathKind = Extract<FromAnalysesPanel, { readonly kind: 'choosePath' }>['what'];

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

export async function saveOffer(model: ModelSummary, offer: Offer, onWritten?: OnWritten): Promise<void> {
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(
      startingFolder(),
      `${fileStem(`${model.name} ${offer.title}`)}${interventionSuffix}`,
    ),
    filters: { 'Headscope intervention': ['headscope-intervention.json', 'json'] },
    title: 'Save Intervention',
  });
  if (target !== undefined) await written(target, interventionText(model, offer.interventions), onWritten);
}
