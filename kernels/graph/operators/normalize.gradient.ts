/**
 * Gradient rules of normalize.ts. With z = (x - mean) / deviation and h = g * gain, the gradient of x is
 * (h - mean(h) - z mean(h z)) / deviation; without centring (RMS) the middle term is absent.
 */
import {
  floatOf,
  inputOf,
  lengthOf,
  ofOutput,
  sumTo,
  type Applied,
  type GradientRules,
  type Pass,
} from './gradient-rule';
import type { Value } from '../records';
import { add, divide, multiply, reciprocal, squareRoot, subtract } from './elementwise';
import { reduceMean, reduceSum } from './reduce';

/** Sum of the product of two rows, over the length of the row: [..., 1]. */
const meanProduct = (x: Value, y: Value): Value =>
  divide(reduceSum(multiply(x, y), [-1]), lengthOf(x, x.shape.length - 1));

function passes(applied: Applied, g: Value, centred: boolean): readonly Pass[] {
  const [x, gain] = [inputOf(applied, 0), inputOf(applied, 1)];
  const offset = applied.inputs[2];
  let known: { readonly inverse: Value; readonly z: Value } | undefined;
  const normal = (): { readonly inverse: Value; readonly z: Value } => {
    if (known) return known;
    const from = centred ? subtract(x, reduceMean(x, [-1])) : x;
    const inverse = reciprocal(squareRoot(add(meanProduct(from, from), floatOf(applied.node, 'epsilon', 1e-5))));
    return (known = { inverse, z: multiply(from, inverse) });
  };
  return [
    () => {
      const { inverse, z } = normal();
      const h = multiply(g, gain);
      const rest = subtract(centred ? subtract(h, reduceMean(h, [-1])) : h, multiply(z, meanProduct(h, z)));
      return multiply(rest, inverse);
    },
    () => sumTo(multiply(g, normal().z), gain),
    offset && (() => sumTo(g, offset)),
  ];
}

export const normalizeRules: GradientRules = {
  LayerNormalization: ofOutput((applied, g) => passes(applied, g, true)),
  SimplifiedLayerNormalization: ofOutput((applied, g) => passes(applied, g, false)),
};
