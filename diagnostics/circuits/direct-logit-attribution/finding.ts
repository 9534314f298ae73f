import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { DirectResult } from './result';
import { signed, threeDigits } from '../../../protocol/wire/number-words';
import { targetWords } from './words';

export function finding(result: Partial<DirectResult>): string {
  const { heads, target, logit, check, prompts = 1, embedding = Number.NaN, mlp = [], cross, recurrent } = result;
  if (!heads || !target || logit === undefined || !check) return 'Nothing is measured yet.';
  const [most] = ranked(heads);
  const over = prompts > 1 ? `, mean over ${prompts} prompts` : '';
  const whole = `${upper(targetWords(target))} is ${threeDigits(logit)}${over}`;
  const all = heads.flat().reduce((sum, value) => sum + value, 0);
  const networks = mlp.reduce((sum, value) => sum + value, 0);
  const crossed = cross
    ? `, those of cross-attention ${signed(cross.flat().reduce((sum, value) => sum + value, 0))}`
    : '';
  const beside = recurrent
    ? `, recurrences beside attention ${signed(recurrent.reduce((sum, value) => sum + value, 0))}`
    : '';
  const largest = most
    ? `, and the largest part of a head is ${signed(most.value)} of L${most.layer}H${most.head}`
    : '';
  return `${whole}: heads add ${signed(all)}${crossed}, MLPs ${signed(networks)}${beside}, the embedding ${signed(embedding)}${largest}. The parts sum to it within ${check.error === 0 ? 0 : check.error.toExponential(0)} of the logit scale.`;
}

const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export interface RankedHead extends HeadPlace {
  readonly value: number;
}

/** Heads by the size of what they add, largest first. */
export const ranked = (heads: DirectResult['heads']): readonly RankedHead[] =>
  heads
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
