/**
 * The blocks of SHViT: x + DW(x), then x + SHSA(x) in later stages, then x + FFN(x). DW is a 3 x 3 depthwise convolution; FFN widens
 * the channels twofold with a ReLU between. Each part ends in a batch norm, and the three are the pieces that stand between stages
 * too.
 */
import { add, rectify } from '../../graph/operators/elementwise';
import type { Value } from '../../graph/records';
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { inside } from '../../module-parts/graph';
import { relu, sum } from '../../module-parts/layers';
import { behind, behindTensors, under } from '../../module-parts/weights';
import type { Tensor } from '../../tensors/tensor';
import { buildPair, foldPair, foldResidualPair, pairReference, pairWeights } from './parts';
import { shsaFold, shsaGraph, shsaMultiplyAdds, shsaReference, shsaWeights, type ShsaSize } from './shsa';

/** A part of the network: its weights by their published names, and what it computes of them. */
export interface Piece {
  readonly weights: readonly ModuleWeight[];
  fold(weights: Tensors): Tensors;
  reference(x: Tensor, weights: Tensors): Tensor;
  build(graph: ModuleGraph, x: Value): Value;
  /** Multiply-adds for one sample over n pixels that go in. */
  multiplyAdds(n: number): number;
}

/** x + DW(x). */
export const depthwise = (name: string, channels: number): Piece => ({
  weights: pairWeights(name, channels, 1, 3),
  fold: (weights) => foldResidualPair(weights, name),
  reference: (x, weights) => sum(x, pairReference(x, weights, name, { padding: 1, groups: channels })),
  build: (graph, x) => buildPair(graph, x, name, { padding: 1, groups: channels }),
  multiplyAdds: (n) => 9 * n * channels,
});

/** x + FFN(x). */
export const feedForward = (name: string, channels: number): Piece => ({
  weights: [
    ...pairWeights(`${name}.pw1`, 2 * channels, channels),
    ...pairWeights(`${name}.pw2`, channels, 2 * channels),
  ],
  fold: (weights) => ({ ...foldPair(weights, `${name}.pw1`), ...foldPair(weights, `${name}.pw2`) }),
  reference: (x, weights) =>
    sum(x, pairReference(relu(pairReference(x, weights, `${name}.pw1`)), weights, `${name}.pw2`)),
  build: (graph, x) => add(x, buildPair(graph, rectify(buildPair(graph, x, `${name}.pw1`)), `${name}.pw2`)),
  multiplyAdds: (n) => 4 * n * channels * channels,
});

/** x + SHSA(x). */
const singleHead = (prefix: string, size: ShsaSize): Piece => ({
  weights: behind(prefix, shsaWeights(size)),
  fold: (weights) => behindTensors(prefix, shsaFold(under(weights, prefix))),
  reference: (x, weights) => sum(x, shsaReference(x, under(weights, prefix), size)),
  build: (graph, x) => add(x, shsaGraph(inside(graph, prefix), x, size)),
  multiplyAdds: (n) => shsaMultiplyAdds(n, size),
});

/** Pieces one behind another over the same pixels. */
export const inTurn = (pieces: readonly Piece[]): Piece => ({
  weights: pieces.flatMap(({ weights }) => weights),
  fold: (weights) => Object.assign({}, ...pieces.map((piece) => piece.fold(weights))) as Tensors,
  reference: (x, weights) => pieces.reduce((y, piece) => piece.reference(y, weights), x),
  build: (graph, x) => pieces.reduce((y, piece) => piece.build(graph, y), x),
  multiplyAdds: (n) => pieces.reduce((total, piece) => total + piece.multiplyAdds(n), 0),
});

/** A block behind `prefix`; without a size of its attention it is one of the first stage. */
export const basicBlock = (prefix: string, channels: number, size?: ShsaSize): Piece =>
  inTurn([
    depthwise(`${prefix}conv.m`, channels),
    ...(size ? [singleHead(`${prefix}mixer.m.`, size)] : []),
    feedForward(`${prefix}ffn.m`, channels),
  ]);
