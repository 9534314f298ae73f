/** Seeded choices for inputs: the same seed gives the same choices on every machine. */

export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** mulberry32: at least 0, below 1. */
  unit(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)]!;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.whole(0, 255)));
  }
}

/** One to `most` edits of bytes: bits turned, runs removed, doubled, overwritten or inserted, the end cut off. */
export function mutateBytes(random: Random, whole: Buffer, most: number): Buffer {
  let bytes = Buffer.from(whole);
  for (let edit = random.whole(1, most); edit > 0 && bytes.length > 0; edit--) {
    const at = random.whole(0, bytes.length - 1);
    const end = Math.min(bytes.length, at + random.whole(1, 16));
    switch (random.whole(0, 5)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.whole(0, 7));
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
        break;
      case 3:
        bytes.set(random.pick([Buffer.alloc(4, 0xff), Buffer.alloc(4), random.bytes(4)]).subarray(0, end - at), at);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(random.whole(1, 16)), bytes.subarray(at)]);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

const extremes: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e308,
  -1e308,
  1e-320,
  2 ** 31,
  2 ** 53,
  2 ** 53 + 2,
  '',
  ' ',
  'x',
  '\u0000',
  '\ud800',
  '\u202e',
  '\u001b[2J',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  [],
  {},
  [null],
  [[]],
  { '': null },
];

/** Another value where one stood: an extreme, one of another kind, or a very long or deep one. */
export function strangeValue(random: Random): unknown {
  if (random.chance(0.08)) return random.pick(['a', '"', '\u{1f600}', '{{']).repeat(random.whole(1, 20_000));
  if (random.chance(0.04)) {
    let deep: unknown = 1;
    for (let depth = random.whole(10, 800); depth > 0; depth--) deep = random.chance(0.5) ? [deep] : { a: deep };
    return deep;
  }
  // A copy: what is put into a tree is changed with it.
  return structuredClone(random.pick(extremes));
}

/**
 * A copy with one to `most` values of the tree replaced by strange ones, removed, doubled or put in each other's place.
 * Typed arrays and other objects that are no plain records are taken as they are.
 */
export function mutateTree(random: Random, tree: unknown, most: number): unknown {
  let changed = structuredClone(tree);
  for (let edit = random.whole(1, most); edit > 0; edit--) {
    const places = placesIn(changed);
    if (places.length === 0) return strangeValue(random);
    const { holder, key } = random.pick(places);
    switch (random.whole(0, 4)) {
      case 0:
      case 1:
        set(holder, key, strangeValue(random));
        break;
      case 2:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete holder[key];
        break;
      case 3:
        if (Array.isArray(holder)) holder.push(holder[Number(key)]);
        else set(holder, `${key}2`, holder[key]);
        break;
      default: {
        const other = random.pick(places);
        set(holder, key, structuredClone((other.holder as Record<string, unknown>)[other.key]));
      }
    }
    if (random.chance(0.01)) changed = strangeValue(random);
  }
  return changed;
}

type Holder = Record<string, unknown> | unknown[];

const set = (holder: Holder, key: string, value: unknown): void => {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
};

function placesIn(tree: unknown): { readonly holder: Holder; readonly key: string }[] {
  const places: { holder: Holder; key: string }[] = [];
  const waiting: unknown[] = [tree];
  for (let at = 0; at < waiting.length && places.length < 5000; at++) {
    const value = waiting[at];
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) continue;
    for (const key of Object.keys(value)) {
      places.push({ holder: value as Holder, key });
      waiting.push((value as Record<string, unknown>)[key]);
    }
  }
  return places;
}
