import { stripComments } from 'jsonc-parser';
import { parseConfig } from '../../models/formats/config/parse-config';
import type { Finding, TextChange } from './finding';

const overlap = (left: TextChange, right: TextChange): boolean =>
  left.offset < right.offset + right.length && right.offset < left.offset + left.length;

/** The changes of all certain fixes that do not touch one another, and how many findings they are for. */
export const certainChanges = (
  findings: readonly Finding[],
): { readonly changes: readonly TextChange[]; readonly count: number } => {
  const changes: TextChange[] = [];
  let count = 0;
  for (const { fixes } of findings) {
    const fix = fixes.find(({ preferred, certain }) => preferred && certain === true);
    if (fix === undefined || fix.changes.some((one) => changes.some((other) => overlap(one, other)))) continue;
    changes.push(...fix.changes);
    count += 1;
  }
  return { changes, count };
};

/** The text with changes that do not touch one another. All else of it stays. */
export const withChanges = (text: string, changes: readonly TextChange[]): string => {
  const pieces: string[] = [];
  let end = 0;
  for (const { offset, length, text: put } of changes.toSorted((left, right) => left.offset - right.offset)) {
    pieces.push(text.slice(end, offset), put);
    end = offset + length;
  }
  return `${pieces.join('')}${text.slice(end)}`;
};

/** Whether places in the text are sure enough to change it: it is JSON, comments aside. */
export const canBeChanged = (text: string): boolean => parseConfig(text).ok || parseConfig(stripComments(text)).ok;
