/** Persistent memory: learned positions in front of the sequence, the same for every input (arXiv:2501.00663, section 3.3). */
import { concat, expand, unsqueeze } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import type { Parameter, Weight } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import * as field from '../../parameters';
import type { AttentionInputs } from '../../tensors/tensor';

export const persistentParameter: Parameter = field.integer(
  'Persistent positions',
  'Learned positions in front of the sequence that do not depend on the input.',
  { min: 0, max: 4096, default: 4 },
);

/** Keys and values of `count` positions, and their queries where the layer reads at them; none for 0. */
export function persistentWeights(
  { heads, kvHeads, headDim, valueDim }: AttentionShape,
  count: number,
  queries = false,
): readonly Weight[] {
  if (count === 0) return [];
  const weight = (name: string, own: number, width: number): Weight => ({
    name,
    shape: [own, count, width],
    initial: { kind: 'normal', deviation: 1 },
  });
  return [
    weight('persistent.key', kvHeads, headDim),
    weight('persistent.value', kvHeads, valueDim),
    ...(queries ? [weight('persistent.query', heads, headDim)] : []),
  ];
}

/** `rows` [h, count, width] in front of every sequence of `x` [b, h, n, width]. */
export function behind(rows: Tensor | undefined, x: Tensor): Tensor {
  if (!rows) return x;
  const [batch, heads, length, width] = x.shape as readonly [number, number, number, number];
  const count = rows.shape[1]!;
  const joined = zeros([batch, heads, count + length, width]);
  for (let head = 0; head < batch * heads; head++) {
    const to = head * (count + length) * width;
    const own = (head % heads) * count * width;
    joined.data.set(rows.data.subarray(own, own + count * width), to);
    joined.data.set(x.data.subarray(head * length * width, (head + 1) * length * width), to + count * width);
  }
  return joined;
}

/** Keys and values of the persistent positions, then those of the sequence. */
export const behindPersistent = (inputs: AttentionInputs): AttentionInputs => ({
  ...inputs,
  key: behind(inputs.weights['persistent.key'], inputs.key),
  value: behind(inputs.weights['persistent.value'], inputs.value),
});

/** The same in a graph. */
export const joinBehind = (rows: Value | undefined, x: Value): Value =>
  rows ? concat([spread(rows, Number(x.shape[0])), x], 2) : x;

/** [h, count, width] for every sequence, [b, h, count, width]. */
export const spread = (rows: Value, batch: number): Value =>
  expand(unsqueeze(rows, 0), [batch, ...rows.shape.map(Number)]);

/**
 * A reference that is defined for as many queries as see a key: without those before the first key, which give zeros. `body`
 * gives [b, h, seeing queries, dv].
 */
export function seeingRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  body: (inputs: AttentionInputs, shape: AttentionShape) => Tensor,
): Tensor {
  const blind = Math.max(0, shape.queries - shape.keys);
  if (blind === 0) return body(inputs, shape);
  const { batch, heads, queries, headDim, valueDim } = shape;
  const seeing = queries - blind;
  const query = zeros([batch, heads, seeing, headDim]);
  const output = zeros([batch, heads, queries, valueDim]);
  for (let head = 0; head < batch * heads; head++) {
    const from = (head * queries + blind) * headDim;
    query.data.set(inputs.query.data.subarray(from, from + seeing * headDim), head * seeing * headDim);
  }
  const rows = body({ ...inputs, query }, { ...shape, queries: seeing });
  for (let head = 0; head < batch * heads; head++) {
    const own = rows.data.subarray(head * seeing * valueDim, (head + 1) * seeing * valueDim);
    output.data.set(own, (head * queries + blind) * valueDim);
  }
  return output;
}

/** The last `count` positions of [b, h, n, width], zeros in front where there are fewer. */
export function lastPositions(x: Tensor, count: number): Tensor {
  const [batch, heads, length, width] = x.shape as readonly [number, number, number, number];
  const data = new Float64Array(batch * heads * count * width);
  const kept = Math.min(count, length);
  for (let head = 0; head < batch * heads; head++) {
    const from = (head * length + length - kept) * width;
    data.set(x.data.subarray(from, from + kept * width), ((head + 1) * count - kept) * width);
  }
  return tensor([batch, heads, count, width], data);
}
