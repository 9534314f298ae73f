import { landmark } from '../../../../kernels/mechanisms/landmark/landmark';
import { longheads } from '../../../../kernels/mechanisms/longheads/longheads';
import { mixtureOfHead } from '../../../../kernels/mechanisms/mixture-of-head/mixture-of-head';
import { routingTransformer } from '../../../../kernels/mechanisms/routing-transformer/routing-transformer';
import {
  attended,
  dense,
  dot,
  eachHead,
  expectValues,
  mean,
  plus,
  range,
  sharedHeads,
  softmax,
  times,
  weighted,
  type Given,
  type Head,
  type Matrix,
  type Row,
  type Rows,
} from './support';

/** The places of the `count` largest numbers, ascending; of equal ones the first. */
function largest(x: Row, count: number): readonly number[] {
  const left = range(0, x.length);
  const taken: number[] = [];
  while (taken.length < count && left.length > 0) {
    const best = left.reduce((most, at) => (x[at]! > x[most]! ? at : most));
    taken.push(...left.splice(left.indexOf(best), 1));
  }
  return taken.sort((a, b) => a - b);
}

const score = (q: Row, k: Row) => dot(q, k) / Math.sqrt(q.length);

/** Every (block + 1)-th token is a landmark; a token belongs to the block that the next landmark closes. */
const landmarks =
  (block: number, open: number, chunk = 1) =>
  (given: Given): Rows =>
    eachHead(given, ({ query, key, value }) =>
      query.map((q, i) => {
        const position = i + given.shape.keys - given.shape.queries;
        if (position < 0) return times(value[0]!, 0);
        const blocks: number[][] = [];
        for (let at = 0; at <= position; at += block + 1) blocks.push(range(at, at + block + 1));
        const past = blocks.slice(0, -1);
        const gates = past.map((tokens) => score(q, key[tokens.at(-1)!]!));
        // The best of the blocks that ended before the chunk of the query, and all that ended in it.
        const began = position - (position % chunk);
        const cached = past.filter((tokens) => tokens.at(-1)! < began).length;
        const opened = [...largest(gates.slice(0, cached), open), ...range(cached, past.length)].map((at) => past[at]!);
        // One group: the own tokens and the landmarks of what is opened; then each opened block is a group.
        const own = blocks.at(-1)!.filter((j, at) => j <= position && at < block);
        const first = softmax([...own, ...opened.map((tokens) => tokens.at(-1)!)].map((j) => score(q, key[j]!)));
        const local = own.reduce<Row>((sum, j, at) => plus(sum, value[j]!, first[at]), times(value[0]!, 0));
        return opened.reduce<Row>((sum, tokens, at) => {
          const ordinary = tokens.slice(0, -1);
          const inside = softmax(ordinary.map((j) => score(q, key[j]!)));
          return plus(
            sum,
            weighted(
              inside,
              ordinary.map((j) => value[j]!),
            ),
            first[own.length + at],
          );
        }, local);
      }),
    );

const twenty = { batch: 1, queries: 23, keys: 23 } as const;

/** Landmarks where they are said to be; what is opened is decided by those who share the choice. */
const landmarksAt =
  (
    places: readonly number[],
    open: number,
    sharers: (h: number, i: number) => readonly (readonly [h: number, i: number])[],
    chunk?: number,
  ) =>
  (given: Given): Rows =>
    given.query.map((heads, b) => {
      const keysOf = (h: number) => given.key[b]![sharedHeads(given.shape)[h]!]!;
      /** Landmarks of the blocks that were complete before the chunk, or before the query. */
      const before = (i: number) => places.filter((place) => place < (chunk ? i - (i % chunk) : i));
      const shares = (h: number, i: number) =>
        softmax(before(i).map((place) => score(heads[h]![i]!, keysOf(h)[place]!)));
      return heads.map((own, h) => {
        const value = given.value[b]![sharedHeads(given.shape)[h]!]!;
        return own.map((q, i) => {
          const gates = sharers(h, i).map(([other, at]) => shares(other, at));
          const most = before(i).map((_, c) => Math.max(...gates.map((each) => each[c]!)));
          const opened = [
            ...largest(most, open),
            ...range(before(i).length, places.filter((place) => place < i).length),
          ];
          const tokens = (c: number) => range(c === 0 ? 0 : places[c - 1]! + 1, places[c] ?? Infinity);
          const current = places.filter((place) => place < i).length;
          const local = range(current === 0 ? 0 : places[current - 1]! + 1, i + 1).filter((j) => !places.includes(j));
          const weigh = (list: readonly number[]) => softmax(list.map((j) => score(q, keysOf(h)[j]!)));
          const first = weigh([...local, ...opened.map((c) => places[c]!)]);
          const start = local.reduce<Row>((sum, j, at) => plus(sum, value[j]!, first[at]), times(value[0]!, 0));
          return opened.reduce<Row>((sum, c, at) => {
            const inside = weighted(
              weigh(tokens(c)),
              tokens(c).map((j) => value[j]!),
            );
            return plus(sum, inside, first[local.length + at]);
          }, start);
        });
      });
    });

