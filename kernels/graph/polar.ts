/** Magnitude and angle of complex numbers. */
import {
  absolute,
  add,
  arctangent,
  divide,
  greater,
  less,
  multiply,
  negate,
  squareRoot,
  subtract,
  where,
} from './operators/elementwise';
import type { Value } from './records';

export interface Polar {
  readonly radius: Value;
  readonly angle: Value;
}

/** Keeps the quotient of two zeros finite. */
const tiny = 1e-30;

/** The root of re^2 + im^2 + `added`, and the angle in (-pi, pi]. ONNX has no atan2: the angle in the first eighth, reflected. */
export function polarOf(re: Value, im: Value, added: number): Polar {
  const radius = squareRoot(add(add(multiply(re, re), multiply(im, im)), added));
  const [width, height] = [absolute(re), absolute(im)];
  const steep = greater(height, width);
  const eighth = arctangent(divide(where(steep, width, height), add(where(steep, height, width), tiny)));
  const quarter = where(steep, subtract(Math.PI / 2, eighth), eighth);
  const upper = where(less(re, 0), subtract(Math.PI, quarter), quarter);
  return { radius, angle: where(less(im, 0), negate(upper), upper) };
}
