/**
 * A saved result of the heads as text, written one field a line. The pictures of the heads lie inside as base64, so that a file
 * that is moved, mailed or renamed stays whole. JSON has no NaN: a number that no query of the prompt gives is written as null
 * and read back as NaN.
 */
import type { HeadThumbnails } from '../../protocol/results/heads';
import { type HeadsResult, writtenHeads } from '../../protocol/results/heads-schema';
import { readThumbnails, writtenThumbnails } from '../../protocol/results/thumbnails';
import { parseJson, type Checked } from '../../protocol/schema/check';

export interface SavedHeads {
  readonly result: HeadsResult;
  readonly thumbnails?: HeadThumbnails;
}

export function parseHeads(text: string): Checked<SavedHeads> {
  const parsed = parseJson(writtenHeads, text);
  if (!parsed.ok) return parsed;
  const { thumbnails, ...result } = parsed.result;
  return { ok: true, result: { result, ...(thumbnails ? { thumbnails: readThumbnails(thumbnails) } : {}) } };
}

export function headsText({ result, thumbnails }: SavedHeads): string {
  const file = thumbnails === undefined ? result : { ...result, thumbnails: writtenThumbnails(thumbnails) };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}
