/**
 * A steering vector of two sets of prompts. With h_l(x) [hidden size] the residual stream that leaves layer l on the prompt x, at its
 * last position or as the mean over all of them, v_l is the mean of h_l over the prompts of `toward` less the mean over those of
 * `from`; every prompt counts alike. This is the mean difference of contrastive activation addition (arXiv:2312.06681, section 3, at
 * the position of the answer), which needs no pairs; activation addition (arXiv:2308.10248) is the case of one prompt each. Nothing
 * is brought to length 1, so that strength 1 leads from the mean of one set to that of the other. Representation engineering
 * (arXiv:2310.01405) takes the first principal component of the differences of pairs instead, of no length.
 */
import type { SteeringPosition, SteeringReply } from '../../../protocol/compute/steering';
import { sequencePart } from '../../model-runner/sequence';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';

export interface SteeringSets {
  readonly toward: readonly Prompt[];
  readonly from: readonly Prompt[];
  readonly layers: readonly number[];
  readonly position: SteeringPosition;
}

/** Prompts that were run; at the end the vectors in the order of the layers. */
export async function* meanDifference(
  model: Pick<ModelRunner, 'run' | 'facts'>,
  { toward, from, layers, position }: SteeringSets,
): AsyncGenerator<number, SteeringReply['vectors']> {
  const width = model.facts.hiddenSize;
  const sums = layers.map(() => new Float64Array(width));
  const lengths = layers.map(() => 0);
  let done = 0;
  for (const [prompts, share] of [
    [toward, 1 / toward.length],
    [from, -1 / from.length],
  ] as const) {
    for (const prompt of prompts) {
      const last = prompt.ids.length - 1;
      const result = await model.run({
        ...sequencePart(prompt),
        logits: 'none',
        depth: Math.max(...layers) + 1,
        taps: layers.map((layer) => ({ layer, tap: 'residual' })),
        ...(position === 'last' ? { tapRows: [last] } : {}),
      });
      layers.forEach((layer, at) => {
        const state = meanRow(result.layers[layer]?.taps.residual?.data, width);
        const sum = sums[at];
        state.forEach((value, column) => {
          if (sum) sum[column] = (sum[column] ?? 0) + share * value;
        });
        lengths[at] = (lengths[at] ?? 0) + Math.hypot(...state) / (toward.length + from.length);
      });
      yield ++done;
    }
  }
  return layers.map((layer, at) => ({
    layer,
    data: Float32Array.from(sums[at] ?? []),
    streamLength: lengths[at] ?? NaN,
  }));
}

/** The mean over the rows of [n, width]. */
function meanRow(data: unknown, width: number): Float64Array {
  if (!(data instanceof Float32Array)) throw new TypeError('the layer gave no residual stream');
  const mean = new Float64Array(width);
  data.forEach((value, at) => (mean[at % width] = (mean[at % width] ?? 0) + value));
  return mean.map((sum) => (sum * width) / data.length);
}