/** Blocks of 3, uneven by a half: 3, 2, 4, 3, 2 and 4 tokens. */
const uneven = [3, 6, 11, 15, 18];
const alone = (h: number, i: number) => [[h, i]] as const;

/** Halves turned against each other: (c, c + d / 2) by position times base^(-2 c / d); base 0 turns nothing. */
const rotated = (x: Row, position: number, base: number): Row => {
  if (base === 0) return x;
  const half = x.length / 2;
  const angle = range(0, half).map((c) => position * Math.exp((-c / half) * Math.log(base)));
  return [
    ...angle.map((a, c) => x[c]! * Math.cos(a) - x[c + half]! * Math.sin(a)),
    ...angle.map((a, c) => x[c + half]! * Math.cos(a) + x[c]! * Math.sin(a)),
  ];
};

/**
 * Blocks of `block` tokens and their landmark in slots, behind each other as the release puts them: while a block is chosen, older
 * ones in slot 0 and the latest `open` in the next ones; when they are read, in their order from slot 0, the latest one slot later.
 */
const slotted =
  (block: number, open: number, chunk: number, base: number) =>
  (given: Given): Rows =>
    eachHead(given, ({ query, key, value }) =>
      query.map((q, i) => {
        const size = block + 1;
        const position = i + given.shape.keys - given.shape.queries;
        const began = position - (position % chunk);
        const cached = (began - (began % size)) / size;
        const crowded = cached > open;
        const latest = (c: number) => crowded && c >= cached - open;
        const from = (crowded ? open + 1 : cached) * size;
        const asked = rotated(q, from + position - cached * size, base);
        const at = (j: number, place: number) => score(asked, rotated(key[j]!, place, base));
        const slots = range(0, cached).map((c) => (crowded ? (latest(c) ? open + 1 - (cached - c) : 0) : c));
        const chosen = largest(
          slots.map((slot, c) => at(c * size + block, slot * size + block)),
          open,
        );
        // What is read, each token at its place: the chosen blocks, then all since the cache ended.
        const read = new Map<number, number>();
        chosen.forEach((c, r) => {
          for (const x of range(0, size)) read.set(c * size + x, (latest(c) ? r + 1 : r) * size + x);
        });
        for (const j of range(cached * size, position + 1)) read.set(j, from + j - cached * size);
        const scores = new Map([...read].map(([j, place]) => [j, at(j, place)]));
        const ends = [...read.keys()].filter((j) => j % size === block && j < position - (position % size));
        const own = [...read.keys()].filter((j) => j >= position - (position % size) && j % size !== block);
        const first = softmax([...own, ...ends].map((j) => scores.get(j)!));
        const start = own.reduce<Row>((sum, j, x) => plus(sum, value[j]!, first[x]), times(value[0]!, 0));
        return ends.reduce<Row>((sum, end, x) => {
          const tokens = range(end - block, end);
          const inside = weighted(
            softmax(tokens.map((j) => scores.get(j)!)),
            tokens.map((j) => value[j]!),
          );
          return plus(sum, inside, first[own.length + x]);
        }, start);
      }),
    );

