/**
 * Distances on the grid of patches. Of patches i = (r, c) and j = (r', c'): Chebyshev max(|r - r'|, |c - c'|), Manhattan
 * |r - r'| + |c - c'|. Ring k of a patch: the patches at distance k, those beyond the border left out.
 */
export const distances = ['chebyshev', 'manhattan'] as const;
export type Distance = (typeof distances)[number];

export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

export interface Hops {
  /** [N, N], row-major. */
  readonly of: Int32Array;
  /** N */
  readonly patches: number;
  /** Rings 0 to `rings` - 1 exist. */
  readonly rings: number;
  /** [N, rings]: patches of each ring of each patch. */
  readonly sizes: Int32Array;
}

export function hopsOn({ rows, columns }: Grid, distance: Distance): Hops {
  const patches = rows * columns;
  const rings = distance === 'chebyshev' ? Math.max(rows, columns) : rows + columns - 1;
  const of = new Int32Array(patches * patches);
  const sizes = new Int32Array(patches * rings);
  for (let i = 0; i < patches; i++) {
    for (let j = 0; j < patches; j++) {
      const down = Math.abs(Math.floor(i / columns) - Math.floor(j / columns));
      const across = Math.abs((i % columns) - (j % columns));
      const hops = distance === 'chebyshev' ? Math.max(down, across) : down + across;
      of[i * patches + j] = hops;
      sizes[i * rings + hops]! += 1;
    }
  }
  return { of, patches, rings, sizes };
}
