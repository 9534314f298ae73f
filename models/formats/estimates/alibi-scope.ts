/**
 * How far a head of a model with ALiBi can see (RazorAttention, arXiv:2407.15891, its criterion for such models): scores are
 * q·k / sqrt(d) - l (m - n) with the slope l of the head. With |q·k| / sqrt(d) <= M for all pairs, a key m - n back has at most
 * exp(2 M - l (m - n)) times the weight of the query's own key, so that beyond
 *
 *     L = (2 M - ln eps) / l
 *
 * no key has a weight above eps. Our choice: M holds the factor 1 / sqrt(d). A configuration says nothing of M: at M = 0, where no
 * query prefers a key, L is what distance alone leaves, and real scopes are longer by 2 M / l.
 */
import { alibiSlopes } from '../../../kernels/mechanisms/alibi-slopes';
import type { ModelPart } from '../model-description';

export const alibiScope = (slope: number, bound: number, epsilon: number): number =>
  (2 * bound - Math.log(epsilon)) / slope;

/** eps of the paper. */
const alibiEpsilon = 1e-3;

/** By query head, at M = 0; nothing where a part has no ALiBi, or its family scales the bias with the scores (Falcon). */
export const alibiHeads = (
  { positions, heads }: Pick<ModelPart, 'positions' | 'heads'>,
  family: string,
): readonly { readonly slope: number; readonly scope: number }[] | undefined =>
  positions === 'alibi' && family !== 'falcon'
    ? alibiSlopes(heads).map((slope) => ({ slope, scope: alibiScope(slope, 0, alibiEpsilon) }))
    : undefined;
