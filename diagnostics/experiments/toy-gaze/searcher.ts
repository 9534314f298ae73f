/**
 * Scenes of coloured letters on a grid, and a scripted searcher: it starts at the middle and goes to the nearest object with the
 * colour of the target that it has not looked at (the first in reading order of equally near ones), until it has found the target.
 */
import { random, seedFor, type Random } from '../../../kernels/tensors/random';

export const rows = 4;
export const columns = 4;
export const count = rows * columns;
const colours = 3;
const letters = 4;

export interface Scene {
  /** colour * letters + letter of each object, row by row. */
  readonly kinds: readonly number[];
  /** Object that is searched: the only one of its kind. */
  readonly target: number;
  /** Objects that are looked at, the target last. */
  readonly path: readonly number[];
}

export type Searcher = (scene: Omit<Scene, 'path'>, at: number | undefined, seen: ReadonlySet<number>) => number;

const colourOf = (kind: number | undefined): number => Math.floor((kind ?? 0) / letters);

const place = (at: number | undefined): readonly [number, number] =>
  at === undefined ? [Math.floor(rows / 2), Math.floor(columns / 2)] : [Math.floor(at / columns), at % columns];

export const nearestSimilar: Searcher = ({ kinds, target }, at, seen) => {
  const [row, column] = place(at);
  const away = (object: number): number => Math.hypot(place(object)[0] - row, place(object)[1] - column);
  const similar = kinds.flatMap((kind, object) =>
    colourOf(kind) === colourOf(kinds[target]) && !seen.has(object) ? [object] : [],
  );
  return similar.reduce((best, object) => (away(object) < away(best) - 1e-9 ? object : best), similar[0] ?? target);
};

export function drawScene(source: Random, searcher: Searcher = nearestSimilar): Scene {
  const target = source.whole(count);
  const kind = source.whole(colours * letters);
  const kinds = Array.from({ length: count }, (_, at) => {
    if (at === target) return kind;
    const other = source.whole(colours * letters - 1);
    return other >= kind ? other + 1 : other;
  });
  const path: number[] = [];
  const seen = new Set<number>();
  while (path.at(-1) !== target && path.length < count) {
    const next = searcher({ kinds, target }, path.at(-1), seen);
    path.push(next);
    seen.add(next);
  }
  return { kinds, target, path };
}

/** Features of a kind: its colour and its letter, each a seeded direction of `width` numbers. */
export function kindFeatures(width: number, seed: number): readonly Float64Array[] {
  const direction = (name: string): Float64Array => {
    const source = random(seedFor(seed, name));
    return Float64Array.from({ length: width }, () => source.normal() * Math.SQRT1_2);
  };
  const [ofColour, ofLetter] = [
    Array.from({ length: colours }, (_, at) => direction(`colour ${at}`)),
    Array.from({ length: letters }, (_, at) => direction(`letter ${at}`)),
  ];
  return Array.from({ length: colours * letters }, (_, kind) =>
    Float64Array.from(
      { length: width },
      (_c, c) => (ofColour[colourOf(kind)]?.[c] ?? 0) + (ofLetter[kind % letters]?.[c] ?? 0),
    ),
  );
}

/** `r3 B`: colour and letter. */
export const kindName = (kind: number): string => `${'rgb'[colourOf(kind)] ?? ''}${'ABCD'[kind % letters] ?? ''}`;
