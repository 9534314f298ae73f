/** Attention of one layer in float64, before the output projection: grouped-query, latent explicit and latent absorbed. */
import type { LatentWeights, SourceAttention } from '../../../../../diagnostics/plans/x-ecomla/initialisation';
import { attention, dot, type Vector } from '../../../../support/reference/vectors';

/** Turns some numbers of a head at a position. */
export type Turn = (row: Vector, position: number) => Vector;

export const unturned: Turn = (row) => row;

/** Pair j of the numbers from `first` on turns by position 10000^(-2 j / width). */
export const turnOf =
  (first: number, width: number, layout: 'half' | 'interleaved'): Turn =>
  (row, position) => {
    const out = [...row];
    for (let j = 0; j < width / 2; j++) {
      const angle = position * 10000 ** ((-2 * j) / width);
      const [a, b] = layout === 'half' ? [first + j, first + j + width / 2] : [first + 2 * j, first + 2 * j + 1];
      const [x = 0, y = 0] = [row[a], row[b]];
      out[a] = x * Math.cos(angle) - y * Math.sin(angle);
      out[b] = x * Math.sin(angle) + y * Math.cos(angle);
    }
    return out;
  };

const apply = (data: ArrayLike<number>, columns: number, x: Vector): number[] =>
  Array.from({ length: data.length / columns }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * (data[row * columns + i] ?? 0), 0),
  );

const split = (row: Vector, width: number): number[][] =>
  Array.from({ length: row.length / width }, (_, at) => row.slice(at * width, (at + 1) * width));

/** [n][H d] of x [n][w]. */
export function grouped(x: readonly Vector[], source: SourceAttention, turn: Turn): number[][] {
  const { query, key, value, headDim } = source;
  const heads = (rows: SourceAttention['query'], turned: boolean) =>
    x.map((row, position) =>
      split(apply(rows.data, rows.columns, row), headDim).map((head) => (turned ? turn(head, position) : head)),
    );
  const { outputs } = attention({
    query: heads(query, true),
    key: heads(key, true),
    value: heads(value, false),
    scale: headDim ** -0.5,
    causal: true,
  });
  return x.map((_, i) => outputs.flatMap((head) => head[i] ?? []));
}

export interface LatentLayer {
  readonly weights: LatentWeights;
  readonly heads: number;
  readonly headDim: number;
  readonly rank: number;
  readonly rotary: number;
  readonly queryRank?: number;
  /** Turns the rotary part alone. */
  readonly turn: Turn;
}

function parts(x: readonly Vector[], layer: LatentLayer) {
  const { weights, headDim, rank, rotary, turn } = layer;
  const width = x[0]?.length ?? 0;
  const plain = headDim - rotary;
  const queries = x.map((row, position) => {
    const narrow = weights.queryDown ? apply(weights.queryDown, width, row) : row;
    return split(apply(weights.query, narrow.length, narrow), headDim).map((head) => ({
      plain: head.slice(0, plain),
      rotary: turn(head.slice(plain), position),
    }));
  });
  const cached = x.map((row, position) => {
    const both = apply(weights.down, width, row);
    return { latent: both.slice(0, rank), rotary: turn(both.slice(rank), position) };
  });
  const up = split(Array.from(weights.up), rank);
  const ofHead = (head: number) => up.slice(head * (plain + headDim), (head + 1) * (plain + headDim));
  return {
    queries,
    cached,
    keysOf: (head: number) => ofHead(head).slice(0, plain),
    valuesOf: (head: number) => ofHead(head).slice(plain),
  };
}

/** Keys and values of every head are rebuilt. */
export function explicit(x: readonly Vector[], layer: LatentLayer): number[][] {
  const { queries, cached, keysOf, valuesOf } = parts(x, layer);
  const all = Array.from({ length: layer.heads }, (_, head) => head);
  const { outputs } = attention({
    query: queries.map((heads) => heads.map(({ plain, rotary }) => [...plain, ...rotary])),
    key: cached.map(({ latent, rotary }) =>
      all.map((head) => [...keysOf(head).map((row) => dot(row, latent)), ...rotary]),
    ),
    value: cached.map(({ latent }) => all.map((head) => valuesOf(head).map((row) => dot(row, latent)))),
    scale: layer.headDim ** -0.5,
    causal: true,
  });
  return x.map((_, i) => outputs.flatMap((head) => head[i] ?? []));
}

/** Queries are brought to the latents; with `cacheOnly` each row reads what was cached before and itself, as decoding does. */
export function absorbed(x: readonly Vector[], layer: LatentLayer): number[][] {
  const { queries, cached, keysOf, valuesOf } = parts(x, layer);
  const rows = cached.map(({ latent, rotary }) => [[...latent, ...rotary]]);
  const query = queries.map((heads) =>
    heads.map(({ plain, rotary }, head) => {
      const keys = keysOf(head);
      const toLatent = Array.from({ length: layer.rank }, (_, r) =>
        plain.reduce((sum, value, i) => sum + value * (keys[i]?.[r] ?? 0), 0),
      );
      return [...toLatent, ...rotary];
    }),
  );
  const { outputs } = attention({ query, key: rows, value: rows, scale: layer.headDim ** -0.5, causal: true });
  return x.map((_, i) =>
    outputs.flatMap((head, of) => valuesOf(of).map((row) => dot(row, (head[i] ?? []).slice(0, layer.rank)))),
  );
}
