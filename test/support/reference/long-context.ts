/**
 * The llama layout over thousands of tokens in float64: the rows that are asked for, and sums over all rows. Written from
 * the modelling files of transformers, without code of the product, on flat arrays. Attention is never stored as a whole: a row is T
 * numbers, and the last layer has only the wanted rows.
 */
import type { LlamaLikeConfig } from './llama-like';
import { rotationOf } from './rope';
import { dot, silu, type Parameters } from './vectors';

interface LongAsked {
  /** Rows, rising, whose attention and logits are wanted. */
  readonly rows: readonly number[];
  /** Means over all rows need all rows of every layer. */
  readonly statistics: boolean;
}

/** By the definitions of docs/heads-json.md, of one head. */
export interface LongStatistics {
  readonly previousToken: number;
  readonly firstToken: number;
  readonly selfToken: number;
  readonly entropy: number;
  readonly meanDistance: number;
}

export interface LongRun {
  /** [layers][heads][rows that were asked for][keys up to the row, its own included] */
  readonly attention: readonly (readonly (readonly Float64Array[])[])[];
  /** [layers][heads]; empty where they were not asked for. */
  readonly statistics: readonly (readonly LongStatistics[])[];
  /** [rows that were asked for][vocabulary] */
  readonly logits: readonly Float64Array[];
}

