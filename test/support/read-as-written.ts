/** What a file says, against what was read from it. */
import { inspect } from 'node:util';

/** Where the two differ: null may be read as NaN, and in a row as nothing. Empty where nothing was lost or made up. */
export function differences(raw: unknown, read: unknown, place = ''): string[] {
  if (raw === null) return read === null || Number.isNaN(read) ? [] : [`${place}: null became ${inspect(read)}`];
  if (typeof raw !== 'object') return raw === read ? [] : [`${place}: ${inspect(raw)} became ${inspect(read)}`];
  if (typeof read !== 'object' || read === null) return [`${place} was lost`];
  const before = raw as Readonly<Record<string, unknown>>;
  const after = read as Readonly<Record<string, unknown>>;
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
    const here = `${place}.${key}`;
    if (/^rows\.\d+\.\w+$/.test(here.slice(1)) && before[key] === null && !(key in after)) return [];
    if (!(key in before)) return [`${here} was made up`];
    return key in after ? differences(before[key], after[key], here) : [`${here} was left out`];
  });
}
