/**
 * Column strength (ACT, arXiv:2406.15765): c_k, the mean of A_qk over the queries q that read key k. Which keys are sinks by it is
 * decided where attention is moved (protocol/interventions/redistribute.ts), so that what is shown is what is calibrated.
 */

/** c_k of every key of a map [n, n] whose row q reads the keys [from, to). */
export function columnStrengths(
  map: ArrayLike<number>,
  n: number,
  reads: (row: number) => readonly [from: number, to: number],
): readonly number[] {
  const [sums, readers] = [new Float64Array(n), new Float64Array(n)];
  for (let row = 0; row < n; row++) {
    const [from, to] = reads(row);
    for (let key = from; key < Math.min(to, n); key++) {
      sums[key] = (sums[key] ?? 0) + (map[row * n + key] ?? 0);
      readers[key] = (readers[key] ?? 0) + 1;
    }
  }
  return Array.from(sums, (sum, key) => sum / (readers[key] ?? 0));
}

export interface Masses {
  /** Mean over the queries behind the first of what they give token 0. */
  readonly first: number;
  /** The same of the later sinks together. */
  readonly sinks: number;
}

export function massesOf(map: ArrayLike<number>, n: number, sinks: readonly number[]): Masses {
  let [first, later] = [0, 0];
  for (let row = 1; row < n; row++) {
    first += map[row * n] ?? 0;
    for (const key of sinks) later += map[row * n + key] ?? 0;
  }
  return { first: first / (n - 1), sinks: later / (n - 1) };
}
