/** What can be added to the training of any attention by several heads or branches (ACMIL, arXiv:2311.07125). */
import { divide, multiply, squareRoot, subtract } from '../graph/operators/elementwise';
import { fusedMatmul } from '../graph/operators/matrix';
import { filled, scatterElements } from '../graph/operators/layout';
import { reduceSum, topK } from '../graph/operators/reduce';
import type { Value } from '../graph/records';

/**
 * L_d: mean cosine of the attention of two branches over all pairs, of `attention` [..., M, n] with M of 2 or more; 0 to 1. The axes
 * before stay: [...].
 */
export function diversity(attention: Value): Value {
  const [branches, n] = attention.shape.slice(-2).map(Number) as [number, number];
  const last = attention.shape.length - 1;
  // Weights of about 1 / n: their squares would vanish in float16. The cosine is the same at any scale.
  const scaled = multiply(attention, Math.sqrt(n));
  const unit = divide(scaled, squareRoot(reduceSum(multiply(scaled, scaled), [last])));
  const cosines = fusedMatmul(unit, unit, { transposeB: true });
  const share = 1 / (branches * (branches - 1));
  const pairs = Float64Array.from({ length: branches * branches }, (_, at) =>
    Math.floor(at / branches) === at % branches ? 0 : share,
  );
  const weighted = multiply(cosines, attention.graph.constant(attention.type, [branches, branches], pairs));
  return reduceSum(weighted, [last - 1, last], false);
}

/**
 * STKIM: 1 where an instance stays and 0 where it is dropped, [..., n]. `dropped` [..., K] is 1 at the ranks that are dropped, the
 * strongest first; chance is in it and not in the graph. No gradient passes.
 */
export function keptRanks(attention: Value, dropped: Value): Value {
  const [, indices] = topK(attention, Number(dropped.shape.at(-1)));
  return scatterElements(filled(attention, attention.shape.map(Number), 1), indices, subtract(1, dropped), -1);
}
