/** The simulator of generalized neighborhood attention: what a window, a stride and tiles allow at most. */
export interface NeighborhoodAxis {
  readonly size: number;
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  readonly causal: boolean;
  readonly queryTile: number;
  readonly keyTile: number;
}

export interface NeighborhoodRequest {
  /** One to three, outermost first. */
  readonly axes: readonly NeighborhoodAxis[];
  /** `static`: key tiles on a fixed grid; `dynamic`: they begin at the first key that a query tile reads. */
  readonly tiling: 'static' | 'dynamic';
  /** Share of a whole step that attention takes, for the bound of the step (0..1). */
  readonly attentionShare: number;
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
  /** Speed-up of a step of which attention takes `attentionShare` (Amdahl). */
  readonly endToEnd: number;
  /** Every pair of tiles is read whole or not at all: no product is computed in vain. */
  readonly blockSparse: boolean;
  /** Query tiles of each axis. */
  readonly tiles: readonly (readonly NeighborhoodTile[])[];
}

export const largestAxis = 4096;
