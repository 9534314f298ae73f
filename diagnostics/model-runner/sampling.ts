/** Choice of the next token from logits. */

export interface SamplingSettings {
  /** 0: the largest logit (greedy). */
  readonly temperature: number;
  /** Smallest set of tokens whose probabilities reach this sum; 1: all. */
  readonly topP: number;
  readonly seed: number;
}

/** Softmax of logits / temperature in float64. */
export function probabilities(logits: ArrayLike<number>, temperature = 1): Float64Array {
  let largest = -Infinity;
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, logits[i] ?? -Infinity);
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The index of the largest logit; the lowest of equals. */
export function argMax(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] ?? -Infinity) > (logits[best] ?? -Infinity)) best = i;
  return best;
}

/** A sampler with its own seeded stream of random numbers. */
export function sampler(settings: SamplingSettings): (logits: ArrayLike<number>) => number {
  if (settings.temperature === 0) return argMax;
  const random = mulberry32(settings.seed);
  return (logits) => {
    const p = probabilities(logits, settings.temperature);
    const order = Array.from(p.keys()).sort((a, b) => (p[b] ?? 0) - (p[a] ?? 0) || a - b);
    let sum = 0;
    const kept: number[] = [];
    for (const token of order) {
      kept.push(token);
      sum += p[token] ?? 0;
      if (sum >= settings.topP) break;
    }
    let rest = random() * sum;
    for (const token of kept) {
      rest -= p[token] ?? 0;
      if (rest <= 0) return token;
    }
    return kept.at(-1) ?? 0;
  };
}

/** Tommy Ettinger's mulberry32: 32 bits of state, enough for the choice of tokens. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** KL(p || q) in nats of the next-token distributions of two logit rows. */
export function divergence(logitsP: ArrayLike<number>, logitsQ: ArrayLike<number>): number {
  const p = probabilities(logitsP);
  const q = probabilities(logitsQ);
  return p.reduce(
    (sum, pi, i) => (pi === 0 ? sum : sum + pi * (Math.log(pi) - Math.log(Math.max(q[i] ?? 0, 1e-300)))),
    0,
  );
}
