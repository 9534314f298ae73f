/** What rows of the stream carry besides their hidden numbers, and what blocks do with it, as data (carried-rows.ts). */
import type { Activation, Linear, Norm } from './weights-spec';

/** How the streams of a row are mixed before and after a block (carried-rows.ts). */
export interface AltUpSpec {
  /** The norm of the first stream; `router` maps it to one number for each stream, times 1 / w. */
  readonly norm: Norm;
  readonly router: Linear;
  /** streams -> streams x streams. */
  readonly predicts: Linear;
  /** streams -> streams; its numbers are limited to `bound`. */
  readonly corrects: { readonly weight: string; readonly bound: number | undefined };
}

/** A narrow map beside attention: x + norm(up(down(x))) is added to the sum of the stream and attention, and all is divided by sqrt(2). */
export interface NarrowSpec {
  readonly down: Linear;
  readonly up: Linear;
  readonly norm: Norm;
}

/** How a block uses its own vector of the token (carried-rows.ts). */
export interface VectorSpec {
  /** Name of the factors [w] of the stream before the gate (Gemma 3n). */
  readonly gain?: string;
  readonly gate: Linear;
  readonly activation: Activation;
  readonly map: Linear;
  readonly norm: Norm;
  /** Name of the factor [1] of the stream that leaves (Gemma 4). */
  readonly scalar?: string;
}

/** A vector of each token for each layer: a table row times sqrt(size), plus a normed map of the words; the sum is multiplied by sqrt(1/2). */
export interface LayerVectors {
  /** [rows, layers x size] */
  readonly table: string;
  readonly rows: number;
  readonly vocabulary: number;
  readonly size: number;
  readonly layers: number;
  readonly map: Linear;
  readonly norm: Norm;
}

/** Keys and values of a layer that later layers read. */
export interface HandedHeads {
  readonly layer: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** What rows of the stream carry after their hidden numbers (carried-rows.ts). */
export interface CarriedSpec {
  /** Maps from the words to each further stream; `unmakes` map these to what the head reads. */
  readonly makes: readonly Linear[];
  readonly unmakes: readonly Linear[];
  readonly vectors?: LayerVectors;
  readonly handed: readonly HandedHeads[];
  /** The words themselves, which blocks with `shared` read. */
  readonly words?: true;
  /** Number of the layer whose stream a later layer reads. */
  readonly kept?: number;
}
