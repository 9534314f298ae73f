/** Two results of `retrieval-head` side by side: how far their heads agree. */
import { headName } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import { pearson } from '../../shared/retrieval/score-file';
import type { RetrievalHeadResult } from './result';
import { counted } from '../../../protocol/wire/number-words';
import * as build from '../../../protocol/sections/builders';

export function compare(a: RetrievalHeadResult, b: RetrievalHeadResult): readonly Section[] {
  const { r, heads } = pearson(a.scores, b.scores);
  const words = Number.isNaN(r) ? 'Pearson’s r has no value here' : `Pearson’s r ${r.toFixed(3)}`;
  return [
    build.heads(
      'score-change',
      'Change of the score',
      `${words} over ${counted(heads, 'head', 'heads')} that both have.`,
      [
        build.signed(
          'change',
          'Change of the score',
          'Score in this result less that in the other.',
          a.scores.map((row, layer) => row.map((score, head) => (b.scores[layer]?.[head] ?? Number.NaN) - score)),
        ),
      ],
    ),
    build.chart(
      'both-scores',
      'Scores of both',
      `${words}. The paper has 0.84 to 0.91 between a model and its variants.`,
      build.axis('score in the other', '', { min: 0 }),
      build.axis('score in this', '', { min: 0 }),
      [
        build.points(
          'heads',
          'heads',
          a.scores.flatMap((row, layer) =>
            row.map((x, head) => ({ x, y: b.scores[layer]?.[head] ?? Number.NaN, label: headName({ layer, head }) })),
          ),
        ),
      ],
      { references: [{ label: 'equal', from: [0, 0], to: [1, 1] }] },
    ),
  ];
}
