import type { Finding, TextChange } from './finding';
import type { Span } from './json-document';

export interface CodeAction {
  readonly title: string;
  readonly findings: readonly Finding[];
  readonly changes?: readonly TextChange[];
  readonly command?: { readonly id: string; readonly arguments: readonly unknown[] };
  readonly preferred: boolean;
}

const touches = (left: Span, right: Span): boolean =>
  left.offset <= right.offset + right.length && right.offset <= left.offset + left.length;

/** Changes that do not overlap, in the order of the text; two fixes of one place would spoil each other. */
const compatible = (changes: readonly TextChange[]): readonly TextChange[] => {
  let end = 0;
  return [...changes]
    .sort((left, right) => left.offset - right.offset)
    .filter(({ offset, length }) => {
      if (offset < end) return false;
      end = offset + length;
      return true;
    });
};

/** What can be done about the findings in a span: their fixes, all fixes of one rule, and silence. */
export const codeActions = (findings: readonly Finding[], span: Span): readonly CodeAction[] => {
  const here = findings.filter((finding) => touches(finding.span, span));
  const actions: CodeAction[] = here.flatMap((finding) =>
    finding.fixes.map((fix) => ({
      title: fix.title,
      findings: [finding],
      changes: fix.changes,
      preferred: fix.preferred,
    })),
  );
  for (const code of new Set(here.map((finding) => finding.code))) {
    const same = findings.filter((finding) => finding.code === code);
    const changes = compatible(same.flatMap(({ fixes }) => fixes.find(({ preferred }) => preferred)?.changes ?? []));
    const fixable = same.filter(({ fixes }) => fixes.some(({ preferred }) => preferred)).length;
    if (fixable > 1) {
      actions.push({ title: `Fix all ${fixable} of ${code} in this file`, findings: same, changes, preferred: false });
    }
    actions.push({
      title: `Silence ${code} in the settings`,
      findings: here.filter((finding) => finding.code === code),
      command: { id: 'headscope.setRuleSeverity', arguments: [code, 'off'] },
      preferred: false,
    });
  }
  return actions;
};
