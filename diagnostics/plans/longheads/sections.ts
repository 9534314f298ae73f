/** What the analysis shows and says. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import type { TextSection } from '../../../protocol/sections/text';
import { cellOf, countColumn, numberColumn } from '../../shared/sections/cell';
import { counted, threeDigits } from '../../shared/words';
import { ways, type LongHeadsResult, type Way } from './result';

const isDone = (result: Partial<LongHeadsResult>): result is LongHeadsResult => (result.prompts ?? 0) > 0;
const points = (share: number): string => threeDigits(100 * share);
const many = (number: number): string => number.toLocaleString('en');

const titles: Readonly<Record<Way, string>> = { plain: 'plain', long: 'LongHeads', window: 'window' };

export function finding(result: Partial<LongHeadsResult>): string {
  if (!isDone(result)) return 'No prompt has been read yet.';
  const { lengths, budget, chunk, begin, positions, ranked, retrieving, ranks } = result;
  const heads = ranks.reduce((sum, layer) => sum + layer.length, 0);
  const found =
    ranked === 0
      ? ''
      : ` ${retrieving.length === 0 ? 'No head ranks' : `${counted(retrieving.length, 'head', 'heads')} of ${heads} rank${retrieving.length === 1 ? 's' : ''}`} the chunk of the needle first in half of the prompts or more, and more often than by chance.`;
  const longest = lengths.at(-1);
  if (longest) {
    const { plain, long, n, difference } = longest;
    return `At about ${many(longest.length)} tokens LongHeads (${budget} positions in chunks of ${chunk}) answers ${long.correct} of ${n} and the plain model ${plain.correct}: a difference of ${points(difference.value)} points (95 % interval ${points(difference.low)} to ${points(difference.high)}).${found}`;
  }
  const beyond = positions.at(-1);
  if (!beyond || beyond.position + chunk <= begin)
    return `The text has no position beyond ${begin}, so LongHeads reads it as the plain model does.`;
  return `In the last chunk of the text the loss of the next token is ${threeDigits(beyond.long)} nats with LongHeads, ${threeDigits(beyond.plain)} by the plain model and ${threeDigits(beyond.window)} with a window of ${budget}.`;
}

export function sections(result: Partial<LongHeadsResult>): readonly Section[] {
  if (!isDone(result)) return [];
  return [
    ...(result.lengths.length > 1 ? [accuracy(result)] : []),
    ...(result.lengths.length > 0 ? [answers(result)] : []),
    losses(result),
    ...(result.ranked > 0 ? [ranks(result)] : []),
    ...(result.coverage.length > 0 ? [coverage(result)] : []),
    reading(result),
  ];
}

function accuracy({ lengths }: LongHeadsResult): ChartSection {
  return {
    kind: 'chart',
    id: 'accuracy',
    title: 'Answers by length',
    caption: 'Share of prompts whose answer has the largest logit, token by token, the earlier tokens of it given.',
    x: { title: 'tokens of the prompt', unit: '', scale: 'linear' },
    y: { title: 'answered', unit: '', scale: 'linear', min: 0, max: 1 },
    series: ways.map((way) => ({
      id: way,
      title: titles[way],
      mark: 'line' as const,
      points: lengths.map((at) => ({ x: at.length, y: at[way].share, low: at[way].low, high: at[way].high })),
    })),
    interval: "Wilson's 95 % interval over prompts",
  };
}

function answers({ lengths }: LongHeadsResult): TableSection {
  const column = (way: Way) => countColumn(way, titles[way], `Prompts answered, ${titles[way]}.`);
  return {
    kind: 'table',
    id: 'answers',
    title: 'Answers, prompt by prompt',
    caption:
      'LongHeads against the plain model on the same prompts. Below the beginning both are the same, bit by bit.',
    columns: [
      countColumn('length', 'Tokens', 'Mean tokens of the prompts.'),
      countColumn('n', 'Prompts', 'Prompts of this length.'),
      ...ways.map(column),
      numberColumn('difference', 'Difference', 'Share that LongHeads answers less that of the plain model.'),
      numberColumn('low', 'from', "Lower end of Tango's 95 % interval of the paired difference."),
      numberColumn('high', 'to', 'Its upper end.'),
    ],
    rows: lengths.map(({ length, n, difference, ...of }) => [
      length,
      n,
      ...ways.map((way) => of[way].correct),
      difference.value,
      difference.low,
      difference.high,
    ]),
  };
}

function losses({ positions, begin, budget }: LongHeadsResult): ChartSection {
  return {
    kind: 'chart',
    id: 'losses',
    title: 'Loss over the position',
    caption: `Mean loss of the next token by chunk; the window reads ${budget} positions. Beyond ${begin} heads choose chunks.`,
    x: { title: 'position', unit: '', scale: 'linear', min: 0 },
    y: { title: 'loss', unit: 'nats', scale: 'linear', min: 0 },
    series: ways.map((way) => ({
      id: way,
      title: titles[way],
      mark: 'line' as const,
      points: positions.map((at) => ({ x: at.position, y: at[way] })),
    })),
  };
}

function ranks({
  ranks: values,
  firsts,
  firstsLow,
  firstsHigh,
  opened,
  retrieving,
  ranked,
  candidates,
  chance,
}: LongHeadsResult): HeadsSection {
  return {
    kind: 'heads',
    id: 'ranks',
    title: "Rank of the needle's chunk",
    caption: `By what the last position scores, among ${threeDigits(candidates)} chunks on average, over ${counted(ranked, 'prompt', 'prompts')}; by chance it is first in ${threeDigits(100 * chance)} % of them.`,
    ask: 'Show the chunks it opens',
    numbers: [
      {
        name: 'first',
        title: 'ranked first',
        unit: '',
        definition: 'Share of prompts in which the chunk of the needle has the largest score.',
        scale: { kind: 'sequential', min: 0, max: 1 },
        values: firsts,
        low: firstsLow,
        high: firstsHigh,
        interval: "Wilson's 95 % interval over prompts",
      },
      {
        name: 'rank',
        title: 'mean rank',
        unit: '',
        definition:
          'Mean over prompts of 1 + the number of chunks that the last position scores higher; 1 is the best.',
        scale: { kind: 'sequential', min: 1 },
        values,
      },
      {
        name: 'opened',
        title: 'opened',
        unit: '',
        definition: 'Share of prompts in which the head reads the chunk of the needle for the last position.',
        scale: { kind: 'sequential', min: 0, max: 1 },
        values: opened,
      },
    ],
    classes: [
      {
        name: 'chunk-retrieval',
        title: 'chunk retrieval',
        definition:
          'Ranks it first in half of the prompts or more, and more often than by chance (p < 0.05 over all heads, binomial, Bonferroni).',
        heads: retrieving,
      },
    ],
    marked: retrieving,
  };
}

function coverage({ coverage: layers }: LongHeadsResult): TableSection {
  return {
    kind: 'table',
    id: 'coverage',
    title: 'Chunks that any head opens',
    caption:
      'For the last position, mean over prompts; the first chunk and the newest two, which are always read, left out.',
    columns: [
      countColumn('layer', 'Layer', 'From 0.'),
      numberColumn('opened', 'Chunks', 'Distinct chunks that any head of the layer opens.'),
      numberColumn('share', 'Share', 'Of the chunks that could be opened.'),
    ],
    rows: layers.map(({ layer, opened, share }) => [layer, cellOf(opened), cellOf(share)]),
  };
}

const reading = ({ note }: LongHeadsResult): TextSection => ({
  kind: 'text',
  id: 'reading',
  title: 'How to read this',
  paragraphs: [
    'LongHeads keeps the cache whole: it saves no memory, and makes distances small that the model was not trained for. What is chosen looks adjacent: the order of the text is kept, and distances are not.',
    'A chunk is ranked by the product of the query before rotation and the summary of the chunk, of each query head alone. A rank says what a head would open, not that the answer comes from it.',
    ...(note === '' ? [] : [note]),
  ],
});
