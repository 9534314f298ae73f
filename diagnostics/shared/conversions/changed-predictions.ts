/** How far the predictions of variants are from those of a model. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner } from '../../model-runner/model-runner';
import { divergence } from '../../model-runner/sampling';
import type { JudgedText } from './texts';

/** Logits of a text are held for two variants at once. */
const mostTexts = 4;
const mostTokens = 64;

/**
 * By variant: mean over all rows of the first 64 tokens of at most 4 texts of KL(plain || variant) of the next-token distributions,
 * nats. `plain`: what all are held against.
 */
export async function klOfVariants(
  model: ModelRunner,
  texts: readonly JudgedText[],
  plain: Variant,
  variants: readonly Variant[],
): Promise<readonly number[]> {
  const sums = variants.map(() => 0);
  let rows = 0;
  for (const { ids: all } of texts.slice(0, mostTexts)) {
    const ids = all.slice(0, mostTokens);
    const logits = async (variant: Variant): Promise<Float32Array> => {
      const data = (await model.run({ ids, variants: [variant], logits: 'all' })).logits?.data;
      if (!(data instanceof Float32Array)) throw new TypeError('the run gave no logits');
      return data;
    };
    const own = await logits(plain);
    const width = own.length / ids.length;
    for (const [at, variant] of variants.entries()) {
      const other = await logits(variant);
      for (let from = 0; from < own.length; from += width) {
        sums[at] = (sums[at] ?? 0) + divergence(own.subarray(from, from + width), other.subarray(from, from + width));
      }
    }
    rows += ids.length;
  }
  return sums.map((sum) => sum / rows);
}
