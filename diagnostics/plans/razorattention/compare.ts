/** Two results side by side: scores that moved, and heads that changed class. */
import type { Section } from '../../../protocol/sections/section';
import { changedClass, changedClassTable, sameHeads } from '../../shared/plans/changed-class';
import type { RazorResult } from './result';

export function compare(a: RazorResult, b: RazorResult): readonly Section[] {
  if (!sameHeads(a.induction, b.induction)) return [];
  const layer = (name: 'induction' | 'echo', title: string) => ({
    name,
    title,
    unit: '',
    definition: `${title} score of this result less that of the other.`,
    scale: { kind: 'diverging' as const },
    values: a[name].map((row, at) => row.map((score, head) => (b[name][at]?.[head] ?? Number.NaN) - score)),
  });
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of the scores',
      cell: 'key/value head',
      numbers: [layer('induction', 'Induction'), layer('echo', 'Echo')],
      marked: changedClass(a.plan, b.plan),
    },
    changedClassTable(a.plan, b.plan),
  ];
}
