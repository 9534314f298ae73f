/** Regions of bi-level routing, and which of them a region reads (arXiv:2303.08810, section 3.2). */
import { isCausalSelf, type AttentionShape } from '../../shape';
import type { AttentionInputs } from '../../tensors/tensor';

export interface BiFormerParameters extends Record<string, number | string> {
  readonly region: number;
  readonly topk: number;
  readonly positions: 'grid' | 'sequence';
  readonly columns: number;
  readonly splits: number;
  readonly scale: 'full width' | 'head width';
  readonly local: 'none' | '5 x 5';
}

/** What scores are multiplied by. */
export const scaleOf = ({ heads, headDim }: AttentionShape, { scale }: BiFormerParameters): number =>
  (scale === 'full width' ? heads * headDim : headDim) ** -0.5;

/**
 * The parameters with the grid that they mean for a shape: `columns` is 0 where the positions are a sequence (as asked, causal,
 * cross). Columns that are left open are those of the squarest grid, cut into as many splits, up to `splits`, as divide both
 * of its sides.
 */
export function laidOut(shape: AttentionShape, parameters: BiFormerParameters): BiFormerParameters {
  const { keys, queries, pattern } = shape;
  if (parameters.positions === 'sequence') return { ...parameters, columns: 0 };
  if (parameters.columns > 0 || pattern !== 'noncausal-self' || queries !== keys) return parameters;
  let rows = Math.floor(Math.sqrt(keys));
  while (keys % rows !== 0) rows--;
  const columns = keys / rows;
  let { splits } = parameters;
  while (rows % splits !== 0 || columns % splits !== 0) splits--;
  return { ...parameters, columns, splits };
}

export interface Regions {
  readonly count: number;
  /** Positions of a whole region; the last region of a sequence may hold fewer. */
  readonly size: number;
  /** Positions, region after region. */
  readonly order: readonly number[];
}

/**
 * A sequence is cut into contiguous regions of `region` positions. A grid of `columns` columns is cut into splits x splits
 * regions, row-major, and so are the positions inside a region.
 */
export function regionsOf(length: number, parameters: BiFormerParameters): Regions {
  const { columns, splits } = parameters;
  const sizes = regionSizes(length, parameters);
  if (columns === 0) return { ...sizes, order: Array.from({ length }, (_, i) => i) };
  const [height, width] = [length / columns / splits, columns / splits];
  const order = Array.from({ length }, (_, at) => {
    const [own, inside] = [Math.floor(at / (height * width)), at % (height * width)];
    const row = Math.floor(own / splits) * height + Math.floor(inside / width);
    return row * columns + (own % splits) * width + (inside % width);
  });
  return { ...sizes, order };
}

/** How many regions there are and how long they are: what a cost needs. */
export function regionSizes(
  length: number,
  { region, columns, splits }: BiFormerParameters,
): Pick<Regions, 'count' | 'size'> {
  const size = columns === 0 ? Math.min(region, length) : length / splits ** 2;
  return { size, count: columns === 0 ? Math.ceil(length / size) : splits ** 2 };
}

/** Whether an output may not depend on later queries. */
export const looksBack = ({ pattern }: AttentionShape): boolean =>
  pattern === 'causal-self' || pattern === 'causal-cross';

/** Queries whose mean routes a region: its own; causal: the `size` queries that end with its first (it has read no others). */
const describedBy = (shape: AttentionShape, { size, order }: Regions, region: number): readonly number[] =>
  looksBack(shape)
    ? Array.from({ length: size }, (_, i) => region * size - size + 1 + i).filter((position) => position >= 0)
    : order.slice(region * size, (region + 1) * size);

/**
 * The regions of keys that each region of queries reads in batch `b`, best first, by the products of their means over all
 * heads; of equal ones the first. Causal: among the regions before its own only (its own it reads besides).
 */
export function routes(
  { query, key }: Pick<AttentionInputs, 'query' | 'key'>,
  shape: AttentionShape,
  parameters: BiFormerParameters,
  b: number,
): readonly (readonly number[])[] {
  const { heads, kvHeads, queries, keys, headDim } = shape;
  const [from, to] = [regionsOf(queries, parameters), regionsOf(keys, parameters)];
  const group = heads / kvHeads;
  const mean = (x: Float64Array, count: number, length: number, positions: readonly number[]): Float64Array => {
    const sum = new Float64Array(count * headDim);
    for (let h = 0; h < count; h++) {
      for (const position of positions) {
        for (let c = 0; c < headDim; c++) {
          sum[h * headDim + c]! += x[((b * count + h) * length + position) * headDim + c]! / positions.length;
        }
      }
    }
    return sum;
  };
  const keyMeans = Array.from({ length: to.count }, (_, region) =>
    mean(key.data, kvHeads, keys, to.order.slice(region * to.size, (region + 1) * to.size)),
  );
  return Array.from({ length: from.count }, (_, region) => {
    const own = mean(query.data, heads, queries, describedBy(shape, from, region));
    const scores = keyMeans.map((means) => {
      let sum = 0;
      for (let x = 0; x < own.length; x++) {
        sum += own[x]! * means[Math.floor(x / headDim / group) * headDim + (x % headDim)]!;
      }
      // A region that holds a NaN is chosen last.
      return Number.isNaN(sum) ? -Infinity : sum;
    });
    return scores
      .map((_score, at) => at)
      .filter((at) => !isCausalSelf(shape) || at < region)
      .sort((x, y) => (scores[y]! === scores[x]! ? x - y : scores[y]! - scores[x]!))
      .slice(0, parameters.topk);
  });
}
