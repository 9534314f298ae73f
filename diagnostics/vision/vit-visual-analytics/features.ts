/** Features of a picture under variants of the encoder. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { featuresOf, type Pooling } from './reader';

/** Bytes of attention maps of one layer that variants take side by side. */
const sideBySide = 256 * 2 ** 20;
const mostSideBySide = 16;

/** By variant: what the classifier or the probe reads. */
export async function featuresUnder(
  model: ModelRunner,
  prompt: Prompt,
  variants: readonly Variant[],
  pooling: Pooling,
): Promise<readonly (readonly number[])[]> {
  const { blocks, hiddenSize } = model.facts;
  const last = blocks.length - 1;
  const maps = 4 * prompt.ids.length ** 2 * Math.max(...blocks.map(({ heads }) => heads));
  const batch = Math.max(1, Math.min(mostSideBySide, Math.floor(sideBySide / maps)));
  const rows = pooling.reads === 'class' ? [0] : prompt.ids.map((_, row) => row);
  const found: (readonly number[])[] = [];
  for (let first = 0; first < variants.length; first += batch) {
    const some = variants.slice(first, first + batch);
    const { layers } = await model.run({
      ...prompt,
      variants: some,
      taps: [{ layer: last, tap: 'residual' }],
      tapRows: rows,
      logits: 'none',
    });
    const tap = layers[last]?.taps.residual;
    if (!(tap?.data instanceof Float32Array)) throw new RangeError('the run gave no rows of the last block');
    const size = rows.length * hiddenSize;
    const { data } = tap;
    // Variants that agree in every layer leave one stream.
    some.forEach((_, at) => {
      const from = data.length === size ? 0 : at * size;
      found.push(featuresOf(data.subarray(from, from + size), hiddenSize, pooling));
    });
  }
  return found;
}
