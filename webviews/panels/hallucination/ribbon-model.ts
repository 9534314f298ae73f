/** The caption as words: which tokens make a word of the lexicon, and the colour of each token. Pure. */
import type { Caption, CaptionToken, ObjectMention } from '../../../protocol/results/hallucination-schema';
import { percent, significant } from '../../ui/numbers';
import { quotedToken } from '../../../protocol/wire/token-name';

/** Steps of the scale, as classes of the style sheet: the panel's policy allows no inline style. */
export const shades = 12;

export type Verdict = 'true' | 'hallucinated' | 'unjudged';

export const verdictOf = ({ inTruth }: ObjectMention): Verdict =>
  inTruth === undefined ? 'unjudged' : inTruth ? 'true' : 'hallucinated';

export const verdictWords: Readonly<Record<Verdict, string>> = {
  true: 'in the picture',
  hallucinated: 'not in the picture',
  unjudged: 'an object, not judged',
};

export const verdictMarks: Readonly<Record<Verdict, string>> = { true: '✓', hallucinated: '✗', unjudged: '?' };

/** Tokens [from, to) of the caption; with the mention that they spell, or none. */
export interface Run {
  readonly from: number;
  readonly to: number;
  readonly mention?: ObjectMention;
}

export function runsOf({
  tokens,
  mentions,
}: {
  readonly tokens: readonly { readonly text: string }[];
  readonly mentions: Caption['mentions'];
}): readonly Run[] {
  const runs: Run[] = [];
  let offset = 0;
  tokens.forEach(({ text }, at) => {
    const [start, end] = [offset, offset + text.length];
    offset = end;
    const mention = text.length === 0 ? undefined : mentions.find((one) => start < one.end && one.start < end);
    const last = runs.at(-1);
    if (last && last.mention === mention) runs[runs.length - 1] = { ...last, to: at + 1 };
    else runs.push({ from: at, to: at + 1, ...(mention ? { mention } : {}) });
  });
  return runs;
}

export interface Scale {
  readonly low: number;
  readonly high: number;
}

/** One scale for all captions of a result: they are compared by colour. */
export function scaleOf(captions: readonly { readonly tokens: readonly CaptionToken[] }[]): Scale | undefined {
  const values = captions.flatMap(({ tokens }) => tokens.map(({ tVhd }) => tVhd)).filter(Number.isFinite);
  if (values.length === 0) return undefined;
  // A set may hold more values than a call takes arguments.
  return values.reduce<Scale>(({ low, high }, value) => ({ low: Math.min(low, value), high: Math.max(high, value) }), {
    low: Infinity,
    high: -Infinity,
  });
}

export function shadeOf({ low, high }: Scale, value: number): number {
  const share = high > low ? (value - low) / (high - low) : 1;
  return Math.min(shades - 1, Math.max(0, Math.floor(share * shades)));
}

export const median = (values: readonly number[]): number => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

/** T-VHD of the token that begins the word: later tokens of a word follow from it. */
export function wordTVhd({ tokens }: Pick<Caption, 'tokens'>, mention: ObjectMention): number {
  let offset = 0;
  for (const { text, tVhd } of tokens) {
    offset += text.length;
    // A token may begin with the space before the word.
    if (offset > mention.start) return tVhd;
  }
  return Number.NaN;
}

/** `lacks`: what the second pass lacks, which the attention of the query that made the token may lie on. */
export const tokenWords = (
  token: CaptionToken,
  at: number,
  mention: ObjectMention | undefined,
  lacks: string,
): string =>
  [
    `token ${at + 1} ${quotedToken(token.text)}`,
    `T-VHD ${significant(token.tVhd)}`,
    `probability ${significant(token.probability)}`,
    `${percent(token.visualAttention)} of the attention on ${lacks}`,
    ...(mention ? [`“${mention.object}” is ${verdictWords[verdictOf(mention)]}`] : []),
  ].join(' · ');
