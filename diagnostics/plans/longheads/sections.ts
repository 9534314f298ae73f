/** What the analysis shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import { ways, type LongHeadsResult, type Way } from './result';
import * as build from '../../../protocol/sections/builders';

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

function accuracy({ lengths }: LongHeadsResult) {
  return build.chart(
    'accuracy',
    'Answers by length',
    'Share of prompts where each token of the answer has the largest logit, given the tokens of the answer before it.',
    build.axis('tokens of the prompt'),
    build.shareAxis('answered'),
    ways.map((way) =>
      build.line(
        way,
        titles[way],
        lengths.map((at) => ({ x: at.length, y: at[way].share, low: at[way].low, high: at[way].high })),
      ),
    ),
    { interval: "Wilson's 95 % interval over prompts" },
  );
}

function answers({ lengths }: LongHeadsResult) {
  const column = (way: Way) => build.count(way, titles[way], `Prompts answered, ${titles[way]}.`);
  return build.cellTable(
    'answers',
    'Answers, prompt by prompt',
    'LongHeads against the plain model on the same prompts. Below the beginning both are the same, bit by bit.',
    [
      build.count('length', 'Tokens', 'Mean tokens of the prompts.'),
      build.count('n', 'Prompts', 'Prompts of this length.'),
      ...ways.map(column),
      build.number('difference', 'Difference', 'Share that LongHeads answers less that of the plain model.'),
      build.number('low', 'from', "Lower end of Tango's 95 % interval of the paired difference."),
      build.number('high', 'to', 'Its upper end.'),
    ],
    lengths.map(({ length, n, difference, ...of }) => [
      length,
      n,
      ...ways.map((way) => of[way].correct),
      difference.value,
      difference.low,
      difference.high,
    ]),
  );
}

function losses({ positions, begin, budget }: LongHeadsResult) {
  return build.chart(
    'losses',
    'Loss over the position',
    `Mean loss of the next token by chunk; the window reads ${budget} positions. Beyond ${begin} heads choose chunks.`,
    build.axis('position', '', { min: 0 }),
    build.axis('loss', 'nats', { min: 0 }),
    ways.map((way) =>
      build.line(
        way,
        titles[way],
        positions.map((at) => ({ x: at.position, y: at[way] })),
      ),
    ),
  );
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
}: LongHeadsResult) {
  return build.heads(
    'ranks',
    "Rank of the needle's chunk",
    `By what the last position scores, among ${threeDigits(candidates)} chunks on average, over ${counted(ranked, 'prompt', 'prompts')}; by chance it is first in ${threeDigits(100 * chance)} % of them.`,
    [
      build.shares(
        'first',
        'ranked first',
        'Share of prompts in which the chunk of the needle has the largest score.',
        firsts,
        '',
        { low: firstsLow, high: firstsHigh, interval: "Wilson's 95 % interval over prompts" },
      ),
      build.scaled(
        { kind: 'sequential', min: 1 },
        'rank',
        'mean rank',
        'Mean over prompts of 1 + the number of chunks that the last position scores higher; 1 is the best.',
        values,
      ),
      build.shares(
        'opened',
        'opened',
        'Share of prompts in which the head reads the chunk of the needle for the last position.',
        opened,
      ),
    ],
    {
      ask: 'Show the chunks it opens',
      classes: [
        build.headClass(
          'chunk-retrieval',
          'chunk retrieval',
          'Ranks it first in half of the prompts or more, and more often than by chance (p < 0.05 over all heads, binomial, Bonferroni).',
          retrieving,
        ),
      ],
      marked: retrieving,
    },
  );
}

function coverage({ coverage: layers }: LongHeadsResult) {
  return build.table(
    'coverage',
    'Chunks that any head opens',
    'For the last position, mean over prompts; the first chunk and the newest two, which are always read, left out.',
    layers,
    [
      build.count('layer', 'Layer', 'From 0.'),
      build.number('opened', 'Chunks', 'Distinct chunks that any head of the layer opens.'),
      build.number('share', 'Share', 'Share of the chunks that could be opened.'),
    ],
  );
}

const reading = ({ note }: LongHeadsResult) =>
  build.paragraphs('reading', 'How to read this', [
    'LongHeads keeps the cache whole: it saves no memory, and makes distances small that the model was not trained for. What is chosen looks adjacent: the order of the text is kept, and distances are not.',
    'A chunk is ranked by the product of the query before rotation and the summary of the chunk, of each query head alone. A rank says what a head would open, not that the answer comes from it.',
    ...(note === '' ? [] : [note]),
  ]);
