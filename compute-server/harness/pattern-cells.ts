/** The pairs that a mechanism reads, counted into the cells of a picture. */
import type { Mechanism, ParameterValues } from '../../kernels/mechanism';
import { isCausalSelf, type AttentionShape } from '../../kernels/shape';
import { drawInputs } from '../../kernels/inputs';
import { pictureLengths } from '../../protocol/compute/mechanism-view';

/** What a pair is: an index into `pairKinds`. */
type Kind = (query: number, key: number) => number;

export interface Kinds {
  /** The kind of a query head. */
  readonly of: (head: number) => Kind;
  /** The numbers drawn from the seed decide; otherwise the pattern says all that may be read. */
  readonly chosen: boolean;
}

export function kindsOf(mechanism: Mechanism, shape: AttentionShape, parameters: ParameterValues, seed: number): Kinds {
  const pattern = mechanism.pattern(shape, parameters);
  const chosen = pattern.dependsOnData && mechanism.chosen !== undefined;
  const inputs = chosen ? drawInputs(mechanism, shape, parameters, seed) : undefined;
  const choices = new Map<number, (query: number, key: number) => boolean>();
  const choiceOf = (head: number): ((query: number, key: number) => boolean) => {
    const choice = choices.get(head) ?? mechanism.chosen!(inputs!, shape, parameters, head);
    choices.set(head, choice);
    return choice;
  };
  const allowed =
    (head: number): Kind =>
    (query, key) =>
      pattern.reads(head, query, key) ? 1 : pattern.summarises?.(head, query, key) ? 2 : 0;
  if (!chosen) return { of: allowed, chosen };
  return {
    of: (head) => {
      const [choice, kind] = [choiceOf(head), allowed(head)];
      return (query, key) => (choice(query, key) ? kind(query, key) : 0);
    },
    chosen,
  };
}

/** Keys that a query may read in the plain pattern, from key 0 on: none beyond them is read by any mechanism. */
const plainKeys = (shape: AttentionShape, query: number): number =>
  isCausalSelf(shape) ? Math.min(shape.keys, query + 1) : shape.keys;

export interface Cells {
  readonly cells: Uint8Array;
  readonly shares: Float32Array;
  /** Pairs read over those of the plain pattern. */
  readonly density: number;
}

/** Pairs that one of the given heads reads, in cells of scale x scale pairs; as many queries as keys. */
export function cellsOf(heads: readonly Kind[], shape: AttentionShape, scale: number): Cells {
  const { queries, keys } = shape;
  const across = Math.ceil(keys / scale);
  const cells = new Uint8Array(Math.ceil(queries / scale) * across);
  const shares = new Float32Array(cells.length);
  let [read, plain] = [0, 0];
  for (let query = 0; query < queries; query++) {
    const row = Math.floor(query / scale);
    const rows = Math.min(scale, queries - row * scale);
    const end = plainKeys(shape, query);
    plain += end;
    for (let key = 0; key < end; key++) {
      const kind = mostDirect(heads, query, key);
      if (kind === 0) continue;
      read++;
      const column = Math.floor(key / scale);
      const at = row * across + column;
      if (cells[at] !== 1) cells[at] = kind;
      shares[at]! += 1 / (rows * Math.min(scale, keys - column * scale));
    }
  }
  return { cells, shares, density: plain === 0 ? 0 : read / plain };
}

function mostDirect(heads: readonly Kind[], query: number, key: number): number {
  let found = 0;
  for (const kind of heads) {
    const own = kind(query, key);
    if (own === 1) return 1;
    if (own !== 0) found = own;
  }
  return found;
}

/** All queries up to 512, else 64 spread over the sequence at an odd distance, so that no block boundary is favoured. */
function sampledRows(queries: number): readonly number[] {
  if (queries <= 512) return Array.from({ length: queries }, (_, query) => query);
  const distance = Math.floor(queries / 64) - (1 - (Math.floor(queries / 64) % 2));
  return Array.from({ length: 64 }, (_, at) => queries - 1 - at * distance);
}

/**
 * Heads that read the same at the sampled rows, each group ascending. What numbers choose differs from head to head, and is
 * costly to ask of all: each is a group of its own.
 */
export function groupsOf(kinds: Kinds, shape: AttentionShape): number[][] {
  const heads = Array.from({ length: shape.heads }, (_, head) => head);
  if (kinds.chosen) return heads.map((head) => [head]);
  const groups = new Map<string, number[]>();
  for (const head of heads) {
    const drawn = Buffer.from(sampledKinds(kinds.of(head), shape)).toString('latin1');
    const group = groups.get(drawn) ?? [];
    group.push(head);
    groups.set(drawn, group);
  }
  return [...groups.values()];
}

/** The plain pattern's pairs of the sampled rows, one after another. */
function sampledKinds(kind: Kind, shape: AttentionShape): Uint8Array {
  const rows = sampledRows(shape.queries);
  const kinds = new Uint8Array(rows.reduce((sum, query) => sum + plainKeys(shape, query), 0));
  let at = 0;
  for (const query of rows) {
    for (let key = 0; key < plainKeys(shape, query); key++) kinds[at++] = kind(query, key);
  }
  return kinds;
}

/** Share of the plain pattern that the sparsest head reads at the sampled rows, averages left out; of choices the last head, which the card draws. */
function leastDensity(kinds: Kinds, shape: AttentionShape): number {
  const densities = groupsOf(kinds, shape)
    .slice(kinds.chosen ? -1 : 0)
    .map(([head]) => {
      const sampled = sampledKinds(kinds.of(head!), shape);
      return sampled.reduce((read, kind) => read + (kind === 1 ? 1 : 0), 0) / sampled.length;
    });
  return Math.min(...densities);
}

/** A pattern counts as different from a plain one when it leaves out this share of it. */
const leftOut = 0.4;

/**
 * The shortest length of the picture, from 512 on, at which some head leaves out `leftOut` of the plain pattern; where none
 * does, the longest if anything is left out there. Mechanisms that are not sparse show what they are at 512.
 */
export function fittingLength(
  mechanism: Mechanism,
  parameters: ParameterValues,
  at: (length: number) => AttentionShape,
  kindsAt: (length: number) => Kinds,
): number {
  const [first = 512, ...longer] = pictureLengths.filter((length) => length >= 512);
  if (mechanism.template.matrix !== 'sparse') return first;
  let left = 0;
  for (const length of [first, ...longer]) {
    if (!mechanism.supports(at(length), parameters).ok) continue;
    left = 1 - leastDensity(kindsAt(length), at(length));
    if (left >= leftOut) return length;
  }
  return left > 0 ? Math.max(...longer) : first;
}
