/** The heads that are chosen on the map: a rectangle of layers and key/value heads. */
import type { HeadPlace } from '../../../protocol/schema/written-form';

export interface Selection {
  /** Where it began; the arrow keys with Shift move the other corner. */
  readonly anchor: HeadPlace;
  readonly corner: HeadPlace;
}

export const one = (place: HeadPlace): Selection => ({ anchor: place, corner: place });

export const row = (layer: number, heads: number): Selection => ({
  anchor: { layer, head: 0 },
  corner: { layer, head: Math.max(0, heads - 1) },
});

export const column = (head: number, layers: number): Selection => ({
  anchor: { layer: 0, head },
  corner: { layer: Math.max(0, layers - 1), head },
});

export const everything = (counts: readonly number[]): Selection => ({
  anchor: { layer: 0, head: 0 },
  corner: { layer: Math.max(0, counts.length - 1), head: Math.max(0, ...counts.map((count) => count - 1)) },
});

/** The chosen places that there are: `counts` are the key/value heads of each layer. */
export function placesIn({ anchor, corner }: Selection, counts: readonly number[]): readonly HeadPlace[] {
  const [top, bottom] = [Math.min(anchor.layer, corner.layer), Math.max(anchor.layer, corner.layer)];
  const [left, right] = [Math.min(anchor.head, corner.head), Math.max(anchor.head, corner.head)];
  const places: HeadPlace[] = [];
  for (let layer = top; layer <= bottom && layer < counts.length; layer += 1)
    for (let head = left; head <= right && head < (counts[layer] ?? 0); head += 1) places.push({ layer, head });
  return places;
}

/** `layer 2, key/value head 1`, or how many. */
export function selectionWords(selection: Selection, counts: readonly number[]): string {
  const places = placesIn(selection, counts);
  const [place] = places;
  if (place === undefined) return 'no head';
  if (places.length === 1) return `layer ${place.layer}, key/value head ${place.head}`;
  const last = places.at(-1) ?? place;
  const layers = place.layer === last.layer ? `layer ${place.layer}` : `layers ${place.layer} to ${last.layer}`;
  const heads =
    place.head === last.head ? `key/value head ${place.head}` : `key/value heads ${place.head} to ${last.head}`;
  return `${places.length} heads: ${layers}, ${heads}`;
}
