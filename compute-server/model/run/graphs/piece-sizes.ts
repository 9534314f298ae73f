/** Bytes that the pieces of a model take when they are open. */
import type { DeviceId } from '../../../runtime/session';
import type { WeightSizes } from './device-shares';
import type { ModelPieces } from './model-pieces';
import type { PiecePlaces } from './piece-places';
import { wordsOf, type Piece } from './pieces';

/** Of a plain run. */
interface Sizes {
  /** All pieces at once; a tensor that two of them read counts for each. */
  readonly atOnce: number;
  /** Each tensor once. */
  readonly weights: number;
  /** At once, by the device that the pieces are for. */
  readonly on: ReadonlyMap<DeviceId, number>;
  /** What is opened as a whole and takes most. */
  readonly largest: { readonly name: string; readonly bytes: number };
}

export class PieceSizes {
  private found: Sizes | undefined;

  constructor(
    private readonly pieces: ModelPieces,
    private readonly places: PiecePlaces,
  ) {}

  /** Builds every graph, so only once: this is most of the time that opening a small model takes. */
  private sizes(): Sizes {
    return (this.found ??= this.measure());
  }

  private measure(): Sizes {
    const tensors = new Map<string, number>();
    const on = new Map<DeviceId, number>();
    const pieces = this.pieces.plain().map((piece) => {
      const { weights } = this.pieces.partsOf(piece);
      for (const [name, bytes] of weights) tensors.set(name, bytes);
      const [holder, bytes] = [this.places.deviceOf(piece), sumOf(weights)];
      on.set(holder, (on.get(holder) ?? 0) + bytes);
      return { name: wordsOf(piece), bytes };
    });
    return {
      atOnce: pieces.reduce((sum, { bytes }) => sum + bytes, 0),
      weights: sumOf(tensors),
      on,
      largest: pieces.reduce((most, one) => (one.bytes > most.bytes ? one : most)),
    };
  }

  /** All pieces of a plain run, open at once; a tensor that two of them read counts for each. */
  atOnce(): number {
    return this.sizes().atOnce;
  }

  /** The weights of all pieces, each tensor once. */
  weights(): number {
    return this.sizes().weights;
  }

  /** The pieces that a device is meant to hold. */
  heldBy(device: DeviceId): number {
    return this.sizes().on.get(device) ?? 0;
  }

  /** What is opened as a whole and takes most. */
  largest(): Sizes['largest'] {
    return this.sizes().largest;
  }

  of(piece: Piece): number {
    return sumOf(this.pieces.partsOf(piece).weights);
  }

  ofLayersAndHead(): WeightSizes {
    const { blocks, head } = this.pieces.model;
    return {
      layers: blocks.map(
        ({ index: layer, cross }) =>
          this.of({ kind: 'block', layer, instrumented: false }) + (cross ? this.of({ kind: 'cross', layer }) : 0),
      ),
      head: head.vocabulary ? this.of({ kind: 'head' }) : 0,
    };
  }

  /**
   * Open on a device other than the CPU at most: all graphs that run there (a tensor that two of them read lies there twice), no more
   * than `limit`, the bytes that may be open at once, and at least the largest, which is always allowed.
   * `multiplied`: what linear maps that are not held in integers multiply in.
   */
  onDevice(device: DeviceId, limit: number, multiplied?: 'float16'): number {
    const there = this.pieces.plain().flatMap((piece) => {
      const { graph, weights } = this.pieces.partsOf(piece, multiplied);
      return this.places.of(piece, graph).device === device ? [sumOf(weights)] : [];
    });
    const all = there.reduce((sum, bytes) => sum + bytes, 0);
    return Math.max(Math.min(all, limit), ...there, 0);
  }
}

export const sumOf = (weights: ReadonlyMap<string, number>): number =>
  [...weights.values()].reduce((sum, bytes) => sum + bytes, 0);
