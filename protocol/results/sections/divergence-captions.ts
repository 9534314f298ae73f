/** Captions of the analysis `divergence` as sections: the plain one, and those with scaled heads beside it. */
import type { Scale } from '../../sections/figure';
import type { GenerationsSection } from '../../sections/generations';
import type { ChartSection } from '../../sections/chart';
import type { Section } from '../../sections/section';
import type { TableSection } from '../../sections/table';
import type { TokensSection } from '../../sections/tokens';
import type { Caption, ObjectMention } from '../hallucination-schema';
import { counted, threeDigits } from '../../wire/number-words';
import {
  reinforcedCaptions,
  type DivergenceResult,
  type MeasuredCaption,
  type ReinforcedCaption,
} from '../divergence-result';
import { unknownLabels } from '../unknown-labels';
import { captionScores } from './caption-scores';
import { removedWords } from './ranked-heads';
import { variantName, variantWords } from './variant-name';
import { verdictOf, verdictWords, wordClasses } from './word-classes';
import { wordTVhd } from './word-numbers';
import * as build from '../../sections/builders';

/** The plain caption. A question about it may ask for another one, with scaled heads. */
export const captionId = 'caption';

/** A caption with scaled heads, by its place among `reinforcedCaptions`. */
export const reinforcedId = (at: number): string => `reinforced-caption${at === 0 ? '' : `-${at + 1}`}`;

const share: Scale = { kind: 'sequential', max: 1 };

/** The tokens of each caption. */
export function ribbonsOf(result: Partial<DivergenceResult>): readonly Section[] {
  const { caption } = result;
  if (!caption || caption.tokens.length === 0) return [];
  const others = writtenBeside(result);
  const tVhd = sharedScale([caption, ...others]);
  return [
    { ...captionOf(captionId, 'Caption', caption, { ...result, tVhd, words: scoreWords(caption) }), variants: true },
    ...others.map((one, at) =>
      captionOf(reinforcedId(at), `Caption with ${variantName(one)}`, one, {
        ...result,
        tVhd,
        words: [differenceWords(caption, one), scoreWords(one), variantWords(one.reinforcement)].join(' ').trim(),
      }),
    ),
  ];
}

/** T-VHD along the captions. */
export function ribbonCharts(result: Partial<DivergenceResult>): readonly ChartSection[] {
  const { caption } = result;
  if (!caption || caption.tokens.length < 2) return [];
  return [tVhdOf(caption, writtenBeside(result))];
}

const writtenBeside = (result: Partial<DivergenceResult>): readonly ReinforcedCaption[] =>
  reinforcedCaptions(result).filter(({ tokens }) => tokens.length > 0);

/** Captions of a result are compared by colour, on one scale; one alone has its own. */
function sharedScale(captions: readonly MeasuredCaption[]): Scale {
  const values = captions.flatMap(({ tokens }) => tokens.map(({ tVhd }) => tVhd)).filter(Number.isFinite);
  if (captions.length < 2 || values.length === 0) return build.ranges.sequential;
  return { kind: 'sequential', max: values.reduce((a, b) => Math.max(a, b)) };
}

interface Shown extends Partial<Pick<DivergenceResult, 'removed' | 'k'>> {
  readonly tVhd?: Scale;
  /** Said under the title, before what is wrong with the text. */
  readonly words?: string;
}

/** A caption with the numbers of its tokens; its words have a class where it is known which objects they name. */
function captionOf(
  id: string,
  title: string,
  { tokens, stoppedAt, broken, mentions = [] }: MeasuredCaption,
  { tVhd = build.ranges.sequential, words = '', ...result }: Shown,
): TokensSection {
  const classes = wordClasses({ tokens, mentions });
  const what = removedWords(result);
  const notes = [
    ...(words === '' ? [] : [words]),
    ...(stoppedAt === undefined ? [] : [`Cut after ${stoppedAt} tokens, before the text had ended.`]),
    ...(broken === undefined ? [] : [broken]),
  ];
  const number = (name: 'tVhd' | 'probability' | 'visualAttention') => tokens.map((token) => token[name]);
  return {
    kind: 'tokens',
    id,
    title,
    ...(notes.length > 0 ? { caption: notes.join(' ') } : {}),
    ask: 'Show the heads at this token',
    asksAtOnce: true,
    ...(classes ? { classes } : {}),
    tokens: tokens.map(({ text }) => text),
    numbers: [
      build.scaled(
        tVhd,
        'tVhd',
        'T-VHD',
        `sum over the layers of the ${result.k ?? 'k'} largest VHD of each, outliers included`,
        number('tVhd'),
      ),
      build.scaled(share, 'probability', 'Probability', 'softmax of the logits at the token', number('probability')),
      build.scaled(
        share,
        'visualAttention',
        result.removed?.kind === 'span' ? 'Attention on the span' : 'Visual attention',
        `sum over ${what} of p(query, key), mean over all heads`,
        number('visualAttention'),
      ),
    ],
  };
}

