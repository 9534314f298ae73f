/** Gradient rules of reduce.ts. */
import {
  constantOf,
  expandLike,
  fromFront,
  inputOf,
  intOf,
  lengthOf,
  ofOutput,
  outputOf,
  passesNothing,
  zerosLike,
  type Applied,
  type GradientRule,
  type GradientRules,
} from './gradient-rule';
import type { Value } from '../records';
import { cast, divide, equal, greater, multiply, subtract, where } from './elementwise';
import { scatterElements, unsqueeze } from './layout';
import { cumulativeSum, reduceSum } from './reduce';

/** A reduction with the reduced axes back in place as axes of 1. */
interface Reduced {
  readonly x: Value;
  readonly y: Value;
  readonly g: Value;
  readonly axes: readonly number[];
}

const reduction = (pass: (reduced: Reduced) => Value): GradientRule =>
  ofOutput((applied, g) => {
    const x = inputOf(applied, 0);
    const axes = constantOf(applied, 1).map((axis) => fromFront(axis, x.shape.length));
    const kept = (value: Value): Value =>
      intOf(applied.node, 'keepdims', 1) === 1
        ? value
        : [...axes].sort((a, b) => a - b).reduce((sum, axis) => unsqueeze(sum, axis), value);
    return [() => pass({ x, y: kept(outputOf(applied)), g: kept(g), axes })];
  });

/** Several equal extremes share the gradient equally. */
const extreme = reduction(({ x, y, g, axes }) => {
  const at = cast(equal(x, y), x.type);
  return multiply(at, divide(g, reduceSum(at, axes)));
});

function runningSum(applied: Applied, g: Value): Value {
  const { node } = applied;
  const exclusive = intOf(node, 'exclusive', 0) === 1;
  return cumulativeSum(g, constantOf(applied, 1)[0] ?? 0, { exclusive, reverse: intOf(node, 'reverse', 0) === 0 });
}

export const reduceRules: GradientRules = {
  ReduceSum: reduction(({ x, g }) => expandLike(g, x)),
  ReduceMean: reduction(({ x, g, axes }) =>
    expandLike(
      axes.reduce((mean, axis) => divide(mean, lengthOf(x, axis)), g),
      x,
    ),
  ),
  ReduceMax: extreme,
  ReduceMin: extreme,
  // At a row of zeros, where there is no derivative, nothing passes.
  ReduceL2: reduction(({ x, y, g }) => multiply(x, divide(g, where(greater(y, 0), y, 1)))),
  Softmax: ofOutput((applied, g) => [
    () => {
      const y = outputOf(applied);
      const axis = intOf(applied.node, 'axis', -1);
      return multiply(y, subtract(g, reduceSum(multiply(g, y), [axis])));
    },
  ]),
  CumSum: ofOutput((applied, g) => [() => runningSum(applied, g)]),
  TopK: ofOutput((applied, g) => [
    () => {
      const x = inputOf(applied, 0);
      return scatterElements(zerosLike(x), outputOf(applied, 1), g, intOf(applied.node, 'axis', -1), 'add');
    },
  ]),
  ArgMax: passesNothing,
};
