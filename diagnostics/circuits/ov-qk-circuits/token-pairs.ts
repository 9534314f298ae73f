/** The largest entries of a b^T, a and b a row for each of many tokens: the product is made piece by piece and never held. */
import type { ModelRunner } from '../../model-runner/model-runner';

export interface TokenPair {
  /** Rows of a and of b. */
  readonly first: number;
  readonly second: number;
  readonly value: number;
}

/** Numbers of the product held at once. */
const mostHeld = 2 ** 24;

export async function largestPairs(
  model: ModelRunner,
  a: Float32Array,
  b: Float32Array,
  inner: number,
  count: number,
): Promise<readonly TokenPair[]> {
  const [rows, columns] = [a.length / inner, b.length / inner];
  const together = Math.max(1, Math.floor(mostHeld / Math.max(1, columns)));
  const found: TokenPair[] = [];
  let least = -Infinity;
  for (let start = 0; start < rows; start += together) {
    const end = Math.min(rows, start + together);
    const product = await model.weights.product(a.subarray(start * inner, end * inner), b, inner);
    for (let at = 0; at < product.length; at++) {
      const value = product[at] ?? -Infinity;
      if (value <= least) continue;
      const pair = { first: start + Math.floor(at / columns), second: at % columns, value };
      let place = found.length;
      while (place > 0 && value > (found[place - 1]?.value ?? -Infinity)) place--;
      found.splice(place, 0, pair);
      if (found.length > count) found.pop();
      if (found.length === count) least = found.at(-1)?.value ?? -Infinity;
    }
  }
  return found;
}
