/** The logit lens by layer as sections. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { TableSection } from '../../../protocol/sections/table';
import { shownToken } from '../../../protocol/wire/token-name';
import { cellOf } from '../../shared/sections/cell';
import { intervalColumns, intervalWords } from './cells';
import type { DirectResult, LensLayer } from './result';

type WithLens = DirectResult & { readonly lens: readonly LensLayer[] };

const streamNames = (lens: readonly LensLayer[]): readonly string[] =>
  lens.map((_, layer) => (layer === 0 ? 'embedding' : `L${layer - 1}`));

const nameOf = (text: string, id: number | undefined): string => (id === undefined ? text : shownToken(text));

export function lensChart({ lens, lensLow, lensHigh, target }: WithLens): ChartSection {
  const { token, id, against, againstId } = target;
  return {
    kind: 'chart',
    id: 'lens-chart',
    title: 'Logit lens: probability of the answer by layer',
    caption: 'What the language head would say if the model ended behind this layer.',
    x: { title: 'residual stream behind', unit: '', scale: 'category', categories: streamNames(lens) },
    y: { title: 'probability', unit: '', scale: 'linear', min: 0, max: 1 },
    series: [
      {
        id: 'right',
        title: nameOf(token, id),
        mark: 'line',
        points: lens.map(({ probability: y }, x) => ({
          x,
          y,
          ...(lensLow && lensHigh ? { low: lensLow[x] ?? Number.NaN, high: lensHigh[x] ?? Number.NaN } : {}),
        })),
      },
      ...(against === undefined
        ? []
        : [
            {
              id: 'against',
              title: nameOf(against, againstId),
              mark: 'line' as const,
              points: lens.map(({ against: y = Number.NaN }, x) => ({ x, y })),
            },
          ]),
    ],
    ...(lensLow ? { interval: intervalWords } : {}),
  };
}

export function lensTable({ lens, lensLow, lensHigh, target, prompts }: WithLens): TableSection {
  const names = streamNames(lens);
  const most = Math.max(0, ...lens.map(({ top = [] }) => top.length));
  const against = target.against !== undefined;
  return {
    kind: 'table',
    id: 'lens',
    title: 'Logit lens: top tokens, rank and probability by layer',
    caption:
      'The final norm, at the scale of the stream itself, and the unembedding on the residual stream behind each layer. Early streams were not trained to be read so.',
    columns: [
      { name: 'stream', title: 'Behind', kind: 'text' },
      {
        name: 'rank',
        title: 'Rank of the answer',
        kind: 'number',
        unit: '',
        definition: `1: its logit is the largest${prompts > 1 ? '; mean over the prompts' : ''}.`,
        digits: 4,
      },
      {
        name: 'probability',
        title: 'Probability of the answer',
        kind: 'number',
        unit: '',
        definition: `Softmax of the logits of the stream${prompts > 1 ? ', mean over the prompts' : ''}.`,
      },
      ...(lensLow ? intervalColumns('') : []),
      ...(against
        ? [
            {
              name: 'against',
              title: 'Probability against',
              kind: 'number' as const,
              unit: '',
              definition: 'The same of the tokens that are subtracted.',
            },
          ]
        : []),
      ...Array.from({ length: most }, (_, at) => [
        { name: `top${at}`, title: `Top ${at + 1}`, kind: 'text' as const },
        {
          name: `p${at}`,
          title: `p ${at + 1}`,
          kind: 'number' as const,
          unit: '',
          definition: `Probability of the token of rank ${at + 1}.`,
          digits: 2,
        },
      ]).flat(),
    ],
    rows: lens.map((one, layer) => [
      names[layer] ?? '',
      one.rank,
      cellOf(one.probability),
      ...(lensLow ? [cellOf(lensLow[layer]), cellOf(lensHigh?.[layer])] : []),
      ...(against ? [cellOf(one.against)] : []),
      ...Array.from({ length: most }, (_, at) => {
        const top = one.top?.[at];
        return [top ? shownToken(top.token) : null, cellOf(top?.probability)];
      }).flat(),
    ]),
  };
}
