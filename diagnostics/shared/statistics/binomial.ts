/** P(X >= k) of n independent trials that each succeed with probability p. */
export function atLeast(k: number, n: number, p: number): number {
  if (k <= 0) return 1;
  if (p <= 0 || k > n) return 0;
  if (p >= 1) return 1;
  // Logarithms: terms of many trials are smaller than any number.
  let log = 0;
  for (let i = 0; i < k; i++) log += Math.log((n - i) / (i + 1));
  log += k * Math.log(p) + (n - k) * Math.log1p(-p);
  let sum = 0;
  for (let i = k; i <= n; i++) {
    sum += Math.exp(log);
    log += Math.log((n - i) / (i + 1)) + Math.log(p) - Math.log1p(-p);
  }
  return Math.min(1, sum);
}
