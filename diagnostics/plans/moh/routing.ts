/**
 * Heads chosen token by token, by the length of their queries, and what is said of the choice (MoH, arXiv:2410.11842, sections 3.2 and
 * 3.3; the forward pass of the release's LLaMA3 variant).
 *
 * Routing of a layer with h query heads, H shared and E = h - H others, of which each token has K: l_e = ||q_e||_2 / std over the E others of the
 * same token (n - 1 in the divisor; the mean stays), p = softmax(l). The K largest are chosen, of equal ones the lower head; the gain
 * of shared and chosen heads is 1, that of all others 0.
 *
 * Over T tokens: load f_e = share of tokens that have e, P_e = mean of p_e, balance loss L = sum over e of f_e P_e (the code of the
 * release has E times it). With p alike for all, L = K / E; all mass on K heads gives 1. Entropy: mean over tokens of -sum p ln p, nats.
 */
export interface RoutedLayer {
  /** Query heads that every token has, rising. */
  readonly shared: readonly number[];
  /** How many of the other heads each token has. */
  readonly active: number;
}

export interface TokenChoice {
  /** Query heads, not the shared ones. */
  readonly chosen: readonly number[];
  /** Probabilities of the heads that are not shared, in their order. */
  readonly probabilities: readonly number[];
}

/** `lengths`: of the queries of all heads. */
export function choiceOf(lengths: readonly number[], { shared, active }: RoutedLayer): TokenChoice {
  const others = [...lengths.keys()].filter((head) => !shared.includes(head));
  const own = others.map((head) => lengths[head] ?? 0);
  const mean = own.reduce((sum, length) => sum + length, 0) / own.length;
  const variance = own.reduce((sum, length) => sum + (length - mean) ** 2, 0) / (own.length - 1);
  // One head, or all alike: nothing tells them apart.
  const deviation = variance > 0 ? Math.sqrt(variance) : 1;
  const most = Math.max(...own);
  const weights = own.map((length) => Math.exp((length - most) / deviation));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const ranked = [...others].sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b);
  return {
    chosen: ranked.slice(0, active).sort((a, b) => a - b),
    probabilities: weights.map((weight) => weight / total),
  };
}

/** Sums over tokens, of one layer. */
export interface RoutingSums {
  readonly tokens: number;
  /** [h]; shared heads have every token. */
  readonly chosen: readonly number[];
  /** [h]; 0 for shared heads. */
  readonly probability: readonly number[];
  readonly entropy: number;
}

/** `query` [h, n, d]. */
export function sumsOf(query: Float32Array, heads: number, headDim: number, layer: RoutedLayer): RoutingSums {
  const tokens = query.length / heads / headDim;
  const [chosen, probability] = [new Array<number>(heads).fill(0), new Array<number>(heads).fill(0)];
  const others = [...chosen.keys()].filter((head) => !layer.shared.includes(head));
  let entropy = 0;
  for (let row = 0; row < tokens; row++) {
    const lengths = Array.from({ length: heads }, (_, head) => {
      const from = (head * tokens + row) * headDim;
      let sum = 0;
      for (let at = from; at < from + headDim; at++) sum += (query[at] ?? 0) ** 2;
      return Math.sqrt(sum);
    });
    const choice = choiceOf(lengths, layer);
    for (const head of [...layer.shared, ...choice.chosen]) chosen[head] = (chosen[head] ?? 0) + 1;
    choice.probabilities.forEach((p, at) => {
      const head = others[at] ?? 0;
      probability[head] = (probability[head] ?? 0) + p;
      if (p > 0) entropy -= p * Math.log(p);
    });
  }
  return { tokens, chosen, probability, entropy };
}

export interface LayerLoads {
  /** [h]: share of the tokens that have the head. */
  readonly loads: readonly number[];
  /** Sum over the heads that are not shared of load x mean probability; NaN where all are shared. */
  readonly balance: number;
  /** The `balance` of probabilities that are all alike, which is K / E. */
  readonly even: number;
  /** Mean over tokens, nats. */
  readonly entropy: number;
}

export function loadsOf(sums: readonly RoutingSums[], { shared, active }: RoutedLayer): LayerLoads {
  const tokens = sums.reduce((sum, one) => sum + one.tokens, 0);
  const mean = (of: (one: RoutingSums) => readonly number[]): readonly number[] =>
    (sums[0]?.chosen ?? []).map((_, head) => sums.reduce((sum, one) => sum + (of(one)[head] ?? 0), 0) / tokens);
  const [loads, probabilities] = [mean((one) => one.chosen), mean((one) => one.probability)];
  const others = [...loads.keys()].filter((head) => !shared.includes(head));
  return {
    loads,
    balance:
      others.length === 0
        ? Number.NaN
        : others.reduce((sum, head) => sum + (loads[head] ?? 0) * (probabilities[head] ?? 0), 0),
    even: others.length === 0 ? Number.NaN : active / others.length,
    entropy: others.length === 0 ? Number.NaN : sums.reduce((sum, one) => sum + one.entropy, 0) / tokens,
  };
}

/**
 * `share` of the heads of each layer are active, of which `sharedShare` of all are shared (at most as many as are active): the first
 * heads, or those of the largest importance. A layer without attention has no queries, and so no such heads.
 */
export function routedLayers(
  heads: readonly number[],
  share: number,
  sharedShare: number,
  importance?: readonly (readonly number[])[],
): readonly RoutedLayer[] {
  return heads.map((count, layer) => {
    const active = Math.min(count, Math.max(1, Math.round(share * count)));
    const shared = Math.min(active, Math.round(sharedShare * count));
    const of = importance?.[layer];
    const order = Array.from({ length: count }, (_, head) => head);
    if (of) order.sort((a, b) => (of[b] ?? 0) - (of[a] ?? 0) || a - b);
    return { shared: order.slice(0, shared).sort((a, b) => a - b), active: active - shared };
  });
}
