/**
 * MiniMax-M3 (MiniMaxM3VLTextModel of transformers 5) in float64, without code of the product: gains that are stored minus one, norms of each
 * head, part of a head rotated, networks with held gates, experts beside a shared network. Texts are shorter than the blocks that a query reads.
 */
import {
  add,
  attention,
  below,
  dot,
  heads,
  linear,
  rmsNorm,
  scale,
  times,
  type Parameters,
  type ReferenceRun,
  type Vector,
} from '../reference/vectors';
import type { TinyModel } from './tiny-models';

const [width, vocabulary, epsilon, network] = [24, 61, 1e-6, 20];
const [query, keys, size, rotated, theta] = [4, 2, 8, 4, 5e6];
const routed = { count: 5, chosen: 2, size: 10, factor: 2 };
const held = { bound: 0.6, slope: 1.5 };
/** Which layers have experts and choose blocks of keys. */
const sparse = [false, true, true, true];

const config = {
  ...{ model_type: 'minimax_m3', architectures: ['MiniMaxM3ForCausalLM'], hidden_size: width, vocab_size: vocabulary },
  ...{ num_hidden_layers: sparse.length, num_attention_heads: query, num_key_value_heads: keys, head_dim: size },
  ...{ rotary_dim: rotated, partial_rotary_factor: 0.5, rope_theta: theta, max_position_embeddings: 256 },
  ...{ dense_intermediate_size: network, intermediate_size: routed.size, moe_intermediate_size: routed.size },
  ...{ moe_layer_freq: sparse.map(Number), num_local_experts: routed.count, num_experts_per_tok: routed.chosen },
  ...{ n_shared_experts: 1, shared_intermediate_size: routed.size, routed_scaling_factor: routed.factor },
  ...{ scoring_func: 'sigmoid', use_routing_bias: true, use_qk_norm: true, qk_norm_type: 'per_head' },
  ...{ use_gemma_norm: true, rms_norm_eps: epsilon, hidden_act: 'swigluoai' },
  ...{ swiglu_alpha: held.slope, swiglu_limit: held.bound, tie_word_embeddings: false },
};

/** The two forms in which a file says which layers choose blocks. */
const choices = {
  minimax_m3: {
    sparse_attention_config: {
      ...{ use_sparse_attention: true, sparse_attention_freq: sparse.map(Number), sparse_num_index_heads: 2 },
      ...{ sparse_index_dim: 4, sparse_topk_blocks: 4, sparse_block_size: 8 },
    },
  },
  minimax_m3_vl_text: {
    layer_types: sparse.map((has) => (has ? 'minimax_m3_sparse' : 'full_attention')),
    ...{ index_n_heads: 2, index_head_dim: 4, index_topk_blocks: 4, index_block_size: 8 },
  },
};

function shapes(): Record<string, readonly number[]> {
  const all: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [vocabulary, width],
    'model.norm.weight': [width],
    'lm_head.weight': [vocabulary, width],
  };
  sparse.forEach((has, layer) => {
    const put = (name: string, ...shape: readonly number[]): void =>
      void (all[`model.layers.${layer}.${name}`] = shape);
    for (const name of ['input_layernorm', 'post_attention_layernorm']) put(`${name}.weight`, width);
    put('self_attn.q_proj.weight', query * size, width);
    for (const name of ['k_proj', 'v_proj']) put(`self_attn.${name}.weight`, keys * size, width);
    put('self_attn.o_proj.weight', width, query * size);
    for (const name of ['q_norm', 'k_norm']) put(`self_attn.${name}.weight`, size);
    const gated = (prefix: string, units: number, [gate, up, down]: readonly [string, string, string]): void => {
      for (const name of [gate, up]) put(`${prefix}${name}.weight`, units, width);
      put(`${prefix}${down}.weight`, width, units);
    };
    if (!has) return gated('mlp.', network, usual);
    put('self_attn.index_q_proj.weight', 8, width);
    put('self_attn.index_k_proj.weight', 4, width);
    for (const name of ['index_q_norm', 'index_k_norm']) put(`self_attn.${name}.weight`, 4);
    put('block_sparse_moe.gate.weight', routed.count, width);
    put('block_sparse_moe.e_score_correction_bias', routed.count);
    for (let expert = 0; expert < routed.count; expert++)
      gated(`block_sparse_moe.experts.${expert}.`, routed.size, ['w1', 'w3', 'w2']);
    gated('block_sparse_moe.shared_experts.', routed.size, usual);
  });
  return all;
}