export function longRun(config: LlamaLikeConfig, p: Parameters, ids: readonly number[], asked: LongAsked): LongRun {
  const { hidden_size: width, num_attention_heads: H, num_key_value_heads: G, num_hidden_layers: L } = config;
  const d = config.head_dim ?? width / H;
  const T = ids.length;
  const all = Array.from({ length: T }, (_, at) => at);
  const { radians, amplitude } = rotationOf({
    theta: config.rope_theta,
    width: d,
    scaling: config.rope_scaling ?? undefined,
    max_position_embeddings: config.max_position_embeddings ?? T,
    original_max_position_embeddings: config.original_max_position_embeddings,
    length: T,
  });
  /** Rotates the heads of a product of the normed stream by their positions. */
  const turned = (from: Float64Array, heads: number): Float64Array => {
    const out = from.slice();
    for (let at = 0; at < T; at++) {
      for (let head = 0; head < heads; head++) {
        const first = (at * heads + head) * d;
        radians.forEach((each, i) => {
          const [cos, sin] = [Math.cos(at * each) * amplitude, Math.sin(at * each) * amplitude];
          const [a, b] = [from[first + i] ?? 0, from[first + i + d / 2] ?? 0];
          out[first + i] = a * cos - b * sin;
          out[first + i + d / 2] = b * cos + a * sin;
        });
      }
    }
    return out;
  };
  const normed = (x: Float64Array, name: string, rows: readonly number[]): Float64Array => {
    const gain = p.vector(`${name}.weight`);
    const out = new Float64Array(x.length);
    for (const at of rows) {
      const row = x.subarray(at * width, (at + 1) * width);
      const root = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / width + config.rms_norm_eps);
      for (let i = 0; i < width; i++) out[at * width + i] = ((row[i] ?? 0) / root) * (gain[i] ?? 0);
    }
    return out;
  };
  /** Each of these rows times the rows [first, first + outputs) of a stored matrix. */
  const product = (
    x: Float64Array,
    name: string,
    rows: readonly number[],
    first = 0,
    outputs = Infinity,
  ): Float64Array => {
    const weight = p.matrix(`${name}.weight`).slice(first, first + outputs);
    const inputs = weight[0]?.length ?? 0;
    const out = new Float64Array(T * weight.length);
    for (const at of rows) {
      const row = Array.from(x.subarray(at * inputs, (at + 1) * inputs));
      weight.forEach((w, o) => (out[at * weight.length + o] = dot(w, row)));
    }
    return out;
  };

  const table = p.matrix('model.embed_tokens.weight');
  const x = Float64Array.from(ids.flatMap((id) => table[id] ?? []));
  const attention: Float64Array[][][] = [];
  const statistics: LongStatistics[][] = [];
  for (let l = 0; l < L; l++) {
    const at = `model.layers.${l}`;
    const input = normed(x, `${at}.input_layernorm`, all);
    const fused = p.has(`${at}.self_attn.qkv_proj.weight`) ? `${at}.self_attn.qkv_proj` : undefined;
    const projected = (name: string, first: number, outputs: number): Float64Array =>
      fused === undefined
        ? product(input, `${at}.self_attn.${name}_proj`, all)
        : product(input, fused, all, first, outputs);
    const q = turned(projected('q', 0, H * d), H);
    const k = turned(projected('k', H * d, G * d), G);
    const v = projected('v', (H + G) * d, G * d);
    // After the last layer nothing reads the other rows.
    const rows = l < L - 1 || asked.statistics ? all : asked.rows;
    const wanted = new Set(asked.rows);
    const heads = new Float64Array(T * H * d);
    const kept: Float64Array[][] = [];
    const means: LongStatistics[] = [];
    for (let head = 0; head < H; head++) {
      const group = Math.floor((head * G) / H);
      const ofHead: Float64Array[] = [];
      const sums = { previousToken: 0, firstToken: 0, selfToken: 0, entropy: 0, meanDistance: 0 };
      for (const query of rows) {
        const probabilities = rowOf(q, (query * H + head) * d, k, group * d, G * d, d, query);
        const out = (query * H + head) * d;
        let [entropy, distance] = [0, 0];
        for (let key = 0; key <= query; key++) {
          const share = probabilities[key] ?? 0;
          const from = (key * G + group) * d;
          for (let i = 0; i < d; i++) heads[out + i] = (heads[out + i] ?? 0) + share * (v[from + i] ?? 0);
          if (share > 0) entropy -= share * Math.log(share);
          distance += share * (query - key);
        }
        sums.selfToken += probabilities[query] ?? 0;
        sums.entropy += entropy;
        sums.meanDistance += distance;
        if (query > 0) {
          sums.previousToken += probabilities[query - 1] ?? 0;
          sums.firstToken += probabilities[0] ?? 0;
        }
        if (wanted.has(query)) ofHead.push(probabilities);
      }
      kept.push(ofHead);
      means.push({
        previousToken: sums.previousToken / (T - 1),
        firstToken: sums.firstToken / (T - 1),
        selfToken: sums.selfToken / T,
        entropy: sums.entropy / T,
        meanDistance: sums.meanDistance / T,
      });
    }
    attention.push(kept);
    if (asked.statistics) statistics.push(means);
    const add = (more: Float64Array): void => {
      for (const row of rows) for (let i = row * width; i < (row + 1) * width; i++) x[i] = (x[i] ?? 0) + (more[i] ?? 0);
    };
    add(product(heads, `${at}.self_attn.o_proj`, rows));
    const behind = normed(x, `${at}.post_attention_layernorm`, rows);
    const inner = p.matrix(`${at}.mlp.down_proj.weight`)[0]?.length ?? 0;
    const half = (name: string, first: number): Float64Array =>
      fused === undefined
        ? product(behind, `${at}.mlp.${name}_proj`, rows)
        : product(behind, `${at}.mlp.gate_up_proj`, rows, first, inner);
    const [gate, up] = [half('gate', 0), half('up', inner)];
    add(
      product(
        gate.map((value, i) => silu(value) * (up[i] ?? 0)),
        `${at}.mlp.down_proj`,
        rows,
      ),
    );
  }
  const head = config.tie_word_embeddings ? 'model.embed_tokens' : 'lm_head';
  const logits = product(normed(x, 'model.norm', asked.rows), head, asked.rows);
  const vocabulary = table.length;
  return {
    attention,
    statistics,
    logits: asked.rows.map((row) => logits.slice(row * vocabulary, (row + 1) * vocabulary)),
  };
}

/** Softmax over the keys up to the query of the products with them over the root of their width. */
function rowOf(
  q: Float64Array,
  query: number,
  k: Float64Array,
  first: number,
  step: number,
  d: number,
  last: number,
): Float64Array {
  const row = new Float64Array(last + 1);
  let most = -Infinity;
  for (let key = 0; key <= last; key++) {
    let sum = 0;
    for (let i = 0; i < d; i++) sum += (q[query + i] ?? 0) * (k[key * step + first + i] ?? 0);
    const score = sum / Math.sqrt(d);
    row[key] = score;
    if (score > most) most = score;
  }
  let total = 0;
  for (let key = 0; key <= last; key++) total += row[key] = Math.exp((row[key] ?? 0) - most);
  for (let key = 0; key <= last; key++) row[key] = (row[key] ?? 0) / total;
  return row;
}
