/** Two results of ablation side by side. */
import type { Section } from '../../../protocol/sections/section';
import { metricWords } from '../../shared/effects/metric';
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
            ? `This result is measured by the ${metricWords[b.metric].name}, the other by the ${metricWords[a.metric].name}, so their effects do not compare.`
            : 'The two models have other numbers of heads: no head of one stands beside one of the other.',
        ],
      },
    ];
  }
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Effect of each head: this result less the other',
      caption: 'No test is made of a difference: it is one mean less another.',
      numbers: [
        {
          name: 'change',
          title: `Difference of the change of the ${metricWords[a.metric].name}`,
          unit: metricWords[a.metric].unit,
          definition: 'Change without the head in this result, less that in the other.',
          scale: { kind: 'diverging' },
          values: a.heads.map((row, layer) => row.map((value, head) => (b.heads[layer]?.[head] ?? Number.NaN) - value)),
        },
      ],
    },
  ];
}
