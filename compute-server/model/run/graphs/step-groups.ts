/** Layers in a row whose steps are one session. */
import type { ModelPieces } from './model-pieces';
import type { PiecePlaces } from './piece-places';
import { sumOf } from './piece-sizes';
import type { Piece } from './pieces';

/** Bytes of weights that are laid out in one file for the steps of several layers. */
const groupBytes = 512e6;

/** By their first layer. */
export type StepGroups = ReadonlyMap<number, Piece & { readonly kind: 'steps' }>;

/** None where layers are sessions of their own; all of them are on the CPU. */
export function stepGroupsOf(pieces: ModelPieces, places: PiecePlaces): StepGroups {
  const found = new Map<number, Piece & { readonly kind: 'steps' }>();
  let [first, held] = [0, 0];
  let laid: boolean | undefined;
  for (const { index, shortcut, cross } of pieces.model.blocks) {
    if (shortcut !== undefined || cross) return new Map();
    const { layouts, weights } = pieces.partsOf({ kind: 'step', layer: index });
    // All weights of a session are in one folder.
    if ((laid ??= layouts !== undefined) !== (layouts !== undefined)) return new Map();
    const bytes = layouts ? sumOf(weights) : 0;
    if (index > first && (places.beginsAt(index) || held + bytes > groupBytes)) [first, held] = [index, 0];
    held += bytes;
    found.set(first, { kind: 'steps', first, count: index + 1 - first });
  }
  return found;
}
