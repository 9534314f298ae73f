/** What is shown: tokens of the answer against parts of the picture, in both directions. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { ImageSection } from '../../../protocol/sections/image';
import type { Section } from '../../../protocol/sections/section';
import type { TokensSection } from '../../../protocol/sections/tokens';
import { quotedToken, shownToken } from '../../../protocol/wire/token-name';
import { needs, whatIsSeen } from './finding';
import type { Method } from './deletion';
import { ranked } from './deletion';
import type { RelevanceResult, RelevantToken } from './result';
import { byRow } from './squares';
import * as build from '../../../protocol/sections/builders';

export const sectionIds = { answer: 'answer', seen: 'maps' } as const;

/** Tokens whose maps are shown to switch between; of others they are asked. */
const mostMaps = 6;

export const definitions = {
  occlusion: 'ln of the probability of the token, less the same with the square hidden: its keys are read by no row',
  rollout:
    'row of R of the query that predicts the token: R <- R + M R over layers, M = mean over heads of (dy/dA * A)^+, y the logit of the token',
  attention: 'attention of the query that predicts the token, mean over layers and heads',
} as const;

const titles: Readonly<Record<Method | 'random', string>> = {
  occlusion: 'occlusion',
  rollout: 'gradient x attention',
  attention: 'attention alone',
  random: 'random order',
};

export function sections(result: Partial<RelevanceResult>): readonly Section[] {
  const { words = [] } = result;
  if (words.length === 0 || !isKnown(result)) return [];
  return [
    answerSection(result),
    ...mapsSection(result),
    ...sharesSection(result),
    ...textSection(result),
    ...deletionSection(result),
    ...agreementSection(result),
  ];
}

const isKnown = (result: Partial<RelevanceResult>): result is RelevanceResult => result.squares !== undefined;

const nats = { unit: 'nats', scale: build.ranges.diverging } as const;
const share = { unit: '', scale: build.ranges.fromZero } as const;

function answerSection(result: RelevanceResult): TokensSection {
  const { words, region } = result;
  const what = whatIsSeen(result);
  return {
    kind: 'tokens',
    id: sectionIds.answer,
    title: `How much the answer needs the ${what}`,
    caption: `The ${what} is hidden from all rows. Marked: tokens that lose more than ${needs} nats.`,
    ask: 'Show its maps',
    tokens: words.map(({ text }) => text),
    numbers: [
      {
        name: 'whole',
        title: `Lost without the ${what}`,
        ...nats,
        definition: `ln of the probability of the token, less the same with the ${what} hidden`,
        values: words.map(({ whole }) => whole),
      },
      ...(region
        ? [
            {
              name: 'region',
              title: `Lost without ${region.written}`,
              ...nats,
              definition: `ln of the probability of the token, less the same with ${region.written} hidden`,
              values: words.map((word) => word.region ?? Number.NaN),
            },
          ]
        : []),
      {
        name: 'rollout',
        title: `Gradient x attention on the ${what}`,
        ...share,
        definition: `share of the ${what} in the relevance of all tokens that are read (row of R less the identity)`,
        values: words.map(({ shares }) => shares?.seen ?? Number.NaN),
      },
      {
        name: 'attention',
        title: `Attention on the ${what}`,
        ...share,
        definition: `attention of the query that predicts the token on the ${what}, mean over layers and heads`,
        values: words.map(({ attentionOnSeen }) => attentionOnSeen),
      },
      {
        name: 'probability',
        title: 'Probability',
        ...share,
        definition: 'of the token, behind the prompt and the tokens before it',
        values: words.map(({ probability }) => probability),
      },
    ],
    classes: { names: [`needs the ${what}`], of: words.map(({ whole }) => (whole > needs ? 0 : -1)) },
  };
}

/** The part that is hidden as a whole, as far as it lies in the picture. */
function outlined(region: RelevanceResult['region'], seen: readonly number[]): Pick<ImageSection, 'outlined'> {
  const tokens = [...seen.keys()].filter((place) => region?.rows.includes(seen[place] ?? -1));
  return region && tokens.length > 0 ? { outlined: [{ name: region.written, tokens }] } : {};
}

/** Numbers of the rows that are seen, drawn over the picture; of a span along its tokens. */
export function overSeen(
  { image, seen, seenTokens, region }: RelevanceResult,
  words: Pick<ImageSection, 'id' | 'title' | 'caption' | 'ask'>,
  numbers: ImageSection['numbers'],
): ImageSection | TokensSection {
  return image
    ? { kind: 'image', ...words, image, numbers, ...outlined(region, seen) }
    : { kind: 'tokens', ...words, tokens: seenTokens, numbers };
}

const named = ({ text }: RelevantToken, at: number): string => `${at}: ${shownToken(text)}`;

