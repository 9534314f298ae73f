/** The simulator of generalized neighborhood attention: what a window, a stride and tiles allow at most. */
import type { Output } from '../schema/check';
import { anyNumber, flag, list, object, oneOf } from '../schema/fields';

/**
 * `static`: key tiles on a fixed grid; `dynamic`: they begin at the first key that a query tile reads; `flattened`: the
 * positions in one line, cut into tiles as large as the products of the tiles along the axes.
 */
export const neighborhoodTilings = ['static', 'dynamic', 'flattened'] as const;
export type NeighborhoodTiling = (typeof neighborhoodTilings)[number];

const axis = object({
  size: anyNumber,
  window: anyNumber,
  stride: anyNumber,
  dilation: anyNumber,
  causal: flag,
  queryTile: anyNumber,
  keyTile: anyNumber,
});
export type NeighborhoodAxis = Output<typeof axis>;

/** As a form holds it; the harness checks that the numbers fit together. */
export const neighborhoodRequest = object({
  /** One to three, outermost first. */
  axes: list(axis),
  tiling: oneOf(neighborhoodTilings),
  /** Share of a whole step that attention takes, for the bound of the step (0..1). */
  attentionShare: anyNumber,
  /** Share of the steps whose attention is sparse (0..1). */
  sparseSteps: anyNumber,
});
export type NeighborhoodRequest = Output<typeof neighborhoodRequest>;

/** A configuration beside the asked one. */
export interface NeighborhoodStride {
  readonly strides: readonly number[];
  readonly bound: number;
  readonly endToEnd: number;
}

/** Along one axis: positions of a query tile and of the key tiles it visits, inside its dilation group. */
export interface NeighborhoodTile {
  readonly group: number;
  readonly queries: readonly [start: number, end: number];
  readonly keys: readonly [start: number, end: number];
  readonly tiles: number;
}

export interface NeighborhoodBound {
  /** Key tiles that full attention visits for each query tile. */
  readonly allTiles: number;
  readonly worstTiles: number;
  readonly meanTiles: number;
  /** All tiles over those of the worst query tile: the paper's bound of the speed-up. */
  readonly bound: number;
  readonly meanBound: number;
  /** All keys over the keys of a window. */
  readonly flopBound: number;
  /** Speed-up over all steps, of which attention takes `attentionShare` and `sparseSteps` are sparse (Amdahl). */
  readonly endToEnd: number;
  /** Every pair of tiles is read whole or not at all: no product is computed for nothing. Absent: not known for flattened tiles. */
  readonly blockSparse?: boolean;
  /** The test of the released code says so too; it is sufficient, not necessary. */
  readonly passesTest?: boolean;
  /** The smallest stride of each axis with which it is block sparse, as far as there is one; absent beside flattened tiles. */
  readonly smallestBlockSparse?: readonly (number | null)[];
  /**
   * Powers of two and the window as strides, without those that gain nothing over a smaller stride; in the order of their
   * bounds. Empty beside flattened tiles.
   */
  readonly strides: readonly NeighborhoodStride[];
  /** Query tiles of each axis; empty beside flattened tiles. */
  readonly tiles: readonly (readonly NeighborhoodTile[])[];
}

export const largestAxis = 65_536;
