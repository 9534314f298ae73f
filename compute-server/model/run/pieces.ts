/** The parts of a model that are opened as graphs of their own: their names, and which of them gives way to which. */
import type { GradientOutputs, GradientPart } from '../../../models/architectures/gradient-graphs';

export type Piece =
  | { readonly kind: 'embedding' }
  | { readonly kind: 'head' }
  /** What parts of the residual stream add to the logits: of all tokens, or of some. */
  | { readonly kind: 'lens'; readonly tokens: boolean }
  /** Weighted logits as a direction of the last residual stream. */
  | { readonly kind: 'target' }
  /** What the parts of a layer add along a direction; what heads write; what they make of a stream before rotation. */
  | { readonly kind: 'attribution' | 'written' | 'projection'; readonly layer: number }
  | { readonly kind: 'block'; readonly layer: number; readonly instrumented: boolean }
  /** One new position of a layer, on caches by head. */
  | { readonly kind: 'step'; readonly layer: number }
  /** The gradient of a piece. */
  | { readonly kind: 'gradient'; readonly of: GradientPart; readonly wanted: GradientOutputs }
  /** A product of two matrices that are given. */
  | { readonly kind: 'product' }
  | { readonly kind: 'further'; readonly name: string };

export function keyOf(piece: Piece): string {
  if (piece.kind === 'further') return piece.name;
  if (piece.kind === 'lens') return piece.tokens ? 'lens of tokens' : 'lens';
  if (piece.kind === 'gradient') return `gradient.${JSON.stringify(piece.wanted)}.${piece.of}`;
  if (piece.kind === 'block') return `${piece.instrumented ? 'instrumented' : 'plain'}.${piece.layer}`;
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
  isLayer(piece) || piece.kind === 'head' || piece.kind === 'further' || (piece.kind === 'lens' && !piece.tokens);

/** A layer as a run passes through it. */
export const isLayer = (piece: Piece): piece is Piece & { readonly kind: 'block' | 'step' } =>
  piece.kind === 'block' || piece.kind === 'step';

/** The pieces that compute the same layer for another kind of run. */
export function twinsOf(piece: Piece): readonly Piece[] {
  if (!isLayer(piece)) return [];
  const { kind, layer } = piece;
  if (kind === 'block') return [{ kind: 'step', layer }];
  return [false, true].map((instrumented) => ({ kind: 'block', layer, instrumented }));
}

/**
 * What is released first, of pieces in the order of their last use: a lens; a layer opened for blocks where one is opened for
 * steps, and the other way round; then the layer used last, as the layers come round in order and the one used longest ago is
 * needed next; then the piece used longest ago.
 */
export function victimOf(open: Iterable<{ readonly piece: Piece }>, opening: Piece): Piece {
  const opened = [...open].map(({ piece }) => piece);
  const other = opening.kind === 'step' ? 'block' : 'step';
  const victim =
    opened.find(({ kind }) => kind === 'lens') ??
    opened.findLast(({ kind }) => kind === other) ??
    opened.findLast(isLayer) ??
    opened[0];
  if (!victim) throw new RangeError('nothing is open');
  return victim;
}
