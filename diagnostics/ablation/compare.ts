/** Two results of ablation side by side. */
import type { Section } from '../../protocol/sections/section';
import { metricWords } from '../effects/metric';
import type { AblationResult } from './result';

export function compare(a: AblationResult, b: AblationResult): readonly Section[] {
  const sameSize = a.heads.map(({ length }) => length).join() === b.heads.map(({ length }) => length).join();
  if (a.metric !== b.metric || !sameSize) {
    return [
      {
        kind: 'text',
        id: 'incomparable',
        title: 'Change of each head',
        paragraphs: [
          sameSize
            ? `The first is measured by the ${metricWords[a.metric].name}, the second by the ${metricWords[b.metric].name}: no head of one is less or more than that of the other.`
            : 'The two models have other numbers of heads: no head of one stands beside one of the other.',
        ],
      },
    ];
  }
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Effect of each head: second less first',
      caption: 'No test is made of a difference: it is one mean less another.',
      numbers: [
        {
          name: 'change',
          title: `Difference of the change of the ${metricWords[a.metric].name}`,
          unit: metricWords[a.metric].unit,
          definition: 'Change without the head in the second result, less that in the first.',
          scale: { kind: 'diverging' },
          values: a.heads.map((row, layer) => row.map((value, head) => (b.heads[layer]?.[head] ?? Number.NaN) - value)),
        },
      ],
    },
  ];
}
