/** The shapes that laws are tried on, in each pattern. */
import type { AttentionShape } from '../../kernels/shape';

export type LawSize = Omit<AttentionShape, 'pattern'>;

const small = { headDim: 16, valueDim: 16 };
/** Lengths that no tile divides; several sequences; heads that share keys; values of another width. */
export const lawSizes: readonly LawSize[] = [
  { batch: 1, heads: 2, kvHeads: 2, queries: 32, keys: 32, ...small },
  { batch: 2, heads: 4, kvHeads: 2, queries: 37, keys: 37, ...small },
  { batch: 1, heads: 2, kvHeads: 2, queries: 19, keys: 45, headDim: 16, valueDim: 8 },
];
