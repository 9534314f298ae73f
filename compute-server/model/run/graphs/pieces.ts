/** What a model is opened in: its embedding, each block, its head, and further graphs of the same weights. */
import type { GraphBuilder } from '../../../../kernels/graph/builder';
import type { Dim } from '../../../../kernels/graph/dims';
import type { Graph } from '../../../../kernels/graph/graph';
import {
  layerAttributionGraph,
  projectionGraph,
  targetGraph,
  writtenGraph,
} from '../../../../models/architectures/attribution-graphs';
import { blockGraph } from '../../../../models/architectures/block-graph';
import { sourceKeysGraph } from '../../../../models/architectures/cross-attention';
import { embeddingGraph, headGraph } from '../../../../models/architectures/edge-graphs';
import {
  gradientGraph,
  keysGraph,
  inputGradientGraph,
  type GradientOptions,
  type GradientPart,
} from '../../../../models/architectures/gradient-graphs';
import { lensGraph } from '../../../../models/architectures/lens-graph';
import type { BlockChoiceShape } from '../../../../models/instrument/changes/sizes';
import type { Kind, Part } from '../../../../models/instrument/changes/changes';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { productGraph } from '../../../../models/architectures/product-graph';
import { stepGraph, stepsGraph } from '../../../../models/architectures/step-graph';
import type { StoredWeights } from '../../../../models/architectures/stored-weights';
import type { PackedUses } from '../../weights/piece-layout';

export type Piece =
  | { readonly kind: 'embedding' }
  | { readonly kind: 'head' }
  /** What parts of the residual stream add to the logits: of all tokens, or of some. */
  | { readonly kind: 'lens'; readonly tokens: boolean }
  /** Weighted logits as a direction of the last residual stream. */
  | { readonly kind: 'target' }
  /** What the parts of a layer add along a direction; what heads write; what they make of a stream before rotation. */
  | { readonly kind: 'attribution' | 'written' | 'projection'; readonly layer: number }
  /**
   * One new position of a layer; `apart`: on a cache for each key/value head; `means`: with the means of what they dropped; `changes`:
   * built for these kinds.
   */
  | {
      readonly kind: 'step';
      readonly layer: number;
      readonly apart?: boolean;
      readonly means?: boolean;
      readonly changes?: readonly Kind[];
    }
  /** The same of layers in a row, in one graph. */
  | { readonly kind: 'steps'; readonly first: number; readonly count: number; readonly apart?: boolean }
  /** With rare changes, or heads that choose the blocks that they read, it is instrumented. */
  | {
      readonly kind: 'block';
      readonly layer: number;
      readonly instrumented: boolean;
      readonly rare?: readonly Part[];
      readonly blocks?: BlockChoiceShape | undefined;
      /** With the effective attention of its recurrence. */
      readonly effective?: boolean;
    }
  /** The gradient of a piece. */
  | { readonly kind: 'gradient'; readonly of: GradientPart; readonly wanted: GradientOptions }
  /** Keys and values of a layer alone. */
  | { readonly kind: 'keys'; readonly layer: number; readonly changes: readonly Part[] }
  /** Keys and values of a source for the cross-attention of a layer. */
  | { readonly kind: 'cross'; readonly layer: number }
  /** A product of two matrices that are given. */
  | { readonly kind: 'product' }
  | { readonly kind: 'further'; readonly name: string }
  /** The gradient of one of them, with respect to what it reads and to these tensors. */
  | { readonly kind: 'further gradient'; readonly name: string; readonly weights: readonly string[] };

/** Graphs of a model besides embedding, blocks and head, by name. */
export type FurtherGraphs = Readonly<Record<string, FurtherGraph>>;

interface FurtherGraph {
  readonly build: (weights: StoredWeights) => GraphBuilder;
  /** The output whose gradient goes back to the inputs. */
  readonly output: 'residual.out' | 'features';
}

