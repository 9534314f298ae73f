/**
 * A saved result of the heads as text, written one field a line. The pictures of the heads lie inside as base64, so that a file
 * that is moved, mailed or renamed stays whole. JSON has no NaN: a number that no query of the prompt gives is written as null
 * and read back as NaN.
 */
import type { HeadThumbnails } from '../../protocol/results/heads';
import { type HeadsResult, writtenHeads, type WrittenThumbnails } from '../../protocol/results/heads-schema';
import { parseJson, type Checked } from '../../protocol/schema/check';

export interface SavedHeads {
  readonly result: HeadsResult;
  readonly thumbnails?: HeadThumbnails;
}

export function parseHeads(text: string): Checked<SavedHeads> {
  const parsed = parseJson(writtenHeads, text);
  if (!parsed.ok) return parsed;
  const { thumbnails, ...result } = parsed.result;
  return { ok: true, result: { result, ...(thumbnails ? { thumbnails: decoded(thumbnails) } : {}) } };
}

function decoded({ size, layers, heads, data }: WrittenThumbnails): HeadThumbnails {
  const bytes = Buffer.from(data, 'base64');
  const pixels = new Float32Array(bytes.length / 4);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = bytes.readFloatLE(at * 4);
  return { size, layers, heads, data: pixels };
}

function encoded({ size, layers, heads, data }: HeadThumbnails): WrittenThumbnails {
  const bytes = Buffer.alloc(data.length * 4);
  data.forEach((number, at) => bytes.writeFloatLE(number, at * 4));
  return { size, layers, heads, encoding: 'float32-base64', data: bytes.toString('base64') };
}

export function headsText({ result, thumbnails }: SavedHeads): string {
  const file = thumbnails === undefined ? result : { ...result, thumbnails: encoded(thumbnails) };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}
