/** The card of a model folder (README.md): whether it says something of reinforcement, and where. Read as text, never rendered. */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelCard } from '../../protocol/panels/workbench';

export const cardName = 'README.md';
/** The largest published cards are near 100 kB. */
const largest = 1 << 20;
const longestHeading = 120;

/** Undefined where the folder has no such file of its own: a link that leaves the folder is none. */
export async function readModelCard(folder: string): Promise<ModelCard | undefined> {
  const path = join(folder, cardName);
  try {
    const found = await lstat(path);
    if (!found.isFile() || found.size > largest) return undefined;
    return cardOf(folder, await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The first heading that names reinforcement, or else the first line that does. */
export function cardOf(folder: string, text: string): ModelCard {
  const lines = text.split('\n');
  const speaks = (line: string): boolean => /reinforc|\bVHR\b/i.test(line);
  const heading = lines.findIndex((line) => /^#{1,6}\s/.test(line) && speaks(line));
  const line = heading >= 0 ? heading : lines.findIndex(speaks);
  if (line < 0) return { folder };
  const title = (lines[line] ?? '')
    .replace(/^#+\s*/, '')
    .replace(/[*_`]/g, '')
    .trim();
  return { folder, reinforcement: { line, ...(heading >= 0 ? { heading: title.slice(0, longestHeading) } : {}) } };
}
