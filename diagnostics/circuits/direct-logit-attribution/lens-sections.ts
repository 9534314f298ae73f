/** The logit lens by layer as sections. */
import { shownToken } from '../../../protocol/wire/token-name';
import { cellOf } from '../../../protocol/sections/cell';
import { intervalColumns, intervalWords } from './cells';
import type { DirectResult, LensLayer } from './result';
import * as build from '../../../protocol/sections/builders';

type WithLens = DirectResult & { readonly lens: readonly LensLayer[] };

const streamNames = (lens: readonly LensLayer[]): readonly string[] =>
  lens.map((_, layer) => (layer === 0 ? 'embedding' : `L${layer - 1}`));

const nameOf = (text: string, id: number | undefined): string => (id === undefined ? text : shownToken(text));

export function lensChart({ lens, lensLow, lensHigh, target }: WithLens) {
  const { token, id, against, againstId } = target;
  return build.chart(
    'lens-chart',
    'Logit lens: probability of the answer by layer',
    'What the language head would say if the model ended behind this layer.',
    build.categoryAxis('residual stream behind', streamNames(lens)),
    build.shareAxis('probability'),
    [
      build.line(
        'right',
        nameOf(token, id),
        lens.map(({ probability: y }, x) => ({
          x,
          y,
          ...(lensLow && lensHigh ? { low: lensLow[x] ?? Number.NaN, high: lensHigh[x] ?? Number.NaN } : {}),
        })),
      ),
      against !== undefined &&
        build.line(
          'against',
          nameOf(against, againstId),
          lens.map(({ against: y = Number.NaN }, x) => ({ x, y })),
        ),
    ],
    { interval: lensLow ? intervalWords : undefined },
  );
}

export function lensTable({ lens, lensLow, lensHigh, target, prompts }: WithLens) {
  const names = streamNames(lens);
  const most = Math.max(0, ...lens.map(({ top = [] }) => top.length));
  const against = target.against !== undefined;
  return build.cellTable(
    'lens',
    'Logit lens: top tokens, rank and probability by layer',
    'The final norm, at the scale of the stream itself, and the unembedding on the residual stream behind each layer. Early streams were not trained to be read so.',
    [
      build.text('stream', 'Behind'),
      {
        ...build.number(
          'rank',
          'Rank of the answer',
          `1: its logit is the largest${prompts > 1 ? '; mean over the prompts' : ''}.`,
        ),
        digits: 4,
      },
      build.number(
        'probability',
        'Probability of the answer',
        `Softmax of the logits of the stream${prompts > 1 ? ', mean over the prompts' : ''}.`,
      ),
      ...(lensLow ? intervalColumns('') : []),
      ...(against
        ? [build.number('against', 'Probability against', 'The same of the tokens that are subtracted.')]
        : []),
      ...Array.from({ length: most }, (_, at) => [
        build.text(`top${at}`, `Top ${at + 1}`),
        { ...build.number(`p${at}`, `p ${at + 1}`, `Probability of the token of rank ${at + 1}.`), digits: 2 },
      ]).flat(),
    ],
    lens.map((one, layer) => [
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
  );
}
