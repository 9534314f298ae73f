/**
 * How far a head is from a finite state (arXiv:2405.15731). Softmax attention weighs keys by exp(s); its series cut after degree p,
 * sum of s^j / j! for j = 0 .. p, is a product of C(d + p, p) features of query and key, so that the head is a linear system of
 * that many numbers for each channel of its values. Even degrees alone are tried: they are positive for every score.
 *
 * error(p) = |O_p - O| / |O|, norms over all rows and channels of the head's outputs; O by the softmax of the same scores.
 */

export interface HeadTensors {
  /** Queries and keys as they are multiplied, values: row-major [n, d]. */
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly rows: number;
  readonly headDim: number;
  /** Factor on the products, and soft capping of the scores. */
  readonly scale: number;
  readonly softcap?: number;
  /** The keys [from, to) that a row reads. */
  readonly reads: (row: number) => readonly [from: number, to: number];
}

export interface DegreesOfHead {
  /** error(p) of p = 0, 2, 4, ... up to the first within the tolerance, or the largest degree tried. */
  readonly errors: readonly number[];
  /** The smallest even degree within the tolerance; absent where none of those tried is. */
  readonly degree?: number;
  /** Largest |score|. */
  readonly largestScore: number;
}

export function degreesOf(head: HeadTensors, tolerance: number, largest: number): DegreesOfHead {
  const { rows, headDim, value } = head;
  const scores = scoresOf(head);
  const soft = outputs(head, (row) => {
    const own = scores[row]!;
    const most = own.reduce((a, b) => Math.max(a, b), -Infinity);
    return own.map((score) => Math.exp(score - most));
  });
  const size = Math.sqrt(soft.reduce((sum, x) => sum + x * x, 0));
  const terms = scores.map((own) => own.map(() => 1));
  const series = scores.map((own) => own.map(() => 1));
  const errors: number[] = [];
  const result = (degree?: number): DegreesOfHead => ({
    errors,
    ...(degree === undefined ? {} : { degree }),
    largestScore: scores.reduce((most, own) => own.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0),
  });
  if (value.length !== rows * headDim) throw new RangeError('values of another size');
  for (let degree = 0; degree <= largest; degree += 2) {
    const cut = outputs(head, (row) => series[row]!);
    const error = Math.sqrt(cut.reduce((sum, x, at) => sum + (x - soft[at]!) ** 2, 0));
    // A head that puts out nothing is met by anything.
    errors.push(size === 0 ? 0 : error / size);
    if (errors.at(-1)! <= tolerance) return result(degree);
    for (const [row, own] of scores.entries()) {
      own.forEach((score, at) => {
        const next = (terms[row]![at]! * score) / (degree + 1);
        const after = (next * score) / (degree + 2);
        terms[row]![at] = after;
        series[row]![at]! += next + after;
      });
    }
  }
  return result();
}

/** By row, over the keys that it reads. */
function scoresOf({ query, key, rows, headDim: d, scale, softcap, reads }: HeadTensors): Float64Array[] {
  return Array.from({ length: rows }, (_, row) => {
    const [from, to] = reads(row);
    return Float64Array.from({ length: to - from }, (__, at) => {
      let score = 0;
      for (let c = 0; c < d; c++) score += query[row * d + c]! * key[(from + at) * d + c]!;
      score *= scale;
      return softcap === undefined ? score : softcap * Math.tanh(score / softcap);
    });
  });
}

/** Weighted values over the sum of the weights, [n, d]. */
function outputs(
  { value, rows, headDim: d, reads }: HeadTensors,
  weightsOf: (row: number) => Float64Array,
): Float64Array {
  const out = new Float64Array(rows * d);
  for (let row = 0; row < rows; row++) {
    const weights = weightsOf(row);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const [from] = reads(row);
    weights.forEach((weight, at) => {
      for (let c = 0; c < d; c++) out[row * d + c]! += (weight / total) * value[(from + at) * d + c]!;
    });
  }
  return out;
}
