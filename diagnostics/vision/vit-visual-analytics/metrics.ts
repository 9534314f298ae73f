/**
 * What a model loses without a head. On one picture x of class y, with probabilities p of the whole model and q without the head:
 *
 *   probability      M1  p_y - q_y
 *   accuracy         M2  1 where p is right, less 1 where q is
 *   divergence       M3  Jensen-Shannon divergence of p and q, nats, 0 to ln 2
 *   representation   M4  1 - cosine of what the classifier reads, with and without the head
 *   kept             q_y with no other head of the layer ("keep one"): large where the head does alone what the layer does
 *
 * Each is averaged over pictures. The system's own formulas could not be read: these are Headscope's.
 */
export const metrics = ['probability', 'accuracy', 'divergence', 'representation', 'kept'] as const;
export type Metric = (typeof metrics)[number];

export const metricTitles: Readonly<Record<Metric, string>> = {
  probability: 'M1 probability',
  accuracy: 'M2 accuracy',
  divergence: 'M3 distribution',
  representation: 'M4 representation',
  kept: 'Keep one',
};

/** Jensen-Shannon divergence of two distributions, nats. */
export function divergence(p: readonly number[], q: readonly number[]): number {
  let sum = 0;
  p.forEach((own, at) => {
    const other = q[at] ?? 0;
    const half = (own + other) / 2;
    if (own > 0) sum += (own * Math.log(own / half)) / 2;
    if (other > 0) sum += (other * Math.log(other / half)) / 2;
  });
  return Math.max(0, Math.min(Math.LN2, sum));
}

/** 1 - cosine, from 0 to 2. */
export function turned(a: readonly number[], b: readonly number[]): number {
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((x, i) => {
    const y = b[i] ?? 0;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return aa === 0 || bb === 0 ? Number.NaN : Math.max(0, 1 - ab / Math.sqrt(aa) / Math.sqrt(bb));
}
