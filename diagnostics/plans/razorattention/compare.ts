/** Two results side by side: scores that moved, and heads that changed class. */
import type { Section } from '../../../protocol/sections/section';
import { changedClass, changedClassTable, sameHeads } from '../../shared/plans/changed-class';
import type { RazorResult } from './result';
import * as build from '../../../protocol/sections/builders';

export function compare(a: RazorResult, b: RazorResult): readonly Section[] {
  if (!sameHeads(a.induction, b.induction)) return [];
  const layer = (name: 'induction' | 'echo', title: string) =>
    build.signed(
      name,
      title,
      `${title} score of this result less that of the other.`,
      a[name].map((row, at) => row.map((score, head) => (b[name][at]?.[head] ?? Number.NaN) - score)),
    );
  return [
    build.heads('change', 'Change of the scores', '', [layer('induction', 'Induction'), layer('echo', 'Echo')], {
      cell: 'key/value head',
      marked: changedClass(a.plan, b.plan),
    }),
    changedClassTable(a.plan, b.plan),
  ];
}
