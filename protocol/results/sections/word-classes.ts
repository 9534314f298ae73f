/** Which words of a caption name an object, and what the truth says of them. */
import type { ObjectMention } from '../hallucination-schema';

export type Verdict = 'true' | 'hallucinated' | 'unjudged';

export const verdictOf = ({ inTruth }: ObjectMention): Verdict =>
  inTruth === undefined ? 'unjudged' : inTruth ? 'true' : 'hallucinated';

export const verdictWords: Readonly<Record<Verdict, string>> = {
  true: 'in the picture',
  hallucinated: 'not in the picture',
  unjudged: 'an object, not judged',
};

export const verdictMarks: Readonly<Record<Verdict, string>> = { true: '✓', hallucinated: '✗', unjudged: '?' };

interface Mentioned {
  readonly tokens: readonly { readonly text: string }[];
  readonly mentions: readonly ObjectMention[];
}

/** The mention that each token is a part of; a word may take several tokens, and the space before it is one of them. */
export function mentionsOfTokens({ tokens, mentions }: Mentioned): readonly (ObjectMention | undefined)[] {
  let offset = 0;
  return tokens.map(({ text }) => {
    const [start, end] = [offset, offset + text.length];
    offset = end;
    return text.length === 0 ? undefined : mentions.find((one) => start < one.end && one.start < end);
  });
}

const order = ['hallucinated', 'true', 'unjudged'] as const satisfies readonly Verdict[];

/** Classes of the tokens of a caption, the same in all captions; undefined where it names no object. */
export function wordClasses(caption: Mentioned) {
  const of = mentionsOfTokens(caption).map((mention) => (mention ? order.indexOf(verdictOf(mention)) : -1));
  if (of.every((one) => one < 0)) return undefined;
  return {
    names: order.map((verdict) => verdictWords[verdict]),
    marks: order.map((verdict) => verdictMarks[verdict]),
    of,
  };
}
