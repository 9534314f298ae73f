/** Two results of attribution side by side. */
import type { Section } from '../../../protocol/sections/section';
import { changeGrids } from '../../shared/effects/change-grids';
import { metricWords } from '../../shared/effects/metric';
import type { AttributionResult } from './result';
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
  return changeGrids(
    [
      { tables: [a.heads.estimate, b.heads.estimate] },
      { stack: 'cross', tables: [a.cross?.estimate, b.cross?.estimate] },
      { stack: 'encoder', tables: [a.encoder?.estimate, b.encoder?.estimate] },
    ],
    {
      title: 'Change of the estimates: this result less the other',
      number: 'Change of the estimate',
      definition: 'Estimated effect in this result, less that in the other.',
      unit: metricWords[a.metric].unit,
    },
  );
}
