/**
 * How much of a head's change is one direction. D = [dQ; dK; dV; dO^T] are the changes of the rows of queries, keys and values of a head and
 * of its columns of the output, [4 d, w]; W the same of the base. The figure is the largest singular value of D over the Frobenius norm of W;
 * it is at most |D| / |W|, and equals it if the change has rank one.
 */
import type { ModelRunner } from '../../model-runner/model-runner';
import type { HeadMaps } from '../../model-runner/weights';

/** Iterations stop when the value changes by less than this share. */
const settled = 1e-10;
const mostIterations = 500;

/** The largest singular value of a matrix [rows, columns], by power iteration from its longest row. */
export function largestSingularValue(data: Float64Array, columns: number): number {
  const rows = data.length / columns;
  let vector: Float64Array = new Float64Array(columns);
  let longest = 0;
  for (let row = 0; row < rows; row++) {
    const line = data.subarray(row * columns, (row + 1) * columns);
    const length = Math.sqrt(line.reduce((sum, value) => sum + value * value, 0));
    if (length > longest) [longest, vector] = [length, line.map((value) => value / length)];
  }
  let value = longest;
  for (let at = 0; longest > 0 && at < mostIterations; at++) {
    const next = new Float64Array(columns);
    for (let row = 0; row < rows; row++) {
      let product = 0;
      for (let i = 0; i < columns; i++) product += data[row * columns + i]! * vector[i]!;
      for (let i = 0; i < columns; i++) next[i]! += product * data[row * columns + i]!;
    }
    // The length of D^T D v is the square of the singular value where v is the vector of it.
    const length = Math.sqrt(next.reduce((sum, each) => sum + each * each, 0));
    const before = value;
    value = Math.sqrt(length);
    for (let i = 0; i < columns; i++) vector[i] = next[i]! / length;
    if (Math.abs(value - before) <= settled * value) break;
  }
  return value;
}

/** The figure of each head of a layer; empty if the maps of the layer cannot be divided among its heads. */
export async function spectralChanges(
  model: ModelRunner,
  base: ModelRunner,
  layer: number,
): Promise<readonly number[]> {
  const { heads = 0, kvHeads = 1, headDim = 0 } = model.facts.blocks[layer] ?? {};
  if (heads === 0) return [];
  const [own, other] = [await model.weights.heads(layer), await base.weights.heads(layer)];
  return Array.from({ length: heads }, (_, head) => {
    const shared = Math.floor(head / (heads / kvHeads));
    const before = stackOf(other, head, shared, headDim);
    const change = stackOf(own, head, shared, headDim).map((value, i) => value - before[i]!);
    const size = Math.sqrt(before.reduce((sum, value) => sum + value * value, 0));
    const largest = largestSingularValue(change, own.query.columns);
    return largest === 0 ? 0 : largest / size;
  });
}

/** [Q; K; V; O^T] of a head, [4 d, w]. */
function stackOf({ query, key, value, output }: HeadMaps, head: number, shared: number, headDim: number): Float64Array {
  const width = query.columns;
  const stack = new Float64Array(4 * headDim * width);
  for (const [at, [map, of]] of (
    [
      [query, head],
      [key, shared],
      [value, shared],
    ] as const
  ).entries())
    stack.set(map.data.subarray(of * headDim * width, (of + 1) * headDim * width), at * headDim * width);
  for (let row = 0; row < headDim; row++)
    for (let i = 0; i < width; i++)
      stack[(3 * headDim + row) * width + i] = output.data[i * output.columns + head * headDim + row]!;
  return stack;
}
