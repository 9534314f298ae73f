/** What the Hallucination panel asks a person through VS Code's own dialogs, and the picture of a saved result from the disk. */
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type { OpenedImage } from '../../../protocol/compute/hallucination';
import type { ImageSpan } from '../../../protocol/schema/parts';
import type { ModelCard } from '../../../protocol/panels/hallucination';
import { realFolder } from '../../models/real-folder';
import { imageEndings, imageType } from './image-folder';
import { cardName } from './model-card';

/** Larger files are no picture that a model reads whole. */
const mostBytes = 64 * 2 ** 20;

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

/** As text: a preview of Markdown would fetch what the card names. */
export async function openCard({ folder, reinforcement }: ModelCard): Promise<void> {
  const at = new vscode.Range(reinforcement?.line ?? 0, 0, reinforcement?.line ?? 0, 0);
  const card = vscode.Uri.joinPath(vscode.Uri.file(folder), cardName);
  const editor = await vscode.window.showTextDocument(card, { selection: at, viewColumn: vscode.ViewColumn.Beside });
  editor.revealRange(at, vscode.TextEditorRevealType.AtTop);
}

/** Only a picture by its name, and only while it is the file that gave the result: a saved result may name any path. */
export async function pictureOf(image: ImageSpan): Promise<OpenedImage | undefined> {
  const mime = imageType(image.path);
  if (mime === undefined) return undefined;
  try {
    const uri = vscode.Uri.file(image.path);
    if ((await vscode.workspace.fs.stat(uri)).size > mostBytes) return undefined;
    const bytes = await vscode.workspace.fs.readFile(uri);
    const hash = createHash('sha256').update(bytes).digest('hex');
    return hash === image.sha256 ? { image, mime, bytes: new Uint8Array(bytes) } : undefined;
  } catch {
    return undefined;
  }
}