export function keyOf(piece: Piece): string {
  if (piece.kind === 'further') return piece.name;
  if (piece.kind === 'further gradient') return `gradient.${JSON.stringify(piece.weights)}.${piece.name}`;
  if (piece.kind === 'lens') return piece.tokens ? 'lens of tokens' : 'lens';
  if (piece.kind === 'gradient') return `gradient.${JSON.stringify(piece.wanted)}.${piece.of}`;
  if (piece.kind === 'keys') return `keys.${piece.changes.join('+')}.${piece.layer}`;
  if (piece.kind === 'steps') return `steps${piece.apart ? ' apart' : ''}.${piece.first}.${piece.count}`;
  if (piece.kind === 'block') {
    const changed = [
      ...(piece.rare ?? []),
      ...(piece.blocks ? [JSON.stringify(piece.blocks)] : []),
      ...(piece.effective ? ['effective'] : []),
    ].join('+');
    const graph = changed === '' ? (piece.instrumented ? 'instrumented' : 'plain') : changed;
    return `${graph}.${piece.layer}`;
  }
  if (piece.kind === 'step') {
    const more = [
      ...(piece.apart ? ['caches apart'] : []),
      ...(piece.means ? ['means'] : []),
      ...(piece.changes ?? []),
    ];
    if (more.length > 0) return `step with ${more.join(' and ')}.${piece.layer}`;
  }
  return 'layer' in piece ? `${piece.kind}.${piece.layer}` : piece.kind;
}

export const wordsOf = (piece: Piece): string =>
  'layer' in piece
    ? `Layer ${piece.layer}`
    : piece.kind === 'further'
      ? `The part "${piece.name}"`
      : `The ${piece.kind}`;

/**
 * Pieces whose linear maps may be held in integers. The others read tables of rows (embedding, the lens of some tokens), or
 * belong to analyses of exact weights.
 */
export const mayPack = (piece: Piece): boolean =>
  isLayer(piece) ||
  piece.kind === 'steps' ||
  piece.kind === 'head' ||
  piece.kind === 'keys' ||
  piece.kind === 'cross' ||
  piece.kind === 'further' ||
  (piece.kind === 'lens' && !piece.tokens) ||
  // Gradients of weights are of the tensors as they are stored.
  (piece.kind === 'further gradient' && piece.weights.length === 0) ||
  (piece.kind === 'gradient' && piece.of !== 'embedding' && piece.wanted.weights.length === 0);

/** How a piece uses weights that may be held in integers. No gradient goes through tables that are. */
export const usesOf = (piece: Piece): PackedUses => ({
  products: mayPack(piece),
  codes: piece.kind !== 'gradient' && piece.kind !== 'further gradient',
  tables: piece.kind === 'embedding' || piece.kind === 'lens' || piece.kind === 'target',
});

/** The pieces of a plain run. */
export const piecesOf = (model: ModelSpec, further: FurtherGraphs): readonly Piece[] => [
  ...(model.embedding ? [{ kind: 'embedding' } as const] : []),
  ...Object.keys(further).map((name) => ({ kind: 'further', name }) as const),
  ...(model.head.vocabulary ? [{ kind: 'head' } as const] : []),
  ...model.blocks.flatMap(({ index, cross }) => (cross ? [{ kind: 'cross', layer: index } as const] : [])),
  ...model.blocks.map(({ index }) => ({ kind: 'block', layer: index, instrumented: false }) as const),
];

/** Up to `count` pieces that a run opens behind one of them. */
export function piecesBehind(model: ModelSpec, piece: Piece, count: number): readonly Piece[] {
  const head: readonly Piece[] = model.head.vocabulary ? [{ kind: 'head' }] : [];
  const behind: readonly Piece[] =
    piece.kind === 'embedding'
      ? model.blocks.map(({ index }) => ({ kind: 'block', layer: index, instrumented: false }) as const)
      : isLayer(piece)
        ? [...model.blocks.slice(piece.layer + 1).map(({ index }) => ({ ...piece, layer: index })), ...head]
        : [];
  return behind.slice(0, count);
}

