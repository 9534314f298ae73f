/** Two results side by side: gates that moved, and heads that changed class. */
import type { Section } from '../../../protocol/sections/section';
import { changedClass, changedClassTable, sameHeads } from '../../shared/plans/changed-class';
import type { DuoResult } from './result';
import * as build from '../../../protocol/sections/builders';

export function compare(a: DuoResult, b: DuoResult): readonly Section[] {
  if (!sameHeads(a.gates, b.gates)) return [];
  const alike = (a.method === 'first-order') === (b.method === 'first-order');
  return [
    ...(alike
      ? [
          build.heads(
            'change',
            'Change of the gates',
            '',
            [
              build.signed(
                'gate',
                'Gate',
                'Gate of this result less that of the other.',
                a.gates.map((row, at) => row.map((gate, head) => (b.gates[at]?.[head] ?? Number.NaN) - gate)),
              ),
            ],
            { cell: 'key/value head', marked: changedClass(a.plan, b.plan) },
          ),
        ]
      : []),
    changedClassTable(a.plan, b.plan),
  ];
}
