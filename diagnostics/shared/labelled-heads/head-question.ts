/** A head that is looked at more closely, and its map on the first prompt. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';

/** The head that was clicked, or that of a row of the table of chosen heads. */
export function askedHead(chosen: readonly HeadPlace[], { section, place }: SectionQuestion): HeadPlace {
  if (place.kind === 'head') return { layer: place.layer, head: place.head };
  const row = section === 'chosen' && place.kind === 'row' ? chosen[place.row] : undefined;
  if (!row) throw new RangeError(`nothing is known of this place of ${section}`);
  return { layer: row.layer, head: row.head };
}

/** Probabilities of a head under a variant, [n, n]; layers above it are not run. */
export async function mapOf(
  model: ModelRunner,
  sequence: Sequence,
  variant: Variant,
  place: HeadPlace,
): Promise<Float32Array> {
  const { layers } = await model.run({
    ...sequence,
    variants: [variant],
    maps: [place],
    depth: place.layer + 1,
    logits: 'none',
  });
  const map = layers[place.layer]?.maps.get(place.head);
  if (!map) throw new RangeError('the run gave no map');
  return map;
}
