/** The picture of a result from the disk. */
import { createHash } from 'node:crypto';
import * as vscode from 'vscode';
import type { ImageSpan } from '../../protocol/schema/parts';
import { imageType } from './image-folder';

/** The bytes of a picture, and what became of it. */
interface OpenedImage {
  readonly image: ImageSpan;
  readonly mime: string;
  readonly bytes: Uint8Array;
}

/** Larger files are no picture that a model reads whole. */
const mostBytes = 64 * 2 ** 20;

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
