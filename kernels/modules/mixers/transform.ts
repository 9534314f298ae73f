/**
 * Discrete Fourier transforms along the tokens as products with constant cosines and sines, X_k = sum_j x_j e^(-2 pi i j k / n). With
 * n = n1 n2, j = n2 j1 + j2 and k = k1 + n1 k2 in two steps (Cooley and Tukey):
 *   X_k = sum_j2 e^(-2 pi i j2 k2 / n2) e^(-2 pi i j2 k1 / n) sum_j1 x_j e^(-2 pi i j1 k1 / n1).
 */
import { add, multiply, subtract } from '../../graph/operators/elementwise';
import { concat, reshape, split, transpose } from '../../graph/operators/layout';
import { matmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';

export type TransformForm = 'two steps' | 'direct';

/** n1 and n2; n1 = 1 is the direct product. Real parts alone cost 4 n1 + 2 n2 multiply-adds for each number. */
export function stepsOf(n: number, form: TransformForm): readonly [number, number] {
  if (form === 'direct') return [1, n];
  let best: readonly [number, number] = [1, n];
  for (let first = 2; first <= n; first++) {
    const second = n / first;
    if (Number.isInteger(second) && 4 * first + 2 * second < 4 * best[0] + 2 * best[1]) best = [first, second];
  }
  return best;
}

const angle = (a: number, b: number, n: number): number => (2 * Math.PI * ((a * b) % n)) / n;

/** f(2 pi a b / n), rows a of `rows` and columns b of `columns`. */
export const waves = (rows: number, columns: number, n: number, f: (angle: number) => number): number[] =>
  Array.from({ length: rows * columns }, (_, at) => f(angle(Math.floor(at / columns), at % columns, n)));

export interface Complex {
  readonly real: Value;
  /** Left out: zeros. */
  readonly imaginary?: Value | undefined;
}

/** (C - i S) x of rows stacked as [C x; S x] for both parts. */
function turned({ real, imaginary }: Complex, table: Value, rows: number, axis: number): Required<Complex> {
  const halves = (x: Value): readonly [Value, Value] => {
    const [cosines, sines] = split(matmul(table, x), axis, [rows, rows]);
    return [cosines!, sines!];
  };
  const [realCos, realSin] = halves(real);
  if (!imaginary) return { real: realCos, imaginary: subtract(0, realSin) };
  const [imCos, imSin] = halves(imaginary);
  return { real: add(realCos, imSin), imaginary: subtract(imCos, realSin) };
}

/** Along axis 1 of [b, n, C], float32. */
export function transformed(x: Complex, form: TransformForm): Required<Complex> {
  const { parts, second, finish } = firstStep(x, form);
  const { graph } = x.real;
  const table = graph.constant(
    'float32',
    [2 * second, second],
    [...waves(second, second, second, Math.cos), ...waves(second, second, second, Math.sin)],
  );
  const { real, imaginary } = turned(parts, table, second, 2);
  return { real: finish(real), imaginary: finish(imaginary!) };
}

/** Its real part alone. */
export function transformedReal(x: Complex, form: TransformForm): Value {
  const { parts, second, finish } = firstStep(x, form);
  const { graph } = x.real;
  const cosines = waves(second, second, second, Math.cos);
  if (!parts.imaginary) {
    return finish(matmul(graph.constant('float32', [second, second], cosines), parts.real));
  }
  const sines = waves(second, second, second, Math.sin);
  const both = Array.from({ length: second }, (_, row) => [
    ...cosines.slice(row * second, (row + 1) * second),
    ...sines.slice(row * second, (row + 1) * second),
  ]);
  const table = graph.constant('float32', [second, 2 * second], both.flat());
  return finish(matmul(table, concat([parts.real, parts.imaginary], 2)));
}

/** The step over j1 and the turn between: [b, n1, n2, C]; `finish` brings [b, k1, k2, C] into the order of k. */
function firstStep(x: Complex, form: TransformForm) {
  const [batch, n, channels] = x.real.shape.map(Number) as [number, number, number];
  const [first, second] = stepsOf(n, form);
  const { graph } = x.real;
  const apart = (y: Value): Value => reshape(y, [batch, first, second, channels]);
  const finish = (y: Value): Value => reshape(transpose(y, [0, 2, 1, 3]), [batch, n, channels]);
  if (first === 1) {
    const parts: Complex = { real: apart(x.real), ...(x.imaginary ? { imaginary: apart(x.imaginary) } : {}) };
    return { parts, second, finish };
  }
  const table = graph.constant(
    'float32',
    [2 * first, first],
    [...waves(first, first, first, Math.cos), ...waves(first, first, first, Math.sin)],
  );
  const flat = (y: Value): Value => reshape(y, [batch, first, second * channels]);
  const rows = turned(
    { real: flat(x.real), ...(x.imaginary ? { imaginary: flat(x.imaginary) } : {}) },
    table,
    first,
    1,
  );
  const [re, im] = [apart(rows.real), apart(rows.imaginary!)];
  const turn = (f: (angle: number) => number): Value =>
    graph.constant('float32', [first, second, 1], waves(first, second, n, f));
  const [c, s] = [turn(Math.cos), turn(Math.sin)];
  const parts: Complex = {
    real: add(multiply(re, c), multiply(im, s)),
    imaginary: subtract(multiply(im, c), multiply(re, s)),
  };
  return { parts, second, finish };
}

/** Multiply-adds of a transform of n for each channel; `complex` of its input, `real` of what is asked for. */
export function transformProducts(
  n: number,
  form: TransformForm,
  { complex, real }: { readonly complex: boolean; readonly real: boolean },
): number {
  const [first, second] = stepsOf(n, form);
  const parts = first > 1 || complex ? 2 : 1;
  return (first > 1 ? 2 * first * n * (complex ? 2 : 1) : 0) + second * n * parts * (real ? 1 : 2);
}
