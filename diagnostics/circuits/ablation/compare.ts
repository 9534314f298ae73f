/** Two results of ablation side by side. */
import type { Section } from '../../../protocol/sections/section';
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
  return [
    build.heads(
      'change',
      'Effect of each head: this result less the other',
      'No test is made of a difference: it is one mean less another.',
      [
        build.signed(
          'change',
          `Difference of the change of the ${metricWords[a.metric].name}`,
          'Change without the head in this result, less that in the other.',
          a.heads.map((row, layer) => row.map((value, head) => (b.heads[layer]?.[head] ?? Number.NaN) - value)),
          metricWords[a.metric].unit,
        ),
      ],
    ),
  ];
}