/** Texts side by side, and their scores. */
export function captionTables(result: Partial<DivergenceResult>): readonly Section[] {
  const { caption, truthLabels } = result;
  const others = reinforcedCaptions(result);
  if (!caption) return [];
  const unknown = truthLabels && unknownLabels(truthLabels);
  const named = [
    { name: 'plain', caption },
    ...others.map((one) => ({ name: variantName(one), caption: one })),
  ].flatMap(({ name, caption: { mentions, ...rest } }) => (mentions ? [{ name, caption: { ...rest, mentions } }] : []));
  return [
    ...(others.length > 0 ? [textsOf(caption, others)] : []),
    ...(named.length > 0 ? [captionScores(named, unknown === undefined ? '' : `${unknown}.`)] : []),
    ...wordsOf(named),
  ];
}

interface ObjectWord {
  readonly name: string;
  readonly mention: ObjectMention;
  readonly tVhd: number;
}

/** Each word that names an object, those that depend least on what was left out first. */
function wordsOf(
  captions: readonly { readonly name: string; readonly caption: MeasuredCaption }[],
): readonly TableSection[] {
  const words = captions.flatMap(({ name, caption }) =>
    (caption.mentions ?? []).map((mention): ObjectWord => ({ name, mention, tVhd: wordTVhd(caption, mention) })),
  );
  if (words.length === 0) return [];
  return [
    build.table<ObjectWord>(
      'object-words',
      'Words that name objects',
      'Low T-VHD: said by habit of the language, whatever is left out.',
      words.sort((a, b) => a.tVhd - b.tVhd),
      [
        captions.length > 1 && build.text<ObjectWord>('caption', 'Caption', ({ name }) => name),
        build.text<ObjectWord>('word', 'Word', ({ mention }) => mention.word),
        build.text<ObjectWord>('object', 'Object', ({ mention }) => mention.object),
        build.text<ObjectWord>('truth', 'In the picture', ({ mention }) => verdictWords[verdictOf(mention)]),
        build.number<ObjectWord>('t_vhd', 'T-VHD', 'of the token that begins the word', ({ tVhd }) => tVhd),
      ],
    ),
  ];
}

function textsOf(caption: MeasuredCaption, others: readonly ReinforcedCaption[]): GenerationsSection {
  const [only, ...more] = others;
  return {
    kind: 'generations',
    id: 'captions',
    title: more.length > 0 ? 'Captions side by side' : 'Plain and reinforced caption',
    ...(only && more.length === 0 ? { caption: variantWords(only.reinforcement) } : {}),
    variants: ['plain', ...others.map(variantName)],
    items: [{ title: 'Caption', texts: [caption.text, ...others.map(({ text }) => text)] }],
  };
}

function tVhdOf(caption: MeasuredCaption, others: readonly ReinforcedCaption[]): ChartSection {
  const series = (id: string, title: string, { tokens }: MeasuredCaption): ChartSection['series'][number] =>
    build.line(
      id,
      title,
      tokens.map(({ tVhd, text }, x) => ({ x, y: tVhd, label: text })),
    );
  return build.chart(
    't-vhd',
    'T-VHD over the caption',
    others.length === 0
      ? undefined
      : `For ${others.length === 1 ? 'both' : 'all'} texts, T-VHD is that of the plain model.`,
    build.axis('Token'),
    build.axis('T-VHD', '', { min: 0 }),
    [
      series('plain', 'Plain', caption),
      ...others.map((one, at) =>
        series(`reinforced${at === 0 ? '' : `-${at + 1}`}`, capitalised(variantName(one)), one),
      ),
    ],
  );
}

const capitalised = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}`;

/** The token from which on the texts differ; undefined where they are the same. */
export function firstDifference(
  { tokens }: Pick<MeasuredCaption, 'tokens'>,
  other: Pick<MeasuredCaption, 'tokens'>,
): number | undefined {
  const at = other.tokens.findIndex(({ id }, index) => tokens[index]?.id !== id);
  if (at >= 0) return at;
  return other.tokens.length < tokens.length ? other.tokens.length : undefined;
}

function differenceWords(caption: MeasuredCaption, other: MeasuredCaption): string {
  const at = firstDifference(caption, other);
  return at === undefined
    ? 'The same text as the plain caption.'
    : `Differs from the plain caption from token ${at} on.`;
}

/** `14 words, 3 objects, 1 of them not in the picture, recall 50 %.`; empty where the words were not looked up. */
function scoreWords({ score, mentions }: Pick<MeasuredCaption, 'score'> & Partial<Pick<Caption, 'mentions'>>): string {
  if (!score) {
    return mentions === undefined || mentions.length === 0
      ? ''
      : `${objects(mentions.length)} of the lexicon, not judged.`;
  }
  const { length, hallucinated, recall } = score;
  const wrong = hallucinated === 0 ? 'all of them in the picture' : `${hallucinated} of them not in the picture`;
  const parts = [
    counted(length, 'word', 'words'),
    score.mentions === 0 ? 'no object' : `${objects(score.mentions)}, ${wrong}`,
    ...(recall === null ? [] : [`recall ${threeDigits(100 * recall)} %`]),
  ];
  return `${parts.join(', ')}.`;
}

const objects = (count: number): string => counted(count, 'object', 'objects');
