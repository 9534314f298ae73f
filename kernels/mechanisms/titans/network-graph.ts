/** The function of a neural memory (network.ts) and its gradient in graphs. */
import { add, hyperbolicTangent, multiply, subtract } from '../../graph/operators/elementwise';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';
import { geluCube, geluScale } from './network';

/** tanh(c (x + 0.044715 x^3)), which GELU and its slope share. */
const bend = (x: Value): Value =>
  hyperbolicTangent(multiply(multiply(x, add(multiply(multiply(x, x), geluCube), 1)), geluScale));

const bent = (x: Value, t: Value): Value => multiply(multiply(x, 0.5), add(t, 1));

/** gelu(x). */
export const activated = (x: Value): Value => bent(x, bend(x));

/** What comes into a layer, what it gives, and the bend of the GELU behind it (none behind the last). */
export interface LayerValues {
  readonly input: Value;
  readonly sum: Value;
  readonly bend?: Value;
}

/** Rows [.., width] through layers [.., rows, columns]. */
export function forwardOf(layers: readonly Value[], rows: Value): readonly LayerValues[] {
  const values: LayerValues[] = [];
  let input = rows;
  layers.forEach((weight, layer) => {
    const sum = matmul(input, weight);
    if (layer === layers.length - 1) {
      values.push({ input, sum });
      return;
    }
    const t = bend(sum);
    values.push({ input, sum, bend: t });
    input = bent(sum, t);
  });
  return values;
}

/**
 * The gradient of half the squared error by what each layer gives: answer - value behind the last one, and (u W^T) gelu'(z)
 * behind those below, gelu'(z) = (1 + t + z (1 - t^2) c (1 + 3 0.044715 z^2)) / 2.
 */
export function errorsOf(layers: readonly Value[], forward: readonly LayerValues[], value: Value): readonly Value[] {
  const errors = [subtract(forward.at(-1)!.sum, value)];
  for (let layer = layers.length - 1; layer > 0; layer--) {
    const { sum: z, bend: t } = forward[layer - 1]!;
    const back = fusedMatmul(errors[0]!, layers[layer]!, { transposeB: true });
    const inner = multiply(z, add(multiply(multiply(z, z), 1.5 * geluCube * geluScale), 0.5 * geluScale));
    const slope = add(multiply(add(t!, 1), 0.5), multiply(inner, subtract(1, multiply(t!, t!))));
    errors.unshift(multiply(back, slope));
  }
  return errors;
}
