/**
 * A norm as a linear map: its scale (root mean square, or standard deviation after centring) is that of a whole vector, so that
 * parts which sum to the whole give outputs which sum to the norm's output less its bias (Elhage et al. 2021, "A Mathematical
 * Framework for Transformer Circuits").
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, divide, multiply, squareRoot, subtract } from '../../kernels/graph/operators/elementwise';
import { reduceMean } from '../../kernels/graph/operators/reduce';
import type { Norm } from './weights-spec';
import { gainOf } from './layers';
import type { StoredWeights } from './stored-weights';

/** What the part [.., w] of `whole` [.., w] gives, without the bias. */
export function frozenNorm(graph: GraphBuilder, weights: StoredWeights, norm: Norm, whole: Value, part: Value): Value {
  const gain = gainOf(graph, weights, norm);
  if (norm.kind === 'affine') return multiply(part, gain);
  return multiply(divide(centred(norm, part), scaleOf(norm, whole)), gain);
}

/** The transpose of the same map: the direction [.., w] of the norm's input that moves its output along `direction` [.., w]. */
export function frozenNormTransposed(
  graph: GraphBuilder,
  weights: StoredWeights,
  norm: Norm,
  whole: Value,
  direction: Value,
): Value {
  const gained = multiply(direction, gainOf(graph, weights, norm));
  return norm.kind === 'affine' ? gained : centred(norm, divide(gained, scaleOf(norm, whole)));
}

const centred = (norm: Norm, x: Value): Value => (norm.kind === 'layer' ? subtract(x, reduceMean(x, [-1])) : x);

function scaleOf(norm: Norm, whole: Value): Value {
  const own = centred(norm, whole);
  return squareRoot(add(reduceMean(multiply(own, own), [-1]), norm.epsilon));
}
