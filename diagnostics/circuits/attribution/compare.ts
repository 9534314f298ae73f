/** Two results of attribution side by side. */
import type { Section } from '../../../protocol/sections/section';
import { metricWords } from '../../shared/effects/metric';
import type { AttributionResult, Table } from './result';
import * as build from '../../../protocol/sections/builders';

export function compare(a: AttributionResult, b: AttributionResult): readonly Section[] {
  const shape = ({ heads, metric, baseline }: AttributionResult): string =>
    JSON.stringify([metric, baseline, heads.estimate.map(({ length }) => length)]);
  if (shape(a) !== shape(b)) {
    return [
      build.paragraphs('incomparable', 'Change of the estimates', [
        'The two results have another metric, baseline or number of heads: their estimates do not compare.',
      ]),
    ];
  }
  const change: Table = a.heads.estimate.map((row, layer) =>
    row.map((value, head) => (b.heads.estimate[layer]?.[head] ?? Number.NaN) - value),
  );
  return [
    build.heads(
      'change',
      'Change of the estimates: this result less the other',
      'No test is made of a difference: it is one mean less another.',
      [
        build.signed(
          'change',
          'Change of the estimate',
          'Estimated effect in this result, less that in the other.',
          change,
          metricWords[a.metric].unit,
        ),
      ],
    ),
  ];
}
