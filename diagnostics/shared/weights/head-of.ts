/** One head out of the weights of its layer: its OV map is output value [w, w], its QK form query^T key, before rotation. */
import type { HeadMap, LayerWeights } from '../../model-runner/weights';

export interface HeadWeights {
  /** [d, w]; key and value are those of the key/value head that the query head reads. */
  readonly query: HeadMap;
  readonly key: HeadMap;
  readonly value: HeadMap;
  /** [w, d] */
  readonly output: HeadMap;
}

interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** The key/value head that a query head reads. */
export const sharedOf = ({ heads, kvHeads }: Pick<Heads, 'heads' | 'kvHeads'>, head: number): number =>
  Math.floor(head / (heads / kvHeads));

export function headOf(weights: LayerWeights, { heads, kvHeads, headDim: d }: Heads, head: number): HeadWeights {
  if (!Number.isInteger(head) || head < 0 || head >= heads) throw new RangeError(`no head ${head} of ${heads}`);
  const shared = sharedOf({ heads, kvHeads }, head);
  const part = ({ data, columns, bias }: HeadMap, of: number): HeadMap => ({
    data: data.subarray(of * d * columns, (of + 1) * d * columns),
    rows: d,
    columns,
    ...(bias ? { bias: bias.subarray(of * d, (of + 1) * d) } : {}),
  });
  const { data, rows, columns } = weights.output;
  const output = new Float32Array(rows * d);
  for (let row = 0; row < rows; row++) {
    output.set(data.subarray(row * columns + head * d, row * columns + (head + 1) * d), row * d);
  }
  return {
    query: part(weights.query, head),
    key: part(weights.key, shared),
    value: part(weights.value, shared),
    output: { data: output, rows, columns: d },
  };
}
