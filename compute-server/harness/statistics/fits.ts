import { linearRegression, linearRegressionLine, rSquared } from 'simple-statistics';

/** A measured curve: [length, value], lengths ascending. */
export type Curve = readonly (readonly [length: number, value: number])[];

/** value = a n^2 + b n + c (a = 0 in a line), with the share of the variance that it explains. */
export interface Polynomial {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly r2: number;
}

/** value ~ length^exponent, by least squares in the logarithms. Needs two lengths. */
export function powerFit(curve: Curve): { readonly exponent: number; readonly r2: number } {
  const points = curve.map(([length, value]) => [Math.log(length), Math.log(value)]);
  const line = linearRegression(points);
  return { exponent: line.m, r2: rSquared(points, linearRegressionLine(line)) };
}

/** Needs two lengths. */
export function lineFit(curve: Curve): Polynomial {
  const points = curve.map(([length, value]) => [length, value]);
  const line = linearRegression(points);
  return { a: 0, b: line.m, c: line.b, r2: rSquared(points, linearRegressionLine(line)) };
}

/** Needs three lengths. */
export function quadraticFit(curve: Curve): Polynomial {
  // Lengths are scaled to at most 1, else the normal equations mix 1 with n^4.
  const scale = Math.max(...curve.map(([length]) => length));
  const moments = [0, 1, 2, 3, 4].map((power) => sum(curve, (x) => (x / scale) ** power));
  const [s0, s1, s2, s3, s4] = moments as [number, number, number, number, number];
  const [c, b, a] = solve3(
    [
      [s0, s1, s2],
      [s1, s2, s3],
      [s2, s3, s4],
    ],
    [sum(curve, (_, y) => y), sum(curve, (x, y) => (x / scale) * y), sum(curve, (x, y) => (x / scale) ** 2 * y)],
  );
  const fitted = { a: a / scale ** 2, b: b / scale, c };
  const points = curve.map(([length, value]) => [length, value]);
  return { ...fitted, r2: rSquared(points, (n) => fitted.a * n * n + fitted.b * n + fitted.c) };
}

const sum = (curve: Curve, term: (length: number, value: number) => number): number =>
  curve.reduce((total, [length, value]) => total + term(length, value), 0);

type Vector3 = [number, number, number];

/** Cramer's rule. */
function solve3(matrix: [Vector3, Vector3, Vector3], right: Vector3): Vector3 {
  const determinant = ([p, q, r]: [Vector3, Vector3, Vector3]) =>
    p[0] * (q[1] * r[2] - q[2] * r[1]) - p[1] * (q[0] * r[2] - q[2] * r[0]) + p[2] * (q[0] * r[1] - q[1] * r[0]);
  const whole = determinant(matrix);
  return [0, 1, 2].map((column) => {
    const replaced = matrix.map((row, index) => row.map((value, at) => (at === column ? right[index]! : value)));
    return determinant(replaced as [Vector3, Vector3, Vector3]) / whole;
  }) as Vector3;
}
