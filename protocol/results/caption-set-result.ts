/** What the analysis `divergence-set` saves: the fields of a saved set of captions. */
import { captionedPictures, measureFields, pictureSample, truthLabels } from './hallucination-schema';
import type { Output } from '../schema/check';
import { object, optional } from '../schema/fields';
import { parity } from '../schema/parts';

const { distance, outliers, positions, k } = measureFields;
const { entries, failures, plain, variants, separation, total } = captionedPictures;

export const setResult = object({
  distance,
  outliers,
  positions,
  k,
  entries,
  failures,
  plain,
  variants,
  separation,
  truthLabels,
  total,
  sample: pictureSample,
  /** Parity of the last picture that was run; absent in results of earlier versions. */
  parity: optional(parity),
});
export type SetResult = Output<typeof setResult>;
