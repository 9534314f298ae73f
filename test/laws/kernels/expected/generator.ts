/**
 * The seeded numbers of kernels/ once more, from what they are said to be: FNV-1a of a label (32 bits), SplitMix32, and
 * Marsaglia's polar method, in whole numbers of any length.
 */
const bits = (x: bigint): bigint => x & 0xffffffffn;

/** FNV-1a, 32 bits, whose offset basis is mixed with a seed. */
export function fnv(seed: number, label: string): number {
  let hash = 2166136261n ^ BigInt(seed);
  for (const letter of label) hash = bits((bits(hash) ^ BigInt(letter.codePointAt(0)!)) * 16777619n);
  return Number(bits(hash));
}

export function splitMix(seed: number): () => number {
  let counter = BigInt(seed);
  return () => {
    counter = bits(counter + 0x9e3779b9n);
    let z = counter;
    z = bits((z ^ (z >> 16n)) * 0x21f0aaadn);
    z = bits((z ^ (z >> 15n)) * 0x735a2d97n);
    return Number(z ^ (z >> 15n));
  };
}

/** 53 bits: 27 of one number, then 26 of the next. */
export function uniform(next: () => number): () => number {
  return () => {
    const high = BigInt(next()) >> 5n;
    const low = BigInt(next()) >> 6n;
    return Number((high << 26n) | low) / 9007199254740992;
  };
}

/** Pairs of points in the unit circle, first the abscissa's number, then the ordinate's. */
export function normal(next: () => number): () => number {
  const point = uniform(next);
  const ready: number[] = [];
  return () => {
    while (ready.length === 0) {
      const x = point() * 2 - 1;
      const y = point() * 2 - 1;
      const r = x * x + y * y;
      if (r <= 0 || r >= 1) continue;
      const scale = Math.sqrt((-2 * Math.log(r)) / r);
      ready.push(x * scale, y * scale);
    }
    return ready.shift()!;
  };
}
