/**
 * Latent attention from the projections of grouped-query attention: the initialisation of X-EcoMLA (arXiv:2503.11132;
 * `re_init_q` and `re_init_kv` of hybrid_mla_layer.py), in float64.
 *
 * With W_Q [H d, w], W_K and W_V [G d, w] and their rows repeated to H heads: [W_K; W_V] = U S V^T. A_kv is S V^T of the first r
 * values, below it the mean of the key heads' rotary rows; B_k and B_v are U's rows of each head. W_Q = U S V^T likewise, or as it
 * is. The repeated matrix has the right singular vectors of the unrepeated one, singular values sqrt(H / G) times as large, and
 * its left ones divided by that, so the unrepeated one is decomposed.
 */
import { decomposed, stacked, type Decomposition, type Rows } from '../../shared/weights/decomposition';
import { selected, type Selected, type Selection } from './selection';

export interface SourceAttention {
  /** [H d, w] */
  readonly query: Rows;
  /** [G d, w] */
  readonly key: Rows;
  readonly value: Rows;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export interface SourceSpectra {
  /** Decomposition of [W_K; W_V] with rows repeated to all query heads; `left` belongs to the unrepeated matrix. */
  readonly joint: Decomposition;
  /** Decomposition of W_Q; absent where queries are projected directly. */
  readonly query?: Decomposition;
}

export interface LatentSizes {
  /** r_kv */
  readonly rank: number;
  /** r_q; absent: queries are projected directly. */
  readonly queryRank?: number;
  /** d_r; d_n is what is left of a head. */
  readonly rotary: number;
  readonly selection: Selection;
}

/** Weights of one layer, [outputs, inputs] each, with the names of models/architectures/attention-spec.ts. */
export interface LatentWeights {
  /** A_q [r_q, w] */
  readonly queryDown?: Float64Array;
  /** B_q [H (d_n + d_r), r_q or w], head after head its plain rows and its rotary ones. */
  readonly query: Float64Array;
  /** A_kv [r + d_r, w] */
  readonly down: Float64Array;
  /** [H (d_n + d_v), r], head after head the rows of B_k and those of B_v. */
  readonly up: Float64Array;
}

const repetition = ({ heads, kvHeads }: Pick<SourceAttention, 'heads' | 'kvHeads'>): number =>
  Math.sqrt(heads / kvHeads);

export function spectraOf(
  source: SourceAttention,
  { queries = true }: { readonly queries?: boolean } = {},
): SourceSpectra {
  const joint = decomposed(stacked([source.key, source.value]));
  const factor = repetition(source);
  return {
    joint: { ...joint, singular: joint.singular.map((value) => factor * value) },
    ...(queries ? { query: decomposed(source.query) } : {}),
  };
}

export function initialised(source: SourceAttention, spectra: SourceSpectra, sizes: LatentSizes): LatentWeights {
  const choice = selected(source.headDim, sizes.rotary, sizes.selection);
  const { rank, queryRank } = sizes;
  const columns = source.query.columns;
  const down = [
    ...scaledRows(spectra.joint, rank),
    ...meanRows(source.key, source.kvHeads, source.headDim, choice.rotary),
  ];
  const kept = down.length - choice.rotary.length;
  if (kept !== rank) throw new RangeError(`a latent of rank ${rank} of ${kept} values`);
  const rows = [...choice.plain, ...choice.rotary];
  const queryRow = (head: number, row: number): ArrayLike<number> => {
    const at = head * source.headDim + row;
    if (queryRank === undefined) return rowOf(source.query, at);
    const own = spectra.query?.left[at];
    if (!own || queryRank > own.length) throw new RangeError(`no queries of rank ${queryRank}`);
    return own.subarray(0, queryRank);
  };
  const query: ArrayLike<number>[] = [];
  const up: ArrayLike<number>[] = [];
  for (let head = 0; head < source.heads; head++) {
    for (const row of rows) query.push(queryRow(head, row));
    const from = jointRows(source, spectra.joint, head, rank);
    for (const row of choice.plain) up.push(from.key(row));
    for (let row = 0; row < source.headDim; row++) up.push(from.value(row));
  }
  return {
    ...(queryRank === undefined || !spectra.query
      ? {}
      : { queryDown: joined(scaledRows(spectra.query, queryRank), columns) }),
    query: joined(query, queryRank ?? columns),
    down: joined(down, columns),
    up: joined(up, rank),
  };
}

/** S V^T of the first values. */
const scaledRows = ({ singular, right }: Decomposition, rank: number): readonly Float64Array[] =>
  right.slice(0, rank).map((row, at) => row.map((value) => value * (singular[at] ?? 0)));

/** U's rows of the key and the value of a query head, in the repeated matrix. */
function jointRows(source: SourceAttention, { left }: Decomposition, head: number, rank: number) {
  const { heads, kvHeads, headDim } = source;
  const shared = Math.floor(head / (heads / kvHeads));
  const factor = repetition(source);
  const rowAt = (at: number): Float64Array => {
    const row = left[at];
    if (!row) throw new RangeError(`no row ${at}`);
    return row.subarray(0, rank).map((value) => value / factor);
  };
  return {
    key: (row: number) => rowAt(shared * headDim + row),
    value: (row: number) => rowAt((kvHeads + shared) * headDim + row),
  };
}

/** The mean over the key heads of some of their rows. */
const meanRows = (key: Rows, kvHeads: number, headDim: number, rows: Selected['rotary']): readonly Float64Array[] =>
  rows.map((row) => {
    const mean = new Float64Array(key.columns);
    for (let head = 0; head < kvHeads; head++) {
      const own = rowOf(key, head * headDim + row);
      for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) + (own[i] ?? 0) / kvHeads;
    }
    return mean;
  });

const rowOf = ({ data, columns }: Rows, row: number): Float64Array =>
  Float64Array.from({ length: columns }, (_, i) => data[row * columns + i] ?? 0);

function joined(rows: readonly ArrayLike<number>[], columns: number): Float64Array {
  const out = new Float64Array(rows.length * columns);
  rows.forEach((row, at) => out.set(row, at * columns));
  return out;
}
