/** Gates of key/value heads (DuoAttention, arXiv:2410.10819) as a choice: those that keep everything, and those that stream. */
import { byScore } from './plan-of-scores';

/** [layers][key/value heads] */
export type Gates = readonly (readonly number[])[];

/** `sparsity`: share of heads that stream, over all layers. `threshold`: gates from it on keep everything. */
export type GateRule = { readonly sparsity: number } | { readonly threshold: number };

export interface GateChoice {
  /** True: keeps everything. */
  readonly full: readonly (readonly boolean[])[];
  /** Gates from here on keep everything, but for ties that go beyond the number. */
  readonly threshold: number;
  /** Heads that keep everything. */
  readonly count: number;
}

/**
 * With a sparsity q of n heads the threshold is the q-quantile of the gates, linear between two of them (as numpy.quantile): the n -
 * ceil((n - 1) q) largest keep everything, none from q = 1 on, all at 0. The release breaks ties by random numbers; here of equal gates
 * that of the lower layer, then of the lower head, is kept first.
 */
export function chooseByGates(gates: Gates, rule: GateRule): GateChoice {
  const all = gates.flat();
  if ('threshold' in rule) {
    const full = gates.map((row) => row.map((gate) => gate >= rule.threshold));
    return { full, threshold: rule.threshold, count: full.flat().filter(Boolean).length };
  }
  const n = all.length;
  const at = Math.min(1, Math.max(0, rule.sparsity)) * (n - 1);
  // In floating point 0.07 times 100 is 7.000000000000001, which must count as 7.
  const behind = Math.ceil(at - 1e-9);
  const count = rule.sparsity >= 1 ? 0 : rule.sparsity <= 0 ? n : n - behind;
  const sorted = all.map((gate) => (Number.isNaN(gate) ? -Infinity : gate)).sort((a, b) => a - b);
  const [low = 0, high = 0] = [sorted[Math.floor(at)], sorted[Math.min(behind, n - 1)]];
  const kept = new Set(
    byScore(gates)
      .slice(0, count)
      .map(({ layer, head }) => `${layer}.${head}`),
  );
  return {
    full: gates.map((row, layer) => row.map((_, head) => kept.has(`${layer}.${head}`))),
    threshold: low === high ? low : low + (high - low) * (at - Math.floor(at)),
    count,
  };
}
