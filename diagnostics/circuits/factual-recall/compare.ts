/** Two results side by side, e.g. with solved pairs in front and without. */
import type { Section } from '../../../protocol/sections/section';
import type { RecallResult } from './result';

export function compare(a: RecallResult, b: RecallResult): readonly Section[] {
  const same = a.heads?.effect.length === b.heads?.effect.length;
  if (!a.heads || !b.heads || !same) return [];
  const { effect } = b.heads;
  const values = a.heads.effect.map((row, layer) =>
    row.map((value, head) => (effect[layer]?.[head] ?? Number.NaN) - value),
  );
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of the effect of each head',
      caption: 'This result less the other.',
      numbers: [
        {
          name: 'change',
          title: 'Change of the effect',
          unit: '',
          definition: 'Effect of the head in this result less that in the other.',
          scale: { kind: 'diverging' },
          values,
        },
      ],
    },
  ];
}
