/**
 * Scale-aware feature aggregation (FeatEnHancer): at every pixel each block of channels chooses between scales T_0 .. T_(S-1),
 *
 *   e_l = T_l . T_t / sqrt(d), t the target; w = softmax over l of e; y = sum_l w_l T_l,
 *
 * the sums over the d channels of a block. No pixel reads another. With two scales w_0 = sigmoid((T_0 - T_1) . T_t / sqrt(d)).
 * Before it the fine map F passes convolutions of 7 (stride 4) and 3 (stride 2), the coarse map one of 3 (stride 2), none with an edge
 * of zeros; behind it y is resized to F (corners aligned) and added. Scales beyond the two come in at the size of y, as the features at an
 * eighth do, and take part as they are; the published code has two.
 */
import { convolution as convolutionOf } from '../../graph/operators/convolution';
import { add, multiply, sigmoid, subtract } from '../../graph/operators/elementwise';
import { concat, reshape, slice } from '../../graph/operators/layout';
import { reduceSum, softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { convolution, reshaped, sum } from '../../module-parts/layers';
import { bilinear, bilinearGraph } from '../../module-parts/resize';
import { convolutionWeights, weightOf } from '../../module-parts/weights';
import { zeros, type Tensor } from '../../tensors/tensor';

export interface Aggregation {
  readonly blocks: number;
  /** The scale that all are compared with; 1, the coarse one, as published. */
  readonly target: number;
  /** Whether scores are over sqrt(d), as in the code; the paper leaves it out. */
  readonly scaled: boolean;
}

/** Rows or columns behind a convolution of `taps` without an edge of zeros. */
const after = (size: number, taps: number, stride: number): number => Math.floor((size - taps) / stride) + 1;
export const quarter = (size: number): number => after(size, 7, 4);
export const eighth = (size: number): number => after(quarter(size), 3, 2);
/** The least side that leaves one row of the smallest map. */
export const leastSide = 15;

export const aggregationWeights = (channels: number): readonly ModuleWeight[] => [
  ...convolutionWeights('query_conv1', channels, channels, 7),
  ...convolutionWeights('query_conv2', channels, channels, 3),
  ...convolutionWeights('key_conv', channels, channels, 3),
];

/** Multiply-adds of the three convolutions for one pair of maps, F of height x width. */
export function aggregationMultiplyAdds(channels: number, height: number, width: number): number {
  const [fine, small] = [quarter(height) * quarter(width), eighth(height) * eighth(width)];
  return channels * channels * (49 * fine + 18 * small);
}

/** Scales [b, C, h, w] each; y [b, C, h, w] and the shares w [b, N, S, h w]. */
export function aggregate(
  scales: readonly Tensor[],
  { blocks, target, scaled }: Aggregation,
): { readonly output: Tensor; readonly shares: Tensor } {
  const [batch, channels, height, width] = scales[0]!.shape as [number, number, number, number];
  const pixels = height * width;
  const inner = channels / blocks;
  const output = zeros(scales[0]!.shape);
  const shares = zeros([batch, blocks, scales.length, pixels]);
  for (let row = 0; row < batch * blocks; row++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const at = (c: number): number => (row * inner + c) * pixels + pixel;
      const scores = scales.map(({ data }) => {
        let score = 0;
        for (let c = 0; c < inner; c++) score += data[at(c)]! * scales[target]!.data[at(c)]!;
        return scaled ? score / Math.sqrt(inner) : score;
      });
      const most = Math.max(...scores);
      const total = scores.reduce((all, score) => all + Math.exp(score - most), 0);
      scales.forEach(({ data }, l) => {
        const share = Math.exp(scores[l]! - most) / total;
        shares.data[(row * scales.length + l) * pixels + pixel] = share;
        for (let c = 0; c < inner; c++) output.data[at(c)]! += share * data[at(c)]!;
      });
    }
  }
  return { output, shares };
}

