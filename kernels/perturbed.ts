/** Inputs moved at random by a relative amount. */
import { random, seedFor } from './tensors/random';
import { tensor, type Tensor } from './tensors/tensor';
import type { AttentionInputs } from './tensors/tensor';

/**
 * Each number x becomes x (1 + by (r + s)), r and s seeded signs: r one for the whole row (last axis), as a rounding of what is
 * made of the row moves it (a score, a norm), s of the number's own. `by` negative gives the mirror image.
 */
export function perturbed(inputs: AttentionInputs, by: number, seed: number): AttentionInputs {
  const moved = (name: string, x: Tensor): Tensor => movedRows(x, by, seedFor(seed, `perturbed ${name}`));
  return {
    query: moved('query', inputs.query),
    key: moved('key', inputs.key),
    value: moved('value', inputs.value),
    weights: Object.fromEntries(Object.entries(inputs.weights).map(([name, x]) => [name, moved(name, x)])),
  };
}

/** A tensor moved alone. */
export function movedRows(x: Tensor, by: number, seed: number): Tensor {
  const width = x.shape.at(-1) ?? 1;
  const source = random(seed);
  const data = new Float64Array(x.data.length);
  // Thirty signs of one draw; the highest bit marks the end.
  let signs = 1;
  const sign = (): number => {
    if (signs === 1) signs = 2 ** 30 + source.whole(2 ** 30);
    const bit = signs & 1;
    signs >>>= 1;
    return bit === 1 ? by : -by;
  };
  for (let from = 0; from < data.length; from += width) {
    const row = 1 + sign();
    for (let at = from; at < from + width; at++) data[at] = x.data[at]! * (row + sign());
  }
  return tensor(x.shape, data);
}