function mapsSection(result: RelevanceResult): readonly Section[] {
  const { words, squares, seen, side } = result;
  if (words.some(({ occlusion }) => occlusion.length === 0)) return [];
  const what = whatIsSeen(result);
  const shown = ranked(words.map(({ whole }) => whole)).slice(0, mostMaps);
  const size = result.image ? `${side} x ${side} patches` : `${side} ${side === 1 ? 'token' : 'tokens'}`;
  return [
    overSeen(
      result,
      {
        id: sectionIds.seen,
        title: `Parts of the ${what} that a token needs`,
        caption: `By occlusion, ${size} at a time; above 0 the token loses probability without them. The ${shown.length} tokens that lose most without the whole ${what}; of others ask in the answer.`,
        ask: 'Show which tokens need it',
      },
      shown.flatMap((at) => {
        const word = words[at];
        if (!word) return [];
        return [
          {
            name: `token-${at}`,
            title: named(word, at),
            ...nats,
            definition: definitions.occlusion,
            values: byRow(word.occlusion, squares, seen.length),
          },
        ];
      }),
    ),
  ];
}

function sharesSection(result: RelevanceResult): readonly ChartSection[] {
  const { words } = result;
  if (words.some(({ shares }) => shares === undefined)) return [];
  const what = whatIsSeen(result);
  const parts = [
    ['seen', `the ${what}`],
    ['first', 'the first token'],
    ['prompt', 'the rest of the prompt'],
    ['answer', 'earlier tokens of the answer'],
  ] as const;
  return [
    build.chart(
      'shares',
      'What each token of the answer goes by',
      'Shares of the relevance by gradient and attention (row of R less the identity). The first token draws attention whatever it says.',
      build.categoryAxis('token of the answer', words.map(named)),
      build.shareAxis('share of relevance'),
      parts
        // Where the first token is seen it has no part of its own.
        .filter(([name]) => name !== 'first' || !result.seen.includes(0))
        .map(([name, title]) =>
          build.stack(
            name,
            title,
            words.map(({ shares }, x) => ({ x, y: shares?.[name] ?? Number.NaN })),
          ),
        ),
    ),
  ];
}

function textSection(result: RelevanceResult): readonly Section[] {
  const { words, textTokens } = result;
  if (words.some(({ rolloutOnText }) => rolloutOnText.length === 0)) return [];
  const what = whatIsSeen(result);
  return [
    {
      kind: 'map',
      id: 'text',
      title: 'Words that a token goes by',
      caption: `The text without the ${what}, and the answer: relevance by gradient and attention.`,
      unit: '',
      definition: definitions.rollout,
      scale: build.ranges.fromZero,
      rows: { title: 'token of the answer', labels: words.map(({ text }) => text) },
      columns: {
        title: 'token that is read',
        labels: [...textTokens, ...words.slice(0, -1).map(({ text }) => text)],
      },
      values: words.map(({ rolloutOnText }) => rolloutOnText),
    },
  ];
}

function deletionSection(result: RelevanceResult): readonly ChartSection[] {
  const { deletion, words } = result;
  if (!deletion) return [];
  const what = whatIsSeen(result);
  const of = deletion.of.map((at) => quotedToken(words[at]?.text ?? '')).join(', ');
  return [
    build.chart(
      'deletion',
      'Which map is faithful',
      `The most relevant squares of each map are hidden first: of a faithful one the token loses more than of squares in random order. Mean over ${of}. The map by occlusion is ahead at small shares by construction: it comes from hiding single squares in the same way.`,
      build.shareAxis(`share of the ${what} that is hidden`),
      build.axis('lost', 'nats'),
      deletion.curves.map(({ name, values, low, high }) =>
        build.line(
          name,
          titles[name as keyof typeof titles],
          deletion.shares.map((x, at) => ({
            x,
            y: values[at] ?? Number.NaN,
            ...(low && high ? { low: low[at] ?? Number.NaN, high: high[at] ?? Number.NaN } : {}),
          })),
        ),
      ),
      { interval: `smallest and largest of ${deletion.draws} random orders` },
    ),
  ];
}

function agreementSection({ words }: RelevanceResult): readonly Section[] {
  if (words.some(({ agreement }) => agreement === undefined)) return [];
  const rank = (name: string, title: string) =>
    build.number(name, title, "Spearman's rank correlation over the squares");
  const top = (name: string, title: string, other: string) =>
    build.number(
      name,
      title,
      `of the tenth of the squares that occlusion ranks first (at least one), the share that is in the first tenth of ${other}`,
    );
  return [
    build.table(
      'agreement',
      'Whether the maps agree',
      'Token by token: do the methods rank the squares alike, and do they begin with the same? Most squares matter little to a token, and their ranks are noise.',
      words,
      [
        build.text('token', 'Token', ({ text }) => text),
        build.number('whole', 'Lost', 'ln of its probability, less the same without the whole', 'nats'),
        { ...rank('occlusion-rollout', 'Occlusion, gradient'), cell: ({ agreement }) => agreement?.occlusionRollout },
        {
          ...rank('occlusion-attention', 'Occlusion, attention'),
          cell: ({ agreement }) => agreement?.occlusionAttention,
        },
        { ...rank('rollout-attention', 'Gradient, attention'), cell: ({ agreement }) => agreement?.rolloutAttention },
        {
          ...top('top-rollout', 'Top tenth, gradient', titles.rollout),
          cell: ({ agreement }) => agreement?.topRollout,
        },
        {
          ...top('top-attention', 'Top tenth, attention', titles.attention),
          cell: ({ agreement }) => agreement?.topAttention,
        },
      ],
    ),
  ];
}
