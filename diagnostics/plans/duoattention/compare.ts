/** Two results side by side: gates that moved, and heads that changed class. */
import type { Section } from '../../../protocol/sections/section';
import { changedClass, changedClassTable, sameHeads } from '../../shared/plans/changed-class';
import type { DuoResult } from './result';

export function compare(a: DuoResult, b: DuoResult): readonly Section[] {
  if (!sameHeads(a.gates, b.gates)) return [];
  const alike = (a.method === 'first-order') === (b.method === 'first-order');
  return [
    ...(alike
      ? [
          {
            kind: 'heads' as const,
            id: 'change',
            title: 'Change of the gates',
            cell: 'key/value head',
            numbers: [
              {
                name: 'gate',
                title: 'Gate',
                unit: '',
                definition: 'Gate of this result less that of the other.',
                scale: { kind: 'diverging' as const },
                values: a.gates.map((row, at) => row.map((gate, head) => (b.gates[at]?.[head] ?? Number.NaN) - gate)),
              },
            ],
            marked: changedClass(a.plan, b.plan),
          },
        ]
      : []),
    changedClassTable(a.plan, b.plan),
  ];
}
