/** Two results of `retrieval-head` side by side: how far their heads agree. */
import { headName } from '../../../protocol/interventions/text';
import type { Section } from '../../../protocol/sections/section';
import { pearson } from '../../shared/retrieval/score-file';
import type { RetrievalHeadResult } from './result';
import { counted } from '../../shared/words';

export function compare(a: RetrievalHeadResult, b: RetrievalHeadResult): readonly Section[] {
  const { r, heads } = pearson(a.scores, b.scores);
  const words = Number.isNaN(r) ? 'Pearson’s r has no value here' : `Pearson’s r ${r.toFixed(3)}`;
  return [
    {
      kind: 'heads',
      id: 'score-change',
      title: 'Change of the score',
      caption: `${words} over ${counted(heads, 'head', 'heads')} that both have.`,
      numbers: [
        {
          name: 'change',
          title: 'Change of the score',
          unit: '',
          definition: 'Score in this result less that in the other.',
          scale: { kind: 'diverging' },
          values: a.scores.map((row, layer) =>
            row.map((score, head) => (b.scores[layer]?.[head] ?? Number.NaN) - score),
          ),
        },
      ],
    },
    {
      kind: 'chart',
      id: 'both-scores',
      title: 'Scores of both',
      caption: `${words}. The paper has 0.84 to 0.91 between a model and its variants.`,
      x: { title: 'score in the other', unit: '', scale: 'linear', min: 0 },
      y: { title: 'score in this', unit: '', scale: 'linear', min: 0 },
      series: [
        {
          id: 'heads',
          title: 'heads',
          mark: 'points',
          points: a.scores.flatMap((row, layer) =>
            row.map((x, head) => ({ x, y: b.scores[layer]?.[head] ?? Number.NaN, label: headName({ layer, head }) })),
          ),
        },
      ],
      references: [{ label: 'equal', from: [0, 0], to: [1, 1] }],
    },
  ];
}
