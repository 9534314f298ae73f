import type { Node } from 'jsonc-parser';
import { fileKinds } from '../file-kind';
import type { Span } from '../json-document';
import type { Rule } from './rule';

export const jsonInvalid: Rule = {
  code: 'json-invalid',
  title: 'The file is not valid JSON, or not in UTF-8',
  severity: 'error',
  kinds: fileKinds,
  check({ fault }, report) {
    if (fault === undefined) return;
    const fixes = fault.fix === undefined ? [] : [{ ...fault.fix, preferred: true, certain: true }];
    report(fault.span, fault.message, { fixes });
  },
};

const spanOf = ({ offset, length }: Node): Span => ({ offset, length });

export const keyTwice: Rule = {
  code: 'key-twice',
  title: 'An object has a key twice, and the last value counts',
  severity: 'warning',
  kinds: fileKinds,
  check({ document }, report) {
    const visit = (node: Node): void => {
      if (node.type === 'object') {
        const first = new Map<unknown, Node>();
        for (const { children: [key, value] = [] } of node.children ?? []) {
          // A key that waits for its value is being typed.
          if (key === undefined || value === undefined) continue;
          const other = first.get(key.value);
          if (other === undefined) {
            first.set(key.value, key);
            continue;
          }
          report(
            spanOf(key),
            `"${String(key.value)}" is here a second time. Loaders take the last value and forget the one before.`,
            {
              related: [{ message: 'here it is the first time', place: { span: spanOf(other) } }],
            },
          );
        }
      }
      node.children?.forEach(visit);
    };
    if (document.root !== undefined) visit(document.root);
  },
};
