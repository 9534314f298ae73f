import { quotedToken } from '../../../protocol/wire/token-name';
import { signed, threeDigits } from '../../../protocol/wire/number-words';
import type { WeightResult } from './result';
import { partWords } from './words';

export function finding(result: Partial<WeightResult>): string {
  const {
    layer,
    head,
    query,
    key,
    against,
    tokens,
    weight,
    againstWeight,
    score,
    parts = [],
    largest = [],
    check,
  } = result;
  if (layer === undefined || !tokens || weight === undefined || score === undefined || !check) {
    return 'Nothing is measured yet.';
  }
  const at = (place: number | undefined, text = ''): string => `${place} (${quotedToken(text)})`;
  const rival =
    against === undefined
      ? ''
      : ` and the one at ${at(against, tokens.against)} ${threeDigits(againstWeight ?? Number.NaN)}`;
  const first = `L${layer}H${head} at ${at(query, tokens.query)} gives the key at ${at(key, tokens.key)} ${threeDigits(weight)} of its attention${rival}`;
  const [pair] = largest;
  const [from, to] = [parts[pair?.query ?? -1], parts[pair?.key ?? -1]];
  const most =
    pair && from && to
      ? `; the largest part of its ${against === undefined ? 'score' : 'lead in score'} of ${threeDigits(score)} is ${signed(pair.value)}, ${partWords(from)} in the query with ${partWords(to)} in the key`
      : '';
  return `${first}${most}. All pairs of parts sum to it within ${check.error === 0 ? '0' : check.error.toExponential(0)}.`;
}