expectValues(landmark, [
  { name: 'every block opened', shape: twenty, parameters: { block: 4, mode: 'train' }, expected: landmarks(4, 99) },
  { name: 'two blocks opened', shape: twenty, parameters: { block: 3, open: 2 }, expected: landmarks(3, 2) },
  { name: 'no block opened', shape: twenty, parameters: { block: 5, open: 0 }, expected: landmarks(5, 0) },
  {
    name: 'one block opened beside those of a chunk of 7',
    shape: twenty,
    parameters: { block: 2, open: 1, chunk: 7 },
    expected: landmarks(2, 1, 7),
  },
  {
    name: 'the blocks of a chunk of 9 alone',
    shape: twenty,
    parameters: { block: 1, open: 0, chunk: 9 },
    expected: landmarks(1, 0, 9),
  },
  {
    name: 'chunks on a cache',
    shape: { ...twenty, queries: 9 },
    parameters: { block: 2, open: 2, chunk: 8 },
    expected: landmarks(2, 2, 8),
  },
  {
    name: 'one block opened, on a cache',
    shape: { ...twenty, queries: 6 },
    parameters: { block: 2, open: 1 },
    expected: landmarks(2, 1),
  },
  {
    name: 'more queries than keys',
    shape: { batch: 1, queries: 13, keys: 10 },
    parameters: { block: 2, open: 1 },
    expected: landmarks(2, 1),
  },
  {
    name: 'landmarks at uneven positions, one block opened',
    shape: twenty,
    parameters: { block: 3, uneven: 0.5, open: 1 },
    expected: landmarksAt(uneven, 1, alone),
  },
  {
    name: 'landmarks at uneven positions, every block opened',
    shape: twenty,
    parameters: { block: 3, uneven: 0.5, mode: 'train' },
    expected: landmarksAt(uneven, 99, alone),
  },
  {
    name: 'uneven blocks of a chunk of 8 beside one that its tokens share',
    shape: { ...twenty, batch: 2 },
    parameters: { block: 3, uneven: 0.5, open: 1, chunk: 8, shared: 'tokens' },
    expected: landmarksAt(
      uneven,
      1,
      (h, i) => range(i - (i % 8), Math.min(23, i - (i % 8) + 8)).map((at) => [h, at]),
      8,
    ),
  },
  {
    name: 'two blocks that all heads open',
    shape: { ...twenty, batch: 2 },
    parameters: { block: 3, open: 2, shared: 'heads' },
    expected: landmarksAt([3, 7, 11, 15, 19], 2, (_h, i) => range(0, 4).map((h) => [h, i])),
  },
  {
    name: 'stingy positions in chunks of 7',
    shape: twenty,
    parameters: { block: 2, open: 2, chunk: 7, stingyBase: 20 },
    expected: slotted(2, 2, 7, 20),
  },
  {
    name: 'stingy positions of single tokens, on a cache',
    shape: { ...twenty, queries: 9 },
    parameters: { block: 2, open: 1, chunk: 1, stingyBase: 500 },
    expected: slotted(2, 1, 1, 500),
  },
  {
    name: 'a block that the heads of a group open',
    shape: twenty,
    parameters: { block: 2, open: 1, shared: 'group' },
    expected: landmarksAt([2, 5, 8, 11, 14, 17, 20], 1, (h, i) =>
      range(h - (h % 2), h - (h % 2) + 2).map((own) => [own, i]),
    ),
  },
]);

interface Chunked {
  readonly width: number;
  readonly chunks: number;
  readonly begin: number;
  readonly base: number;
  readonly self?: boolean;
}

/** A chunk's key: what the mean of its attention outputs, taken as a query, reads of its own rotated keys. */
function chunkKey({ query, key, value }: Head, tokens: readonly number[], base: number): Row {
  const keys = tokens.map((j, at) => rotated(key[j]!, at, base));
  const outputs = tokens.map((i, at) => {
    const q = rotated(query[i]!, at, base);
    return weighted(
      softmax(keys.map((k) => score(q, k))),
      tokens.map((j) => value[j]!),
    );
  });
  const asked = mean(outputs);
  return weighted(softmax(keys.map((k) => score(asked, k))), keys);
}

