/** Two results of attribution side by side. */
import type { Section } from '../../../protocol/sections/section';
import { metricWords } from '../../shared/effects/metric';
import type { AttributionResult, Table } from './result';

export function compare(a: AttributionResult, b: AttributionResult): readonly Section[] {
  const shape = ({ heads, metric, baseline }: AttributionResult): string =>
    JSON.stringify([metric, baseline, heads.estimate.map(({ length }) => length)]);
  if (shape(a) !== shape(b)) {
    return [
      {
        kind: 'text',
        id: 'incomparable',
        title: 'Change of the estimates',
        paragraphs: [
          'The two results have another metric, baseline or number of heads: their estimates do not compare.',
        ],
      },
    ];
  }
  const change: Table = a.heads.estimate.map((row, layer) =>
    row.map((value, head) => (b.heads.estimate[layer]?.[head] ?? Number.NaN) - value),
  );
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of the estimates: this result less the other',
      caption: 'No test is made of a difference: it is one mean less another.',
      numbers: [
        {
          name: 'change',
          title: 'Change of the estimate',
          unit: metricWords[a.metric].unit,
          definition: 'Estimated effect in this result, less that in the other.',
          scale: { kind: 'diverging' },
          values: change,
        },
      ],
    },
  ];
}
