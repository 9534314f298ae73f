import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { HeldOut } from './halves';

const points = (share: number): string => `${share < 0 ? '' : '+'}${threeDigits(share * 100)}`;

export const headsWords = (count: number): string => counted(count, 'head', 'heads');

export const heldOutWords = (count: number): string => counted(count, 'held-out prompt', 'held-out prompts');

/** `the accuracy on 20 held-out prompts goes from …`, no more than its interval allows. */
export function changeWords({ before, after, change, low, high, n }: HeldOut): string {
  const interval = Number.isNaN(low) ? '' : `, 95 % interval ${points(low)} to ${points(high)}`;
  const clear = low > 0 || high < 0 ? '' : '; chance alone may give that';
  return `the accuracy on ${heldOutWords(n)} goes from ${percent(before)} to ${percent(after)} (${points(change)} points${interval})${clear}.`;
}
