/** Which instances of the test bags are shown. */
import type { Bag } from './bags';

const shownInstances = 40;

export interface Shown {
  readonly bag: Bag;
  readonly places: readonly { readonly instance: number; readonly pattern: number }[];
}

/** The test bag with most patterns: its instances by pattern, then some of its background. */
export function shownOf(test: readonly Bag[]): Shown {
  const kinds = ({ shows }: Bag): number => new Set(shows).size;
  const bag = test.reduce((best, one) => (kinds(one) > kinds(best) ? one : best));
  const places = bag.shows
    .map((pattern, instance) => ({ instance, pattern }))
    .sort((a, b) => (a.pattern < 0 ? 99 : a.pattern) - (b.pattern < 0 ? 99 : b.pattern) || a.instance - b.instance)
    .slice(0, shownInstances);
  return { bag, places };
}
