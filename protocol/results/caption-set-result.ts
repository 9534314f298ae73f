/** What the analysis `divergence-set` saves: the fields of a saved set of captions. */
import { captionedPictures, measureFields, pictureSample, truthLabels } from './hallucination-schema';
import type { Output } from '../schema/check';
import { object, optional } from '../schema/fields';
import { chatPrompt, parity } from '../schema/parts';

export const setAnalysis = { id: 'divergence-set', title: 'Captions of a set of pictures' } as const;

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
  /** Absent in results of earlier versions. */
  truthLabels: optional(truthLabels),
  total,
  /** Absent where all pictures were asked for, in results that were read from a file of `headscope captions`. */
  sample: optional(pictureSample),
  /** Where the prompt went through the chat template of the model. */
  chatPrompt: optional(chatPrompt),
  /** Parity of the last picture that was run; absent in results of earlier versions. */
  parity: optional(parity),
});
export type SetResult = Output<typeof setResult>;
