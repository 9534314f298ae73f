import { attentionKeys } from '../key-names';
import { fileKinds } from '../file-kind';
import { deepestNesting, mostEntries } from '../json-document';
import type { Unread } from '../json-document';
import type { Rule } from './rule';

export const fieldValue: Rule = {
  code: 'field-value',
  title: 'A field has a value of the wrong kind or out of range',
  severity: 'error',
  kinds: ['config'],
  check({ document, description, parts }, report) {
    for (const { path, code, message } of description?.problems ?? []) {
      if (code !== 'wrong-type' && code !== 'out-of-range') continue;
      const node = document.node(path);
      if (node === undefined || path.length === 0 || node.type === 'null') continue;
      const part = parts
        .filter((one) => one.path.length < path.length && one.path.every((key, index) => path[index] === key))
        .reduce<(typeof parts)[number] | undefined>(
          (best, one) => (best === undefined || one.path.length > best.path.length ? one : best),
          undefined,
        );
      const key = path.findLast((step) => typeof step === 'string');
      // Fields beside these take lists and texts in some family or other, and pixel sizes may be pairs.
      const isSure = typeof key === 'string' && attentionKeys.has(key) && !/^(image|patch)_size$/.test(key);
      report(path, message, { part, ...(isSure ? {} : { severity: 'information' as const }) });
    }
  },
};

export const fileNotRead: Rule = {
  code: 'file-not-read',
  title: 'The file cannot be read, or is too deep or too long',
  severity: 'error',
  kinds: fileKinds,
  check({ document }, report) {
    if (document.unread === undefined) return;
    const said: Readonly<Record<Unread, string>> = {
      'too-deep': `The file nests deeper than ${deepestNesting} levels and is not read. Model files have some ten levels.`,
      'too-long': `The file has ${document.text.length} characters and is not read. Model files are far shorter.`,
      'too-many': `The file has more than ${mostEntries} entries and is not read. Model files have far fewer.`,
    };
    report({ offset: 0, length: 1 }, said[document.unread]);
  },
};
