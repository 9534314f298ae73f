/** The size of a position, by which some dictionaries scale what they read and write (models/dictionaries, `FeatureScale`). */
import { add, greater, multiply, subtract, where } from '../../../kernels/graph/operators/elementwise';
import { reduceMean, reduceNorm } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import type { FeatureScale } from '../../dictionaries/dictionary';

/** Each [.., 1, f]: 1 where the size is of x less its mean, the factor on its norm with 0 where nothing scales, and epsilon. */
export interface ScaleInputs {
  readonly centred: Value;
  readonly share: Value;
  readonly epsilon: Value;
}

export const scaleNames = ['centred', 'share', 'epsilon'] as const;
type ScaleName = (typeof scaleNames)[number];

export const scaleInputs = (input: (name: ScaleName) => Value): ScaleInputs => ({
  centred: input('centred'),
  share: input('share'),
  epsilon: input('epsilon'),
});

export const borrowedScale = (
  { centred, share, epsilon }: ScaleInputs,
  operand: (value: Value) => Value,
): ScaleInputs => ({ centred: operand(centred), share: operand(share), epsilon: operand(epsilon) });

export const scaleNumbers = (scale: FeatureScale | undefined): Readonly<Record<ScaleName, number>> => ({
  centred: scale?.centred === true ? 1 : 0,
  share: scale?.share ?? 0,
  epsilon: scale?.epsilon ?? 0,
});

/** Norms of x [b, n, w] and of x less its mean, [b, n, 1]. */
export interface Norms {
  readonly plain: Value;
  readonly centred: Value;
}

export const normsOf = (x: Value): Norms => ({
  plain: reduceNorm(x, [-1]),
  centred: reduceNorm(subtract(x, reduceMean(x, [-1])), [-1]),
});

/** s of each feature [b, n, f], 1 where nothing scales. */
export const sizeOf = ({ centred, share }: ScaleInputs, norms: Norms): Value =>
  where(greater(share, 0), multiply(where(greater(centred, 0), norms.centred, norms.plain), share), 1);

/** s + epsilon, by which what is read is divided; 1 at a position of zeros. */
export function divisorOf({ epsilon }: ScaleInputs, size: Value): Value {
  const divisor = add(size, epsilon);
  return where(greater(divisor, 0), divisor, 1);
}

/** The two of one position on the host. */
export function scaleAt(
  scale: FeatureScale | undefined,
  x: ArrayLike<number>,
): { readonly size: number; readonly divisor: number } {
  if (!scale) return { size: 1, divisor: 1 };
  const values = Float64Array.from(x);
  const mean = scale.centred ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
  const size = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0)) * scale.share;
  const divisor = size + scale.epsilon;
  return { size, divisor: divisor > 0 ? divisor : 1 };
}