const chunked =
  ({ width, chunks, begin, base, self = true }: Chunked) =>
  (given: Given): Rows => {
    const { keys, queries } = given.shape;
    return eachHead(given, (head) =>
      head.query.map((q, i) => {
        const position = i + keys - queries;
        if (position < 0) return times(head.value[0]!, 0);
        const tokensOf = (chunk: number) => range(chunk * width, chunk * width + width);
        if (position < begin || position < width * chunks) {
          const read = range(0, position + 1);
          const own = rotated(q, position, base);
          return weighted(
            softmax(read.map((j) => score(own, rotated(head.key[j]!, j, base)))),
            read.map((j) => head.value[j]!),
          );
        }
        const current = (position - (position % width)) / width;
        const free = range(1, current - 1);
        const best = largest(
          free.map((chunk) => dot(q, chunkKey(head, tokensOf(chunk), base))),
          chunks - 3,
        ).map((at) => free[at]!);
        const read = [0, ...best, current - 1, current]
          .flatMap(tokensOf)
          .filter((j) => (self ? j <= position : j < position));
        const own = rotated(q, (chunks - 1) * width + (position % width), base);
        return weighted(
          softmax(read.map((j, at) => score(own, rotated(head.key[j]!, at, base)))),
          read.map((j) => head.value[j]!),
        );
      }),
    );
  };

const long = { batch: 1, valueDim: 6, queries: 26, keys: 26 } as const;

expectValues(longheads, [
  {
    name: 'four chunks of three',
    shape: long,
    parameters: { chunk: 3, budget: 12, begin: 0 },
    expected: chunked({ width: 3, chunks: 4, begin: 0, base: 10000 }),
  },
  {
    name: 'a beginning longer than the budget, another base',
    shape: long,
    parameters: { chunk: 2, budget: 8, begin: 17, rotaryBase: 500 },
    expected: chunked({ width: 2, chunks: 4, begin: 17, base: 500 }),
  },
  {
    name: 'without the own key, unrotated',
    shape: long,
    parameters: { chunk: 3, budget: 9, begin: 4, selfIncluded: false, rotaryBase: 0 },
    expected: chunked({ width: 3, chunks: 3, begin: 4, base: 0, self: false }),
  },
  {
    name: 'ordinary attention where everything fits, on a cache',
    shape: { batch: 1, queries: 3, keys: 9 },
    parameters: { chunk: 3, budget: 9, begin: 0 },
    expected: chunked({ width: 3, chunks: 3, begin: 0, base: 10000 }),
  },
]);

interface Mixture {
  readonly shared: number;
  readonly active: number;
  readonly scaling?: 'code' | 'paper' | 'norm';
}

/** Each head's output times its gain, of the router's products with the joined query heads of a position. */
const mixture =
  ({ shared, active, scaling = 'code' }: Mixture) =>
  (given: Given): Rows => {
    const rows = dense(given);
    const weights = given.weights as Readonly<Record<string, Matrix | undefined>>;
    const gains = given.query.map((heads) =>
      heads[0]!.map((_, i) => {
        const joined = heads.flatMap((own) => own[i]!);
        const ask = (name: string) => softmax((weights[name] ?? []).map((row) => dot(row, joined)));
        const routed = heads.length - shared;
        if (scaling === 'norm') {
          const taken = largest(
            heads.slice(shared).map((own) => dot(own[i]!, own[i]!)),
            active,
          );
          return heads.map((__, h) => (h < shared || taken.includes(h - shared) ? 1 : 0));
        }
        const [s, p] = [ask('router.shared'), ask('router.routed')];
        const alone = scaling === 'code' ? [1 / 2, 1 / 2] : [1, 1];
        const [a, c] = shared > 0 && active > 0 ? ask('router.groups') : alone;
        const taken = largest(p, active);
        const sum = taken.reduce((total, e) => total + p[e]!, 0);
        const ofRouted = range(0, routed).map((e) => {
          if (!taken.includes(e)) return 0;
          return scaling === 'code' ? (2 * c! * active * p[e]!) / sum : c! * p[e]!;
        });
        return [...s.map((each) => (scaling === 'code' ? 2 * a! * shared * each : a! * each)), ...ofRouted];
      }),
    );
    return rows.map((heads, b) => heads.map((own, h) => own.map((row, i) => times(row, gains[b]![i]![h]!))));
  };

const routers = (shared: number, routed: number) => ({
  ...(shared > 0 ? { 'router.shared': [shared, 48] } : {}),
  ...(routed > 0 ? { 'router.routed': [routed, 48] } : {}),
  'router.groups': [2, 48],
});
const gentle = { 'router.shared': [0.3, 0], 'router.routed': [0.3, 0], 'router.groups': [0.3, 0] } as const;
const eight = { heads: 8, kvHeads: 4 } as const;

