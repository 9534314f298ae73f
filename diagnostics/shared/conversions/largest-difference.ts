import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner } from '../../model-runner/model-runner';

/** The largest difference between the logits of a model under a variant and those of another model, at every position of a text. */
export async function largestDifference(
  model: ModelRunner,
  variant: Variant,
  other: ModelRunner,
  ids: readonly number[],
): Promise<number> {
  const [one, two] = [
    await model.run({ ids, variants: [variant], logits: 'all' }),
    await other.run({ ids, logits: 'all' }),
  ].map(({ logits }) => logits?.data);
  if (!(one instanceof Float32Array && two instanceof Float32Array)) throw new TypeError('a run gave no logits');
  return one.reduce((most, value, at) => Math.max(most, Math.abs(value - (two[at] ?? Number.NaN))), 0);
}
