/** Tokens of documents sorted by what they are, where they stand and where they come from, and how chance deals them anew. */
import type { Random } from '../../../kernels/tensors/random';
import { shuffled } from '../../tasks/draft';
import type { Sorting } from './result';

export interface ReadDocument {
  readonly ids: readonly number[];
  /** By its place in the list of domains; -1 where it has none. */
  readonly domain: number;
}

export interface SortedTokens {
  readonly by: Sorting;
  /** By class: how it is written; a token as its id. */
  readonly names: readonly string[];
  /** The class of every token of all documents, one behind the other, or -1 where it is not counted. */
  readonly classes: Int32Array;
  /**
   * The same classes over the same tokens, dealt anew. Loads of experts and sizes of classes stay as they are, as choices do not move.
   * - token: classes of a document change places among themselves;
   * - position: those of a document are turned in a circle, so that what follows each other in a text still does;
   * - domain: documents change domains as wholes, as tokens of one document are alike.
   */
  dealt(random: Random): Int32Array;
}

/** 0, 1, 2-3, 4-7, and so on. */
const binOf = (position: number): number => (position === 0 ? 0 : 1 + Math.floor(Math.log2(position)));
const binName = (bin: number): string => {
  const first = bin === 0 ? 0 : 2 ** (bin - 1);
  return first < 2 ? String(first) : `${first}-${2 * first - 1}`;
};

export function byToken(documents: readonly ReadDocument[], least: number): SortedTokens {
  const counts = new Map<number, number>();
  for (const { ids } of documents) for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  const kinds = [...counts].flatMap(([id, count]) => (count >= least ? [id] : []));
  const places = new Map(kinds.map((id, at) => [id, at]));
  const classes = Int32Array.from(documents.flatMap(({ ids }) => ids.map((id) => places.get(id) ?? -1)));
  const counted = countedIn(documents, classes);
  return {
    by: 'token',
    names: kinds.map(String),
    classes,
    dealt(random) {
      const made = classes.slice();
      for (const at of counted) {
        const mixed = shuffled(random, at);
        at.forEach((place, slot) => (made[place] = classes[mixed[slot] ?? place] ?? -1));
      }
      return made;
    },
  };
}

export function byPosition(documents: readonly ReadDocument[]): SortedTokens {
  const classes = Int32Array.from(documents.flatMap(({ ids }) => ids.map((_, at) => binOf(at))));
  const bins = 1 + classes.reduce((most, bin) => Math.max(most, bin), 0);
  return {
    by: 'position',
    names: Array.from({ length: bins }, (_, bin) => binName(bin)),
    classes,
    dealt(random) {
      const made = classes.slice();
      let first = 0;
      for (const { ids } of documents) {
        const by = random.whole(ids.length);
        for (let at = 0; at < ids.length; at++) made[first + at] = classes[first + ((at + by) % ids.length)] ?? -1;
        first += ids.length;
      }
      return made;
    },
  };
}

/** Undefined where no two domains are among the documents. */
export function byDomain(documents: readonly ReadDocument[], names: readonly string[]): SortedTokens | undefined {
  if (new Set(documents.map(({ domain }) => domain).filter((domain) => domain >= 0)).size < 2) return undefined;
  const classesOf = (domains: readonly number[]): Int32Array =>
    Int32Array.from(documents.flatMap(({ ids }, at) => ids.map(() => domains[at] ?? -1)));
  const own = documents.map(({ domain }) => domain);
  return { by: 'domain', names, classes: classesOf(own), dealt: (random) => classesOf(shuffled(random, own)) };
}

/** By document: where its counted tokens stand among all. */
function countedIn(documents: readonly ReadDocument[], classes: Int32Array): readonly (readonly number[])[] {
  let first = 0;
  return documents.map(({ ids }) => {
    const start = first;
    first += ids.length;
    return ids.map((_, at) => start + at).filter((place) => (classes[place] ?? -1) >= 0);
  });
}
