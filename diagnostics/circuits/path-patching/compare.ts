/** Two results of path patching side by side. */
import type { Section } from '../../../protocol/sections/section';
import type { PathResult } from './result';

export function compare(a: PathResult, b: PathResult): readonly Section[] {
  const shape = ({ stages }: PathResult): string =>
    JSON.stringify(stages.slice(0, 1).map(({ receivers, effect }) => [receivers, effect.map(({ length }) => length)]));
  const [first, second] = [a.stages[0], b.stages[0]];
  if (!first || !second || shape(a) !== shape(b)) {
    return [
      {
        kind: 'text',
        id: 'incomparable',
        title: 'Change of the effects',
        paragraphs: [
          'The two results have other receivers in their first stage, or other numbers of heads: no head of one stands beside one of the other.',
        ],
      },
    ];
  }
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of the effects of the first stage: this result less the other',
      caption: 'No test is made of a difference: it is one mean less another.',
      numbers: [
        {
          name: 'change',
          title: 'Change of the effect',
          unit: '',
          definition: 'Effect in this result, less that in the other.',
          scale: { kind: 'diverging' },
          values: first.effect.map((row, layer) =>
            row.map((value, head) => (second.effect[layer]?.[head] ?? Number.NaN) - value),
          ),
        },
      ],
    },
  ];
}
