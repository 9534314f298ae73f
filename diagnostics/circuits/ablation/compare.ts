/** Two results of ablation side by side. */
import type { Section } from '../../../protocol/sections/section';
import { changeGrids } from '../../shared/effects/change-grids';
import { metricWords } from '../../shared/effects/metric';
import type { AblationResult } from './result';
import * as build from '../../../protocol/sections/builders';

export function compare(a: AblationResult, b: AblationResult): readonly Section[] {
  const sameSize = a.heads.map(({ length }) => length).join() === b.heads.map(({ length }) => length).join();
  if (a.metric !== b.metric || !sameSize) {
    return [
      build.paragraphs('incomparable', 'Change of each head', [
        sameSize
          ? `This result is measured by the ${metricWords[b.metric].name}, the other by the ${metricWords[a.metric].name}, so their effects do not compare.`
          : 'The two models have other numbers of heads: no head of one stands beside one of the other.',
      ]),
    ];
  }
  return changeGrids(
    [
      { tables: [a.heads, b.heads] },
      { stack: 'cross', tables: [a.cross?.heads, b.cross?.heads] },
      { stack: 'encoder', tables: [a.encoder?.heads, b.encoder?.heads] },
    ],
    {
      title: 'Effect of each head: this result less the other',
      number: `Difference of the change of the ${metricWords[a.metric].name}`,
      definition: 'Change without the head in this result, less that in the other.',
      unit: metricWords[a.metric].unit,
    },
  );
}
