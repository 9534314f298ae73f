import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { FiniteStateResult } from './result';
import { nameOf, rankedHeads } from './sections';

export function finding(result: Partial<FiniteStateResult>): string {
  const { degree, errors, tolerance, largestDegree, rows } = result;
  if (!degree || !errors || tolerance === undefined || largestDegree === undefined || rows === undefined) {
    return 'Nothing is measured yet.';
  }
  const ranked = rankedHeads(result as FiniteStateResult);
  const [first] = ranked;
  if (!first) return 'Nothing is measured yet.';
  const degrees = ranked.map(({ layer, head }) => degree[layer]?.[head] ?? Number.NaN);
  const beyond = degrees.filter(Number.isNaN).length;
  if (beyond === ranked.length) {
    return `On ${rows} tokens no exponential series up to degree ${largestDegree} gives the outputs of a head within a relative error of ${threeDigits(tolerance)}.`;
  }
  const middle = degrees[(degrees.length - 1) >> 1] ?? Number.NaN;
  const most = beyond === 0 ? '' : ` ${counted(beyond, 'head needs', 'heads need')} more than ${largestDegree}.`;
  const median = Number.isNaN(middle) ? `more than ${largestDegree}` : String(middle);
  return `On ${rows} tokens the exponential series of degree ${degrees[0]} gives the outputs of ${nameOf(first)} within a relative error of ${threeDigits(tolerance)}; the median degree over ${counted(ranked.length, 'head', 'heads')} is ${median}.${most}`;
}
