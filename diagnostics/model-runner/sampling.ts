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
  // Loops, not maps: a vocabulary is long, and this is done for each token.
  const largest = largestOf(logits);
  const weights = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = Math.exp(((logits[i] ?? -Infinity) - largest) / temperature);
    weights[i] = weight;
    sum += weight;
  }
  for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] ?? 0) / sum;
  return weights;
}

function largestOf(logits: ArrayLike<number>): number {
  let largest = -Infinity;
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, logits[i] ?? -Infinity);
  return largest;
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
    const kept: number[] = [];
    let sum = 1;
    if (settings.topP < 1) {
      sum = 0;
      for (const token of mostProbable(p)) {
        kept.push(token);
        sum += p[token] ?? 0;
        if (sum >= settings.topP) break;
      }
    }
    let rest = random() * sum;
    let last = 0;
    for (const token of settings.topP < 1 ? kept : mostProbable(p)) {
      last = token;
      rest -= p[token] ?? 0;
      if (rest <= 0) break;
    }
    return last;
  };
}

/** Tokens from the most probable down, the lowest id of equals first. A heap: few are taken, and sorting all takes long. */
function* mostProbable(p: Float64Array): Generator<number> {
  const heap = new Int32Array(p.length);
  for (let token = 0; token < heap.length; token++) heap[token] = token;
  let size = heap.length;
  const before = (a: number, b: number): boolean => {
    const [x, y] = [p[a] ?? 0, p[b] ?? 0];
    return x > y || (x === y && a < b);
  };
  const sink = (start: number): void => {
    const moved = heap[start] ?? 0;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1] ?? 0, heap[child] ?? 0)) child++;
      if (!before(heap[child] ?? 0, moved)) break;
      heap[at] = heap[child] ?? 0;
      at = child;
    }
    heap[at] = moved;
  };
  for (let at = (size >> 1) - 1; at >= 0; at--) sink(at);
  while (size > 0) {
    yield heap[0] ?? 0;
    size--;
    heap[0] = heap[size] ?? 0;
    sink(0);
  }
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