/** Q and K of the two maps. */
export function embedded(fine: Tensor, coarse: Tensor, weights: Tensors): readonly [Tensor, Tensor] {
  const layer = (x: Tensor, name: string, stride: number): Tensor =>
    convolution(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`), { stride });
  return [layer(layer(fine, 'query_conv1', 4), 'query_conv2', 2), layer(coarse, 'key_conv', 2)];
}

/** F + y at the size of F, and the shares w [b, N, S, h, w]. `further`: scales [b, C, h, w] beyond Q and K. */
export function safaReference(
  fine: Tensor,
  coarse: Tensor,
  weights: Tensors,
  of: Aggregation,
  further: readonly Tensor[] = [],
): { readonly output: Tensor; readonly shares: Tensor } {
  const scales = [...embedded(fine, coarse, weights), ...further];
  const { output, shares } = aggregate(scales, of);
  const [batch, , height, width] = output.shape as [number, number, number, number];
  const [rows, columns] = fine.shape.slice(2) as [number, number];
  return {
    output: sum(fine, bilinear(output, rows, columns, 'corners')),
    shares: reshaped(shares, [batch, of.blocks, scales.length, height, width]),
  };
}

/** The share of the fine scale w_0 [b, N, h, w] of shares [b, N, S, h, w]. */
export function fineShare(shares: Tensor): Tensor {
  const [batch, blocks, scales, height, width] = shares.shape as [number, number, number, number, number];
  const share = zeros([batch, blocks, height, width]);
  const pixels = height * width;
  for (let row = 0; row < batch * blocks; row++) {
    share.data.set(shares.data.subarray(scales * row * pixels, (scales * row + 1) * pixels), row * pixels);
  }
  return share;
}

export function safaGraph(
  graph: ModuleGraph,
  fine: Value,
  coarse: Value,
  of: Aggregation,
  further: readonly Value[] = [],
): { readonly output: Value; readonly share: Value; readonly shares?: Value } {
  const layer = (x: Value, name: string, stride: number): Value =>
    convolutionOf(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), { stride });
  const q = layer(layer(fine, 'query_conv1', 4), 'query_conv2', 2);
  const k = layer(coarse, 'key_conv', 2);
  const { mixed, ...shares } = further.length === 0 ? chosenOfTwo(q, k, of) : chosen([q, k, ...further], of);
  const [rows, columns] = fine.shape.slice(2).map(Number) as [number, number];
  return { output: add(fine, bilinearGraph(graph, mixed, rows, columns, 'corners')), ...shares };
}

/** Two scales by the sigmoid of one difference. */
function chosenOfTwo(q: Value, k: Value, { blocks, target, scaled }: Aggregation) {
  const [batch, channels, height, width] = q.shape.map(Number) as [number, number, number, number];
  const inner = channels / blocks;
  const block = (x: Value): Value => reshape(x, [batch, blocks, inner, height * width]);
  const [query, key] = [block(q), block(k)];
  const difference = subtract(query, key);
  const score = reduceSum(multiply(difference, target === 0 ? query : key), [2]);
  const share = sigmoid(scaled ? multiply(score, 1 / Math.sqrt(inner)) : score);
  return {
    mixed: reshape(add(key, multiply(share, difference)), q.shape),
    share: reshape(share, [batch, blocks, height, width]),
  };
}

/** Any number of scales [b, C, h, w]. */
function chosen(scales: readonly Value[], { blocks, target, scaled }: Aggregation) {
  const [first, count] = [scales[0]!, scales.length];
  const [batch, channels, height, width] = first.shape.map(Number) as [number, number, number, number];
  const inner = channels / blocks;
  const block = (x: Value): Value => reshape(x, [batch, blocks, 1, inner, height * width]);
  const stacked = concat(scales.map(block), 2);
  const score = reduceSum(multiply(stacked, block(scales[target]!)), [3]);
  const shares = softmax(scaled ? multiply(score, 1 / Math.sqrt(inner)) : score, 2);
  return {
    mixed: reshape(reduceSum(multiply(stacked, shares), [2]), first.shape),
    share: reshape(slice(shares, 2, 0, 1), [batch, blocks, height, width]),
    shares: reshape(shares, [batch, blocks, count, height, width]),
  };
}
