/** What the analysis `divergence-set` saves: the fields of a saved set of captions. */
import {
  captionedPictures,
  measureFields,
  truthLabels,
  type HallucinationSet,
  type PictureSample,
} from './hallucination-schema';
import type { Schema } from '../schema/check';
import { object, whole } from '../schema/fields';

// A type and no interface: results are records.
export type SetResult = Required<
  Pick<
    HallucinationSet,
    | 'distance'
    | 'outliers'
    | 'positions'
    | 'k'
    | 'entries'
    | 'failures'
    | 'plain'
    | 'variants'
    | 'separation'
    | 'truthLabels'
    | 'total'
  >
> & { readonly sample: PictureSample };

const { distance, outliers, positions, k } = measureFields;
const { entries, failures, plain, variants, separation, total } = captionedPictures;

export const setResult: Schema<SetResult> = object<SetResult>({
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
  sample: object<PictureSample>({ count: whole, seed: whole, of: whole }),
});
