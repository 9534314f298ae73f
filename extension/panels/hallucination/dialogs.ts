/** What the Hallucination panel asks a person through VS Code's own dialogs. */
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { realFolder } from '../../models/real-folder';
import { imageEndings } from '../image-folder';

async function choose(options: vscode.OpenDialogOptions): Promise<string | undefined> {
  const defaultUri = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(homedir());
  const chosen = await vscode.window.showOpenDialog({ defaultUri, ...options });
  return chosen?.[0]?.fsPath;
}

export const browseImage = (): Promise<string | undefined> =>
  choose({
    filters: { Pictures: [...imageEndings] },
    openLabel: 'Look at It',
    title: 'Picture to Show to the Model',
  });

export async function browseImages(): Promise<string | undefined> {
  const folder = await choose({
    canSelectFolders: true,
    canSelectFiles: false,
    openLabel: 'Caption Its Pictures',
    title: 'Folder of Pictures with a truth.json',
  });
  return folder === undefined ? undefined : realFolder(folder);
}

export const browseLexicon = (): Promise<string | undefined> =>
  choose({
    filters: { Lexicon: ['txt', 'json'] },
    openLabel: 'Use',
    title: 'Lexicon: One Class a Line, with Synonyms',
  });
