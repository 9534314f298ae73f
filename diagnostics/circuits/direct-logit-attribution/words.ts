import { quotedToken } from '../../../protocol/wire/token-name';
import type { DirectTarget } from './result';

/** `the logit of "␣Paris" less that of "␣Rome"` */
export function targetWords({ token, id, against, againstId }: DirectTarget): string {
  const name = (text: string, one: number | undefined): string =>
    one === undefined ? `the ${text}` : quotedToken(text);
  const first = `the logit of ${name(token, id)}`;
  return against === undefined ? first : `${first} less that of ${name(against, againstId)}`;
}
