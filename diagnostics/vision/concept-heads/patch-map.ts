/**
 * Where in a picture heads find what a text says: what each token j gives to the score e . t through the heads of late layers,
 *
 *   s(j) = sum over layers l, heads h, rows i of (r(i) A_lh(i, j) v_lh(j) Wo_lh) M^T t
 *
 * with A attention, v values, and r and M of the readout (arXiv:2310.05916, equation 4 and section 5.1). Over all tokens it sums to
 * the contribution of these heads along t, their output biases left out.
 */
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { tapOf, type OutputMaps } from './contributions';
import { addTo, type LinearReadout } from './readout';
import { dot } from '../../../kernels/tensors/vectors';

export interface HeadsOfMap {
  readonly firstLayer: number;
  /** One head alone; absent: all of these layers. */
  readonly head?: { readonly layer: number; readonly head: number };
}

/** [texts][tokens of the encoder] */
export async function patchMap(
  model: ModelRunner,
  prompt: Prompt,
  readout: LinearReadout,
  outputs: OutputMaps,
  { firstLayer, head: alone }: HeadsOfMap,
  texts: readonly ArrayLike<number>[],
): Promise<readonly Float64Array[]> {
  const { hiddenSize: w, blocks } = model.facts;
  const last = blocks.length - 1;
  const layers = alone ? [alone.layer] : blocks.flatMap((_, layer) => (layer >= firstLayer ? [layer] : []));
  const run = await model.run({
    ...prompt,
    logits: 'none',
    taps: [
      ...layers.flatMap((layer) => [
        { layer, tap: 'attention.probabilities' as const },
        { layer, tap: 'attention.value' as const },
      ]),
      { layer: last, tap: 'residual' as const },
    ],
  });
  const n = prompt.ids.length;
  const stream = tapOf(run, last, 'residual');
  const only = readout.row;
  const read = readout.of(only === undefined ? stream : stream.subarray(only * w, (only + 1) * w));
  const directions = texts.map((text) => readout.directions(text));
  const sums = texts.map(() => new Float64Array(n));
  for (const layer of layers) {
    const { heads = 0, headDim: d = 0 } = blocks[layer] ?? {};
    const probabilities = tapOf(run, layer, 'attention.probabilities');
    const values = tapOf(run, layer, 'attention.value');
    const map = outputs[layer];
    if (!map) throw new RangeError(`no output projection of layer ${layer}`);
    for (let head = 0; head < heads; head++) {
      if (alone && alone.head !== head) continue;
      read.rows.forEach((weights, channel) => {
        const reach = new Float64Array(n);
        weights.forEach((weight, i) => {
          const row = (head * n + (only ?? i)) * n;
          addTo(reach, probabilities.subarray(row, row + n), weight);
        });
        texts.forEach((_, at) => {
          const direction = directions[at]?.[channel];
          const sum = sums[at];
          if (!direction || !sum) return;
          const along = new Float64Array(d);
          for (let row = 0; row < w; row++) {
            const from = row * map.columns + head * d;
            addTo(along, map.data.subarray(from, from + d), direction[row] ?? 0);
          }
          for (let j = 0; j < n; j++) {
            const value = values.subarray((head * n + j) * d, (head * n + j + 1) * d);
            sum[j] = (sum[j] ?? 0) + (reach[j] ?? 0) * dot(value, along);
          }
        });
      });
    }
  }
  return sums;
}