expectValues(mixtureOfHead, [
  {
    // 5 of eight heads are taken (0.6 x 8 = 4.8), 2 of them by all tokens.
    name: 'two shared and three of six heads',
    shape: eight,
    parameters: { share: 0.6, sharedShare: 0.25, span: 4 },
    weights: routers(2, 6),
    scaled: gentle,
    expected: mixture({ shared: 2, active: 3 }),
  },
  {
    // 0.55 x 8 = 4.4, so 4; 0.3 x 8 = 2.4, so 2.
    name: 'the scaling of the paper, both ways',
    shape: { ...eight, pattern: 'noncausal-self' },
    parameters: { share: 0.55, sharedShare: 0.3, scaling: 'paper' },
    weights: routers(2, 6),
    scaled: gentle,
    expected: mixture({ shared: 2, active: 2, scaling: 'paper' }),
  },
  {
    name: 'no shared head, the scaling of the paper',
    shape: eight,
    parameters: { share: 0.5, sharedShare: 0, scaling: 'paper' },
    weights: routers(0, 8),
    scaled: gentle,
    expected: mixture({ shared: 0, active: 4, scaling: 'paper' }),
  },
  {
    name: 'shared heads only',
    shape: eight,
    parameters: { share: 0.25, sharedShare: 0.9 },
    weights: routers(2, 6),
    scaled: gentle,
    expected: mixture({ shared: 2, active: 0 }),
  },
  {
    name: 'one head at least, on a cache',
    shape: { ...eight, queries: 3 },
    parameters: { share: 0.05, sharedShare: 0 },
    weights: routers(0, 8),
    scaled: gentle,
    expected: mixture({ shared: 0, active: 1 }),
  },
  {
    name: 'the heads of longest query',
    shape: eight,
    parameters: { share: 0.5, sharedShare: 0.125, routing: 'query norm', span: 3 },
    expected: mixture({ shared: 1, active: 3, scaling: 'norm' }),
  },
]);

/** Mean 0, mean square 1, 0.00001 under the root. */
const level = (row: Row): Row => {
  const middle = row.reduce((sum, x) => sum + x, 0) / row.length;
  const spread = row.reduce((sum, x) => sum + (x - middle) ** 2, 0) / row.length;
  return row.map((x) => (x - middle) / Math.sqrt(spread + 0.00001));
};
const centroidsOf = ({ weights }: Given, h: number): Matrix => (weights['centroids'] as readonly Matrix[])[h]!;

interface Routed {
  readonly window: number;
  /** Key/value heads at the beginning that read blocks of `block` positions; centroids are those of the others. */
  readonly local?: number;
  readonly block?: number;
  readonly separate?: boolean;
  readonly raw?: boolean;
  readonly uncovered?: 'self' | 'local';
}

/** The own block and the one before, up to the own position; both ways the next one too. */
const blocks = (head: Head, i: number, { shape }: Given, block: number): Row => {
  const own = (i + shape.keys - shape.queries) / block;
  const seen = range(0, shape.keys).filter((j) => {
    const apart = Math.floor(own) - Math.floor(j / block);
    return shape.pattern === 'causal-self' ? j <= own * block && apart <= 1 : Math.abs(apart) <= 1;
  });
  return attended(head, i, seen);
};

/** The nearest queries and keys of each centroid; an average over several clusters. */
const routed =
  ({ window, local = 0, block = 1, separate = false, raw = false, uncovered }: Routed) =>
  (given: Given): Rows =>
    eachHead(given, (head) => {
      const { pattern, keys, queries, heads, kvHeads } = given.shape;
      if (head.kv < local) return head.query.map((_, i) => blocks(head, i, given, block));
      const causal = pattern === 'causal-self';
      const [asked, answered] = [head.query, head.key].map((rows) => (raw ? rows : rows.map(level))) as [
        Matrix,
        Matrix,
      ];
      // Where both are one, a query is the key at its position.
      const one = causal && !separate;
      const at = (i: number) => (one ? i + keys - queries : i);
      const own = { ...head, query: head.query.map((_, i) => (one ? answered[at(i)]! : asked[i]!)), key: answered };
      const clusters = centroidsOf(given, head.h - (local * heads) / kvHeads).map((centroid) => {
        const nearest = (rows: Matrix) =>
          largest(
            rows.map((row) => dot(row, centroid)),
            window,
          );
        const members = nearest(answered);
        return { readers: one ? members : nearest(asked), members };
      });
      return own.query.map((_, i) => {
        const rows = clusters
          .filter(({ readers }) => readers.includes(at(i)))
          .map(({ members }) => members.filter((j) => !causal || j <= i + keys - queries))
          .filter((members) => members.length > 0)
          .map((members) => attended(own, i, members));
        if (rows.length > 0) return mean(rows);
        if (uncovered === 'local') return blocks(head, i, given, block);
        return uncovered === 'self' ? head.value[i + keys - queries]! : times(head.value[0]!, 0);
      });
    });

