/** Gradient rules of elementwise.ts. Sums over broadcast axes are decided by the shapes when the graph is built. */
import {
  inputOf,
  floatOf,
  ofOutput,
  outputOf,
  passesNothing,
  passElsewhere,
  passWhere,
  sumTo,
  textOf,
  type Applied,
  type GradientRule,
  type GradientRules,
  type Pass,
} from './gradient-rule';
import type { Value } from '../records';
import { isFloating } from '../types';
import {
  add,
  cast,
  cosine,
  divide,
  equal,
  errorFunction,
  exponential,
  greater,
  lessOrEqual,
  logarithm,
  multiply,
  negate,
  power,
  sigmoid,
  sign,
  sine,
  subtract,
} from './elementwise';

/** Both partial gradients in the shape of the output; each is summed to its operand. */
function binary(left: (parts: Parts) => Value, right: (parts: Parts) => Value): GradientRule {
  return ofOutput((applied, g) => {
    const [a, b] = [inputOf(applied, 0), inputOf(applied, 1)];
    const parts = { a, b, g, y: outputOf(applied) };
    return [() => sumTo(left(parts), a), () => sumTo(right(parts), b)];
  });
}

interface Parts {
  readonly a: Value;
  readonly b: Value;
  readonly g: Value;
  readonly y: Value;
}

/** The factor by which a number's gradient is multiplied. */
const unary = (slope: (x: Value, y: Value, applied: Applied) => Value): GradientRule =>
  ofOutput((applied, g) => [() => multiply(g, slope(inputOf(applied, 0), outputOf(applied), applied))]);

const only =
  (pass: (x: Value, y: Value, g: Value, applied: Applied) => Value): GradientRule =>
  (applied, [g]) =>
    g ? [() => pass(inputOf(applied, 0), outputOf(applied), g, applied)] : [];

/** sqrt(2 / pi) and the cubic term of the tanh form of GELU (arXiv:1606.08415, section 2). */
const tanhGelu = { scale: Math.sqrt(2 / Math.PI), cube: 0.044715 };

function geluSlope(x: Value, _y: Value, { node }: Applied): Value {
  if (textOf(node, 'approximate', 'none') === 'none') {
    const below = multiply(add(errorFunction(multiply(x, Math.SQRT1_2)), 1), 0.5);
    const density = multiply(exponential(multiply(multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return add(below, multiply(x, density));
  }
  const { scale, cube } = tanhGelu;
  const square = multiply(x, x);
  // 2 u with u the argument of tanh: (1 + tanh u) / 2 = sigmoid(2 u), so that one function serves value and slope.
  const doubled = multiply(x, add(multiply(square, 2 * scale * cube), 2 * scale));
  const s = sigmoid(doubled);
  const inner = multiply(x, add(multiply(square, 6 * scale * cube), 2 * scale));
  return multiply(s, add(multiply(inner, subtract(1, s)), 1));
}

/** What is left of the gradient at numbers that a bound let through unchanged. */
const unchanged: GradientRule = only((x, y, g) => passWhere(equal(x, y), g));

const chosen = ofOutput((applied, g): readonly Pass[] => {
  const condition = inputOf(applied, 0);
  const [a, b] = [inputOf(applied, 1), inputOf(applied, 2)];
  return [undefined, () => sumTo(passWhere(condition, g), a), () => sumTo(passElsewhere(condition, g), b)];
});

/** Where two numbers are equal, the first gets the gradient. */
const extreme = (first: (a: Value, b: Value) => Value): GradientRule =>
  binary(
    ({ a, b, g }) => passWhere(first(a, b), g),
    ({ a, b, g }) => passElsewhere(first(a, b), g),
  );

export const elementwiseRules: GradientRules = {
  Add: binary(
    ({ g }) => g,
    ({ g }) => g,
  ),
  Sub: binary(
    ({ g }) => g,
    ({ g }) => negate(g),
  ),
  Mul: binary(
    ({ b, g }) => multiply(g, b),
    ({ a, g }) => multiply(g, a),
  ),
  Div: binary(
    ({ b, g }) => divide(g, b),
    ({ b, g, y }) => negate(divide(multiply(g, y), b)),
  ),
  Pow: binary(
    ({ a, b, g }) => multiply(g, multiply(b, power(a, subtract(b, 1)))),
    ({ a, g, y }) => multiply(g, multiply(y, logarithm(a))),
  ),
  Min: extreme((a, b) => lessOrEqual(a, b)),
  Max: extreme((a, b) => lessOrEqual(b, a)),
  Exp: unary((_x, y) => y),
  Log: only((x, _y, g) => divide(g, x)),
  Sqrt: only((_x, y, g) => divide(multiply(g, 0.5), y)),
  Reciprocal: only((_x, y, g) => negate(multiply(g, multiply(y, y)))),
  Neg: only((_x, _y, g) => negate(g)),
  Abs: unary((x) => sign(x)),
  Sigmoid: unary((_x, y) => multiply(y, subtract(1, y))),
  Tanh: unary((_x, y) => subtract(1, multiply(y, y))),
  Relu: only((_x, y, g) => passWhere(greater(y, 0), g)),
  Erf: unary((x) => multiply(exponential(negate(multiply(x, x))), 2 / Math.sqrt(Math.PI))),
  Sin: unary((x) => cosine(x)),
  Cos: unary((x) => negate(sine(x))),
  Atan: only((x, _y, g) => divide(g, add(multiply(x, x), 1))),
  Softplus: unary((x) => sigmoid(x)),
  // Below 0 the slope is alpha e^x, which is the output plus alpha.
  Elu: only((x, y, g, { node }) => {
    const below = multiply(g, add(y, floatOf(node, 'alpha', 1)));
    return add(passWhere(greater(x, 0), g), passWhere(lessOrEqual(x, 0), below));
  }),
  Gelu: unary(geluSlope),
  Clip: unchanged,
  Where: chosen,
  Cast: ofOutput((applied, g) => {
    const x = inputOf(applied, 0);
    return isFloating(x.type) ? [() => cast(g, x.type)] : [];
  }),
  Identity: only((_x, _y, g) => g),
  Floor: passesNothing,
  Sign: passesNothing,
  Less: passesNothing,
  LessOrEqual: passesNothing,
  Greater: passesNothing,
  Equal: passesNothing,
  And: passesNothing,
  Or: passesNothing,
  Not: passesNothing,
  IsNaN: passesNothing,
};
