import type { DirectTarget } from './result';
import { threeDigits } from '../words';

export const signed = (value: number): string => `${value < 0 ? '' : '+'}${threeDigits(value)}`;

const quoted = (words: string): string => JSON.stringify(words);

/** `the logit of " Paris" less that of " Rome"` */
export function targetWords({ token, id, against, againstId }: DirectTarget): string {
  const name = (text: string, one: number | undefined): string => (one === undefined ? `the ${text}` : quoted(text));
  const first = `the logit of ${name(token, id)}`;
  return against === undefined ? first : `${first} less that of ${name(against, againstId)}`;
}
