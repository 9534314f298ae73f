/** Two results side by side, e.g. with solved pairs in front and without. */
import type { Section } from '../../../protocol/sections/section';
import type { RecallResult } from './result';
import * as build from '../../../protocol/sections/builders';

export function compare(a: RecallResult, b: RecallResult): readonly Section[] {
  const same = a.heads?.effect.length === b.heads?.effect.length;
  if (!a.heads || !b.heads || !same) return [];
  const { effect } = b.heads;
  const values = a.heads.effect.map((row, layer) =>
    row.map((value, head) => (effect[layer]?.[head] ?? Number.NaN) - value),
  );
  return [
    build.heads('change', 'Change of the effect of each head', 'This result less the other.', [
      build.signed(
        'change',
        'Change of the effect',
        'Effect of the head in this result less that in the other.',
        values,
      ),
    ]),
  ];
}