/** The key input is query and key; the last members of the own, nearest cluster. */
const ownCluster =
  (window: number) =>
  (given: Given): Rows =>
    eachHead(given, (head) => {
      const { keys, queries } = given.shape;
      const all = head.key.map(level);
      const cluster = all.map(
        (x) =>
          largest(
            centroidsOf(given, head.h).map((centroid) => dot(x, centroid)),
            1,
          )[0]!,
      );
      return head.query.map((_, i) => {
        const position = i + keys - queries;
        const members = range(0, position + 1).filter((j) => cluster[j] === cluster[position]);
        const own = { ...head, query: head.query.map(() => all[position]!), key: all };
        return attended(own, i, members.slice(-window));
      });
    });

const seventeen = { queries: 17, keys: 17 } as const;

expectValues(routingTransformer, [
  {
    name: 'four nearest of three clusters, both ways',
    shape: { pattern: 'noncausal-self' },
    parameters: { clusters: 3, window: 4, localShare: 0 },
    weights: { centroids: [4, 3, 6] },
    expected: routed({ window: 4 }),
  },
  {
    name: 'keys of another sequence',
    shape: { pattern: 'noncausal-cross', keys: 6 },
    parameters: { clusters: 2, window: 5 },
    weights: { centroids: [4, 2, 6] },
    expected: routed({ window: 5 }),
  },
  {
    name: 'local heads beside, both ways',
    shape: { pattern: 'noncausal-self', ...seventeen },
    parameters: { clusters: 3, window: 4, localBlock: 3, uncovered: 'self' },
    weights: { centroids: [2, 3, 6] },
    expected: routed({ window: 4, local: 1, block: 3, uncovered: 'self' }),
  },
  {
    name: 'balanced and causal, local heads beside',
    shape: seventeen,
    parameters: { clusters: 3, window: 4, localBlock: 4 },
    weights: { centroids: [2, 3, 6] },
    expected: routed({ window: 4, local: 1, block: 4 }),
  },
  {
    name: 'balanced, local where in no cluster, on a cache',
    shape: { queries: 6, keys: 17 },
    parameters: { clusters: 4, window: 3, localBlock: 5, uncovered: 'local', localShare: 0 },
    weights: { centroids: [4, 4, 6] },
    expected: routed({ window: 3, block: 5, uncovered: 'local' }),
  },
  {
    name: 'balanced, local where in no cluster, step by step',
    shape: seventeen,
    parameters: { clusters: 4, window: 3, localBlock: 5, uncovered: 'local' },
    weights: { centroids: [2, 4, 6] },
    expected: routed({ window: 3, local: 1, block: 5, uncovered: 'local' }),
  },
  {
    name: 'lists of queries and keys apart, as they are',
    shape: seventeen,
    parameters: { clusters: 3, window: 5, shared: false, normalise: false, localShare: 0, uncovered: 'self' },
    weights: { centroids: [4, 3, 6] },
    expected: routed({ window: 5, separate: true, raw: true, uncovered: 'self' }),
  },
  {
    // 17 / 5, rounded up.
    name: 'as many members as positions by clusters',
    shape: seventeen,
    parameters: { clusters: 5, localShare: 0.49 },
    weights: { centroids: [4, 5, 6] },
    expected: (given) => routed({ window: Math.ceil(given.shape.keys / 5) })(given),
  },
  {
    name: 'the last two of the own cluster',
    shape: seventeen,
    parameters: { clusters: 3, window: 2, membership: 'own cluster', localShare: 0 },
    weights: { centroids: [4, 3, 6] },
    expected: ownCluster(2),
  },
  {
    name: 'the last three of the own cluster, on a cache',
    shape: { queries: 5, keys: 17 },
    parameters: { clusters: 2, window: 3, membership: 'own cluster', localShare: 0 },
    weights: { centroids: [4, 2, 6] },
    expected: ownCluster(3),
  },
]);
