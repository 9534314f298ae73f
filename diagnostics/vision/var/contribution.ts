/** How much single keys add to the residual stream through a head: |a_ij v_j W_O|, W_O the slice of the head. */
import type { ModelRunner } from '../../model-runner/model-runner';
import type { LayerWeights } from '../../model-runner/weights';
import { headOf, sharedOf } from '../../shared/weights/head-of';

/**
 * Norm of what each key would write with a weight of 1, [heads][rows]: |v_j W_O|, from W_O^T W_O of each head. `values` [g, n, d]. Gains
 * and a norm behind the projection are not in it.
 */
export async function writtenNorms(
  model: ModelRunner,
  weights: LayerWeights,
  layer: number,
  values: Float32Array,
  n: number,
): Promise<readonly Float64Array[]> {
  const block = model.facts.blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer}`);
  const norms: Float64Array[] = [];
  for (let head = 0; head < block.heads; head++) {
    const { data, rows: width, columns: d } = headOf(weights, block, head).output;
    const turned = new Float32Array(data.length);
    for (let i = 0; i < width; i++) for (let c = 0; c < d; c++) turned[c * width + i] = data[i * d + c] ?? 0;
    const gram = await model.weights.product(turned, turned, width);
    const from = sharedOf(block, head) * n * d;
    norms.push(
      Float64Array.from({ length: n }, (_, row) => {
        const v = values.subarray(from + row * d, from + (row + 1) * d);
        let sum = 0;
        for (let a = 0; a < d; a++) {
          let along = 0;
          for (let b = 0; b < d; b++) along += (gram[a * d + b] ?? 0) * (v[b] ?? 0);
          sum += (v[a] ?? 0) * along;
        }
        // Rounding may leave a square a hair below 0.
        return Math.sqrt(Math.max(0, sum));
      }),
    );
  }
  return norms;
}

/** Mean over heads, rows behind the picture and the keys of |a_ij v_j W_O|; NaN of no keys. `attention` and `norms` [heads][rows]. */
export function contributionOf(
  attention: readonly Float64Array[],
  norms: readonly Float64Array[],
  keys: readonly number[],
): number {
  const sum = attention.reduce(
    (all, own, head) => all + keys.reduce((part, key) => part + (own[key] ?? 0) * (norms[head]?.[key] ?? 0), 0),
    0,
  );
  return sum / (attention.length * keys.length);
}
