/** What a model says of a prompt besides the next token, as a result of heads has it: labels of a classifier, or an embedding. */
import type { Output } from '../schema/check';
import { figure, list, mostItems, object, oneOf, optional, text, texts } from '../schema/fields';
import { quotedToken } from '../wire/token-name';
import { counted, threeDigits } from '../wire/number-words';

const labels = object({
  /** What has the labels: the text, each token, or the two ends of an answer (`start`, `end`). */
  of: oneOf(['text', 'token', 'span']),
  names: texts,
  /** One row of a text, else one for each token: a logit for each label. */
  logits: list(list(figure, 'a list of numbers'), 'a list of rows', { most: mostItems }),
});

const embedding = object({
  /** How it is made, e.g. `mean of the tokens, normalised`. */
  made: text,
  /** The numbers of the vector. */
  values: list(figure, 'a list of numbers', { most: mostItems }),
});

export const readoutField = object({ labels: optional(labels), embedding: optional(embedding) });
export type ReadoutResult = Output<typeof readoutField>;

export interface LabelShare {
  readonly name: string;
  readonly logit: number;
  /** Softmax over the labels. */
  readonly probability: number;
}

/** Shares of the labels in one row, largest first. */
export function labelShares(
  { names }: Pick<NonNullable<ReadoutResult['labels']>, 'names'>,
  row: readonly number[],
): readonly LabelShare[] {
  const largest = Math.max(...row);
  const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return row
    .map((logit, at) => ({ name: names[at] ?? '', logit, probability: Math.exp(logit - largest) / sum }))
    .sort((a, b) => b.logit - a.logit);
}

/** Tokens of an answer at most, as the usual pipeline has it. */
const longestAnswer = 15;

/** The first and the last token of the answer with the largest sum of logits, the last not before the first. */
export function bestSpan(logits: readonly (readonly number[])[]): { readonly start: number; readonly end: number } {
  let best = { start: 0, end: 0, sum: -Infinity };
  logits.forEach(([from = -Infinity], start) => {
    for (let end = start; end < Math.min(logits.length, start + longestAnswer); end++) {
      const sum = from + (logits[end]?.[1] ?? -Infinity);
      if (sum > best.sum) best = { start, end, sum };
    }
  });
  return best;
}

/** One sentence each; `tokens`: the text of each token. */
export function readoutWords(readout: ReadoutResult | undefined, tokens: readonly string[]): readonly string[] {
  if (!readout) return [];
  const { labels: found, embedding: vector } = readout;
  return [
    ...(found ? [labelWords(found, tokens)] : []),
    ...(vector
      ? [`The embedding of the text has ${counted(vector.values.length, 'number', 'numbers')}: ${vector.made}.`]
      : []),
  ];
}

function labelWords(found: NonNullable<ReadoutResult['labels']>, tokens: readonly string[]): string {
  const { of, logits } = found;
  if (of === 'span') {
    const { start, end } = bestSpan(logits);
    const text = quotedToken(tokens.slice(start, end + 1).join(''));
    return start === end
      ? `The answer is ${text}, token ${start}.`
      : `The answer is ${text}, from token ${start} to ${end}.`;
  }
  const firsts = logits.map((row) => labelShares(found, row)[0]);
  const [first] = firsts;
  if (of === 'text' && first)
    return first.probability < 1
      ? `The text is labelled "${first.name}" (probability ${threeDigits(first.probability)}).`
      : `The text has ${threeDigits(first.logit)} for "${first.name}".`;
  const counts = new Map<string, number>();
  for (const one of firsts) if (one) counts.set(one.name, (counts.get(one.name) ?? 0) + 1);
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, 3);
  return `Tokens by label: ${most.map(([name, count]) => `"${name}" ${count}`).join(', ')}${counts.size > 3 ? ', …' : ''}.`;
}