const usual = ['gate_proj', 'up_proj', 'down_proj'] as const;

/** The first `rotated` numbers of a head turn, number i of their first half with number i of the second. */
function turned(row: Vector, position: number): number[] {
  const half = rotated / 2;
  return row.map((x, at) => {
    if (at >= rotated) return x;
    const angle = position * theta ** ((-2 * (at % half)) / rotated);
    const other = at < half ? -(row[at + half] ?? 0) : (row[at - half] ?? 0);
    return x * Math.cos(angle) + other * Math.sin(angle);
  });
}

function gatedNetwork(own: Parameters, x: readonly Vector[], [g, u, d]: readonly [string, string, string]): number[][] {
  const [gate, up] = [g, u].map((name) => linear(own, name, x));
  const inner = x.map((_, t) =>
    times(
      (gate?.[t] ?? []).map((value) => {
        const low = Math.min(value, held.bound);
        return low / (1 + Math.exp(-held.slope * low));
      }),
      (up?.[t] ?? []).map((value) => 1 + Math.max(-held.bound, Math.min(held.bound, value))),
    ),
  );
  return linear(own, d, inner);
}

function experts(own: Parameters, x: Vector): number[] {
  const bias = own.vector('e_score_correction_bias');
  const chosen = own
    .matrix('gate.weight')
    .map((row, expert) => ({ expert, score: 1 / (1 + Math.exp(-dot(row, x))) }))
    .toSorted((a, b) => b.score + (bias[b.expert] ?? 0) - a.score - (bias[a.expert] ?? 0))
    .slice(0, routed.chosen);
  const total = chosen.reduce((sum, { score }) => sum + score, 0);
  const [shared = []] = gatedNetwork(below(own, 'shared_experts.'), [x], usual);
  return chosen.reduce((sum, { expert, score }) => {
    const [given = []] = gatedNetwork(below(own, `experts.${expert}.`), [x], ['w1', 'w3', 'w2']);
    return add(sum, scale(given, (routed.factor * score) / total));
  }, shared);
}

function run(parameters: Parameters, ids: readonly number[]): ReferenceRun {
  const words = parameters.matrix('model.embed_tokens.weight');
  const taps = new Map<string, readonly number[]>();
  let stream: Vector[] = ids.map((id) => words[id] ?? []);
  sparse.forEach((has, layer) => {
    const at = below(parameters, `model.layers.${layer}.`);
    const own = below(at, 'self_attn.');
    const normed = (name: string): number[][] =>
      stream.map((row) => rmsNorm(row, at.vector(`${name}.weight`), epsilon, 1));
    const x = normed('input_layernorm');
    const of = (name: string, count: number) => linear(own, name, x).map((row) => heads(row, count));
    const rotary = (rows: number[][][], norm: string) =>
      rows.map((row, t) => row.map((head) => turned(rmsNorm(head, own.vector(`${norm}.weight`), epsilon, 1), t)));
    const { outputs, probabilities } = attention({
      query: rotary(of('q_proj', query), 'q_norm'),
      key: rotary(of('k_proj', keys), 'k_norm'),
      value: of('v_proj', keys),
      scale: size ** -0.5,
      causal: true,
    });
    const joined = x.map((_, row) => outputs.flatMap((head) => head[row] ?? []));
    const added = linear(own, 'o_proj', joined);
    taps.set(`layer.${layer}.attention.probabilities`, probabilities.flat(2));
    taps.set(`layer.${layer}.attention.output`, added.flat());
    stream = stream.map((row, t) => add(row, added[t] ?? []));
    const read = normed('post_attention_layernorm');
    const routing = below(at, 'block_sparse_moe.');
    const given = has ? read.map((row) => experts(routing, row)) : gatedNetwork(below(at, 'mlp.'), read, usual);
    taps.set(`layer.${layer}.mlp_output`, given.flat());
    stream = stream.map((row, t) => add(row, given[t] ?? []));
    taps.set(`layer.${layer}.residual`, stream.flat());
  });
  const last = stream.map((row) => rmsNorm(row, parameters.vector('model.norm.weight'), epsilon, 1));
  return { logits: linear(parameters, 'lm_head', last), taps };
}

export const tinyMiniMaxM3: readonly TinyModel[] = Object.entries(choices).map(([type, keys]) => ({
  name: type,
  config: { ...config, ...keys, model_type: type },
  shapes: shapes(),
  run,
}));
