/**
 * How well scores find the things that are sought: ROC curve, precision and recall. A threshold takes everything with at least its
 * score, so that equal scores stand or fall together; it goes through all scores from the largest to the smallest.
 */

/**
 * Chance that a number drawn from `low` lies below one drawn from `high`, ties counted half (the area under the ROC curve,
 * Mann-Whitney U over the number of pairs). Undefined when a group is empty or a number is NaN.
 */
export function areaBelow(low: readonly number[], high: readonly number[]): number | undefined {
  if (low.length === 0 || high.length === 0) return undefined;
  const all = [...low.map((value) => ({ value, low: true })), ...high.map((value) => ({ value, low: false }))];
  if (all.some(({ value }) => Number.isNaN(value))) return undefined;
  all.sort((a, b) => a.value - b.value);
  let sum = 0;
  let below = 0;
  for (let start = 0; start < all.length;) {
    let end = start;
    while (end < all.length && all[end]?.value === all[start]?.value) end++;
    const tied = all.slice(start, end);
    const lows = tied.filter((each) => each.low).length;
    sum += (tied.length - lows) * (below + lows / 2);
    below += lows;
    start = end;
  }
  return sum / (low.length * high.length);
}

interface Threshold {
  /** NaN of the first, which takes nothing. */
  readonly least: number;
  /** Things taken. */
  readonly taken: number;
  /** Sought things taken, over all that are sought (recall). */
  readonly truePositives: number;
  /** Other things taken, over all others. */
  readonly falsePositives: number;
  /** Sought things taken, over all taken; NaN where nothing is. */
  readonly precision: number;
}

export interface Ranked {
  /** One for each different score, largest first, behind the one that takes nothing. */
  readonly thresholds: readonly Threshold[];
  /** Area under the ROC curve; a pair of equal scores counts half. */
  readonly area: number;
  /**
   * Sum over thresholds of the precision times what the recall gains (as scikit-learn's average_precision_score); the share of
   * what is sought where scores say nothing.
   */
  readonly averagePrecision: number;
  /** Largest harmonic mean of precision and recall, and the threshold that has it: of equal ones the largest. */
  readonly best: Threshold & { readonly f1: number };
}

/** Undefined where nothing or everything is sought, or a score is NaN. */
export function ranked(scores: readonly number[], sought: readonly boolean[]): Ranked | undefined {
  const total = sought.filter(Boolean).length;
  const area = areaBelow(
    scores.filter((_, at) => !sought[at]),
    scores.filter((_, at) => sought[at]),
  );
  if (area === undefined) return undefined;
  const order = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const nothing = { least: Number.NaN, taken: 0, truePositives: 0, falsePositives: 0, precision: Number.NaN };
  const thresholds: Threshold[] = [nothing];
  let found = 0;
  order.forEach((one, at) => {
    if (sought[one]) found += 1;
    const [least = 0, next] = [scores[one], scores[order[at + 1] ?? -1]];
    if (least === next) return;
    const taken = at + 1;
    thresholds.push({
      least,
      taken,
      truePositives: found / total,
      falsePositives: (taken - found) / (scores.length - total),
      precision: found / taken,
    });
  });
  const averagePrecision = thresholds.reduce((sum, { truePositives, precision }, at) => {
    const gained = truePositives - (thresholds[at - 1]?.truePositives ?? 0);
    return gained === 0 ? sum : sum + gained * precision;
  }, 0);
  const f1Of = ({ precision: p, truePositives: r }: Threshold): number => (p + r > 0 ? (2 * p * r) / (p + r) : 0);
  const best = thresholds.reduce((most, each) => (f1Of(each) > f1Of(most) ? each : most));
  return { thresholds, area, averagePrecision, best: { ...best, f1: f1Of(best) } };
}
