/**
 * Scores of heads and MLP units by what they write (AMP, arXiv:2504.21174; the release's amp_criterion.py).
 *
 * With X_h [T, d] the output of query head h before the output projection and W_h [d, D] its rows of that projection:
 * a_h = (1 / T) sum over tokens t of || X_h[t] W_h ||_1, the bias left out; it is the mean L1 change of what attention writes when the
 * head alone is removed. u_j = (1 / T) sum over t of |z_j[t]|, z the input of the down projection. Both are means over texts, each text
 * weighing the same. Norms behind the projections, where a family has them, are not part of it.
 *
 * Centred: X_h less its mean over all tokens of all texts before the product. What a head always writes alike, a bias could write.
 */
import type { LayerWeights } from '../../model-runner/weights';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { LayerScores } from './choose';

/** Mean outputs of the heads of each layer, [layers][h d]. */
export type MeanOutputs = readonly (readonly number[])[];

/** Scores of one text, by layer. */
export async function scoresOfText(
  model: ModelRunner,
  ids: readonly number[],
  outputs: readonly LayerWeights['output'][],
  mean?: MeanOutputs,
): Promise<readonly LayerScores[]> {
  const { blocks } = model.facts;
  const taps = blocks.flatMap(({ noNetwork }, layer) =>
    (noNetwork ? (['attention.head_output'] as const) : (['attention.head_output', 'mlp_units'] as const)).map(
      (tap) => ({ layer, tap }),
    ),
  );
  const found: LayerScores[] = [];
  for await (const { layer, taps: values } of model.layers({ ids, taps, logits: 'none' })) {
    const { heads = 0, headDim: d = 0 } = blocks[layer] ?? {};
    const read = rowsOf(values['attention.head_output']?.data);
    const units = blocks[layer]?.noNetwork ? new Float32Array(0) : rowsOf(values.mlp_units?.data);
    const [length, output] = [ids.length, outputs[layer]];
    if (!output) throw new RangeError(`no output projection of layer ${layer}`);
    const scores: number[] = [];
    for (let head = 0; head < heads; head++) {
      const own = read.slice(head * length * d, (head + 1) * length * d);
      const base = mean?.[layer];
      if (base) for (let at = 0; at < own.length; at++) own[at] = (own[at] ?? 0) - (base[head * d + (at % d)] ?? 0);
      const written = await model.weights.product(own, columnsOf(output, head * d, d), d);
      let sum = 0;
      for (const value of written) sum += Math.abs(value);
      scores.push(sum / length);
    }
    found.push({ heads: scores, units: meanSizes(units, units.length / length) });
  }
  return found;
}

/** Sums over the tokens of one text, [layers][h d]. */
export async function outputSums(model: ModelRunner, ids: readonly number[]): Promise<MeanOutputs> {
  const { blocks } = model.facts;
  const sums: number[][] = [];
  const taps = blocks.map((_, layer) => ({ layer, tap: 'attention.head_output' as const }));
  for await (const { layer, taps: values } of model.layers({ ids, taps, logits: 'none' })) {
    const { heads = 0, headDim: d = 0 } = blocks[layer] ?? {};
    const read = rowsOf(values['attention.head_output']?.data);
    const own = new Array<number>(heads * d).fill(0);
    if (heads === 0) {
      sums.push(own);
      continue;
    }
    const block = ids.length * d;
    read.forEach((value, at) => {
      const place = Math.floor(at / block) * d + (at % d);
      own[place] = (own[place] ?? 0) + value;
    });
    sums.push(own);
  }
  return sums;
}

/** Columns [first, first + count) of a map [rows, columns], as rows: [rows, count]. */
function columnsOf({ data, rows, columns }: LayerWeights['output'], first: number, count: number): Float32Array {
  const out = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    out.set(data.subarray(row * columns + first, row * columns + first + count), row * count);
  }
  return out;
}

function meanSizes(rows: Float32Array, width: number): readonly number[] {
  const sums = new Float64Array(width);
  rows.forEach((value, at) => (sums[at % width] = (sums[at % width] ?? 0) + Math.abs(value)));
  return Array.from(sums, (sum) => (sum * width) / rows.length);
}

function rowsOf(data: unknown): Float32Array {
  if (!(data instanceof Float32Array)) throw new TypeError('the layer gave no such rows');
  return data;
}
