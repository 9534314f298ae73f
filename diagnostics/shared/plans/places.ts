import type { HeadPlace } from '../../../protocol/schema/written-form';
/** Lists of heads. */

export const samePlace = (a: HeadPlace, b: HeadPlace): boolean => a.layer === b.layer && a.head === b.head;

export const isAmong = (places: readonly HeadPlace[], place: HeadPlace): boolean =>
  places.some((each) => samePlace(each, place));

/** As captions name a key/value head; `L1H2` is a query head. */
export const kvName = ({ layer, head }: HeadPlace): string => `L${layer}KV${head}`;

/** So many by name, the others counted. */
export function kvNames(places: readonly HeadPlace[], most = 6): string {
  const shown = places.slice(0, most).map(kvName).join(', ');
  return places.length > most ? `${shown} and ${places.length - most} more` : shown;
}