export function pieceGraph(model: ModelSpec, further: FurtherGraphs, piece: Piece, weights: StoredWeights): Graph<Dim> {
  const block = (layer: number): BlockSpec => {
    const found = model.blocks[layer];
    if (!found) throw new RangeError(`the model has ${model.blocks.length} layers, not ${layer + 1}`);
    return found;
  };
  switch (piece.kind) {
    case 'embedding':
      return embeddingGraph(model, weights);
    case 'lens':
      return lensGraph(model, weights, piece.tokens);
    case 'further':
    case 'further gradient': {
      const one = further[piece.name];
      if (!one) throw new RangeError(`the model has no graph "${piece.name}"`);
      const graph = one.build(weights);
      return piece.kind === 'further' ? graph.finishDynamic() : inputGradientGraph(graph, one.output, piece.weights);
    }
    case 'head': {
      const graph = headGraph(model, weights);
      if (!graph) throw new RangeError('the model has no language head');
      return graph;
    }
    case 'product':
      return productGraph();
    case 'target':
      return targetGraph(model, weights);
    case 'attribution':
      return layerAttributionGraph(model, block(piece.layer), weights);
    case 'written':
      return writtenGraph(model, block(piece.layer), weights);
    case 'projection':
      return projectionGraph(model, block(piece.layer), weights);
    case 'step':
      return stepGraph(model, block(piece.layer), weights, piece);
    case 'steps':
      return stepsGraph(model, model.blocks.slice(piece.first, piece.first + piece.count), () => weights, piece);
    case 'keys':
      return keysGraph(model, block(piece.layer), weights, piece.changes);
    case 'cross':
      return sourceKeysGraph(model, block(piece.layer), weights);
    case 'gradient':
      return gradientGraph(model, piece.of, weights, piece.wanted);
    case 'block':
      return blockGraph(model, block(piece.layer), weights, {
        instrumented: piece.instrumented,
        rare: piece.rare ?? [],
        blocks: piece.blocks,
        effective: piece.effective ?? false,
      });
  }
}

/** A layer as a run passes through it. */
export const isLayer = (piece: Piece): piece is Piece & { readonly kind: 'block' | 'step' } =>
  piece.kind === 'block' || piece.kind === 'step';

/** The layers that a piece computes. */
function layersOf(piece: Piece): { readonly first: number; readonly count: number } {
  if (piece.kind === 'steps') return piece;
  return isLayer(piece) ? { first: piece.layer, count: 1 } : { first: 0, count: 0 };
}

/** The layer of a piece, or on which side of the layers it is; what belongs to no side is with the embedding. */
export function sideOf(piece: Piece): number | 'embedding' | 'head' {
  if (piece.kind === 'gradient') return piece.of === 'distance' ? 'head' : piece.of;
  if (piece.kind === 'steps') return piece.first;
  if ('layer' in piece) return piece.layer;
  return piece.kind === 'head' || piece.kind === 'lens' || piece.kind === 'target' ? 'head' : 'embedding';
}

/** Whether the two compute the same layer for different kinds of run. */
export function areTwins(one: Piece, other: Piece): boolean {
  const [own, others] = [one, other].map(layersOf) as [ReturnType<typeof layersOf>, ReturnType<typeof layersOf>];
  const overlap = Math.min(own.first + own.count, others.first + others.count) > Math.max(own.first, others.first);
  return overlap && (one.kind !== other.kind || (one.kind !== 'block' && keyOf(one) !== keyOf(other)));
}

/**
 * What is released first, of pieces in the order of their last use: a lens; a layer opened for blocks where one is opened for
 * steps, and the other way round; then the layer used last, as the layers come round in order and the one used longest ago is
 * needed next; then the piece used longest ago.
 */
export function victimOf(open: Iterable<{ readonly piece: Piece }>, opening: Piece): Piece {
  const opened = [...open].map(({ piece }) => piece);
  const other = opening.kind === 'block' ? 'step' : 'block';
  const victim =
    opened.find(({ kind }) => kind === 'lens') ??
    (opening.kind === 'steps' ? undefined : opened.findLast(({ kind }) => kind === 'steps')) ??
    opened.findLast(({ kind }) => kind === other) ??
    opened.findLast(isLayer) ??
    opened[0];
  if (!victim) throw new RangeError('nothing is open');
  return victim;
}
