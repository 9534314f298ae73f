/** What the analysis shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { Depth, SpanResult } from './result';
import type { Figures } from './retrieve';
import * as build from '../../../protocol/sections/builders';

const isDone = (result: Partial<SpanResult>): result is SpanResult => (result.depths?.length ?? 0) > 0;

export function finding(result: Partial<SpanResult>): string {
  if (!isDone(result)) return 'The pairs have not been read yet.';
  const { depths, best, bank, chance, p, gained, lost } = result;
  const [at0, atBest] = [depths[0]!.forward, depths[best]!.forward];
  const by = ({ recall, low, high }: Figures): string =>
    `${percent(recall)} (95 % interval ${percent(low)} to ${percent(high)})`;
  const bankWords = `of ${bank} texts find their partner first, by chance ${percent(chance.recall)}`;
  if (best === 0) return `At the embeddings ${by(at0)} ${bankWords}; no layer has more.`;
  const verdict =
    p < 0.05
      ? `more than at the embeddings (${percent(at0.recall)}), also after the choice among ${counted(depths.length - 1, 'layer', 'layers')} (p = ${threeDigits(p)})`
      : `at the embeddings ${percent(at0.recall)}: ${gained} gained and ${lost} lost, which is no more than the choice of the best of ${counted(depths.length - 1, 'layer', 'layers')} can make`;
  return `Most are found after ${counted(best, 'layer', 'layers')}: ${by(atBest)} ${bankWords}; ${verdict}.`;
}

function chart(
  { depths, chance, centred }: SpanResult,
  { id, title, y, level }: { readonly id: string; readonly title: string; readonly y: string; readonly level: number },
  of: (figures: Figures) => { readonly y: number; readonly low: number; readonly high: number },
) {
  const line = (side: 'forward' | 'back', name: string) =>
    build.line(
      side,
      name,
      depths.map((depth) => ({ x: depth.depth, ...of(depth[side]) })),
    );
  return build.chart(
    id,
    title,
    `Texts by the mean of their residual stream${centred ? ', less the mean of their side' : ''}, ranked by cosine; first: first texts look for their partners. 0 layers are the embeddings, the baseline. By chance: ${threeDigits(level)}${level === chance.recall ? ' (1 / M)' : ''}.`,
    build.axis('layers passed', '', { min: 0 }),
    build.shareAxis(y),
    [line('forward', 'first'), line('back', 'second')],
    {
      references: [{ label: 'chance', from: [0, level], to: [Math.max(1, depths.length - 1), level] }],
      interval: '95 % interval over texts, of one layer',
    },
  );
}

const depthTable = ({ depths, bank }: SpanResult) => {
  const columns = (side: 'forward' | 'back', who: string) => [
    build.number(`${side}-recall`, `R@1, ${who}`, `Share of the ${bank} texts whose partner has the largest cosine.`),
    build.number(`${side}-low`, 'from', "Lower end of Wilson's 95 % interval."),
    build.number(`${side}-high`, 'to', "Upper end of Wilson's 95 % interval."),
    build.number(`${side}-mrr`, `MRR, ${who}`, 'Mean of 1 / rank of the partner.'),
  ];
  const cells = ({ recall, low, high, mrr }: Figures) => [recall, low, high, mrr].map(cellOf);
  return build.cellTable(
    'depths',
    'Retrieval by layer',
    '',
    [build.text('depth', 'Layers passed'), ...columns('forward', 'first'), ...columns('back', 'second')],
    depths.map(({ depth, forward, back }: Depth) => [
      depth === 0 ? '0 (embeddings)' : String(depth),
      ...cells(forward),
      ...cells(back),
    ]),
  );
};

const pairTable = ({ pairs, best }: SpanResult) =>
  build.table(
    'pairs',
    'Ranks of the pairs',
    'Rank of the second text for the first; those found last come first.',
    pairs,
    [
      build.text('first', 'First text', (pair) => pair.first),
      build.text('second', 'Second text', (pair) => pair.second),
      build.number(
        'best',
        `After ${counted(best, 'layer', 'layers')}`,
        '1 + texts with a larger cosine + half of those that tie.',
        (pair) => pair.best,
      ),
      build.number(
        'embedding',
        'Embeddings',
        'The same of the stream that enters the first layer.',
        (pair) => pair.embedding,
      ),
    ],
  );

export function sections(result: Partial<SpanResult>): readonly Section[] {
  if (!isDone(result)) return [];
  const { chance, notes } = result;
  return [
    chart(result, { id: 'recall', title: 'R@1 by layer', y: 'R@1', level: chance.recall }, ({ recall, low, high }) => ({
      y: recall,
      low,
      high,
    })),
    chart(
      result,
      { id: 'mrr', title: 'Mean reciprocal rank by layer', y: 'MRR', level: chance.mrr },
      ({ mrr, mrrLow, mrrHigh }) => ({ y: mrr, low: mrrLow, high: mrrHigh }),
    ),
    depthTable(result),
    pairTable(result),
    ...(notes.length === 0 ? [] : [build.paragraphs('notes', 'Lines that were left out', notes)]),
  ];
}
