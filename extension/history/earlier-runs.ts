/** Earlier versions kept the last ten runs of a kind in a folder each: they become entries of the history. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeEmpty, removeProven } from '../../files/remove';
import { comparedKind, resultKinds } from '../results/result-kinds';
import type { HistoryKind } from './entry';
import type { HistoryFolder } from './history-folder';

const earlierKinds = ['heads', 'hallucination', 'analysis'] as const;

export async function takeOver(storage: string, history: HistoryFolder): Promise<void> {
  for (const kind of earlierKinds) {
    const folder = join(storage, `recent-${kind}`);
    const names = await readdir(folder).catch((): string[] => []);
    for (const name of names) {
      if (name.endsWith(resultKinds[kind].suffix)) await takeOverFile(kind, join(folder, name), history);
    }
    if (names.length > 0) await removeEmpty(folder);
  }
}

/** As a result of today. What cannot be read, or not be kept, stays where it is. */
async function takeOverFile(kind: HistoryKind, path: string, history: HistoryFolder): Promise<void> {
  try {
    const content = await readFile(path, 'utf8');
    const read = resultKinds[kind].parse(content);
    if (!read.ok) return;
    await history.keep(comparedKind(kind) as typeof kind, read.result, false);
    await removeProven(path, (now) => now.toString('utf8') === content);
  } catch {
    // It is tried again in the next session.
  }
}
