/**
 * MiMo-V2-Flash (MiMoV2FlashForCausalLM of transformers 5, and the code of its checkpoints) in float64, without code of the product: values
 * narrower than keys and scaled, window layers with heads, a base and sinks of their own, experts by sigmoids with a bias of the choice.
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
  silu,
  times,
  type Parameters,
  type ReferenceRun,
  type Vector,
} from '../reference/vectors';
import type { TinyModel } from './tiny-models';

const [width, vocabulary, epsilon, network] = [24, 61, 1e-5, 20];
const [query, size, valueSize, rotated, valueScale] = [4, 12, 8, 4, 0.707];
const routed = { count: 5, chosen: 2, size: 10 };
const kinds = [
  { keys: 1, theta: 5e6, window: undefined },
  { keys: 2, theta: 10_000, window: 4 },
] as const;
const pattern = [0, 1, 1, 0] as const;

const config = {
  ...{ model_type: 'mimo_v2_flash', architectures: ['MiMoV2FlashForCausalLM'], hidden_size: width },
  ...{ vocab_size: vocabulary, num_hidden_layers: pattern.length, hybrid_layer_pattern: pattern },
  ...{ moe_layer_freq: pattern.map((_, layer) => Math.min(layer, 1)), intermediate_size: network },
  ...{ num_attention_heads: query, num_key_value_heads: 1, head_dim: size, v_head_dim: valueSize },
  ...{ swa_num_attention_heads: query, swa_num_key_value_heads: 2, swa_head_dim: size, swa_v_head_dim: valueSize },
  ...{
    partial_rotary_factor: 0.334,
    rope_theta: 5e6,
    swa_rope_theta: 10_000,
    sliding_window: 4,
    sliding_window_size: 4,
  },
  ...{ attention_value_scale: valueScale, add_swa_attention_sink_bias: true, add_full_attention_sink_bias: true },
  ...{ n_routed_experts: routed.count, num_experts_per_tok: routed.chosen, moe_intermediate_size: routed.size },
  ...{ n_shared_experts: null, n_group: 1, topk_group: 1, norm_topk_prob: true, routed_scaling_factor: null },
  ...{ scoring_func: 'sigmoid', topk_method: 'noaux_tc', layernorm_epsilon: epsilon, hidden_act: 'silu' },
  ...{ attention_bias: false, max_position_embeddings: 256, tie_word_embeddings: false },
};

function shapes(): Record<string, readonly number[]> {
  const all: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [vocabulary, width],
    'model.norm.weight': [width],
    'lm_head.weight': [vocabulary, width],
  };
  pattern.forEach((kind, layer) => {
    const { keys } = kinds[kind];
    const put = (name: string, ...shape: readonly number[]): void =>
      void (all[`model.layers.${layer}.${name}`] = shape);
    for (const name of ['input_layernorm', 'post_attention_layernorm']) put(`${name}.weight`, width);
    put('self_attn.q_proj.weight', query * size, width);
    put('self_attn.k_proj.weight', keys * size, width);
    put('self_attn.v_proj.weight', keys * valueSize, width);
    put('self_attn.o_proj.weight', width, query * valueSize);
    put('self_attn.attention_sink_bias', query);
    const gated = (prefix: string, units: number): void => {
      for (const name of ['gate_proj', 'up_proj']) put(`${prefix}${name}.weight`, units, width);
      put(`${prefix}down_proj.weight`, width, units);
    };
    if (layer === 0) return gated('mlp.', network);
    put('mlp.gate.weight', routed.count, width);
    put('mlp.gate.e_score_correction_bias', routed.count);
    for (let expert = 0; expert < routed.count; expert++) gated(`mlp.experts.${expert}.`, routed.size);
  });
  return all;
}

/** The first `rotated` numbers of a head turn, number i of their first half with number i of the second. */
function turned(row: Vector, position: number, theta: number): number[] {
  const half = rotated / 2;
  return row.map((x, at) => {
    if (at >= rotated) return x;
    const angle = position * theta ** ((-2 * (at % half)) / rotated);
    const other = at < half ? -(row[at + half] ?? 0) : (row[at - half] ?? 0);
    return x * Math.cos(angle) + other * Math.sin(angle);
  });
}

const gatedNetwork = (own: Parameters, x: readonly Vector[]): number[][] => {
  const [gate, up] = ['gate_proj', 'up_proj'].map((name) => linear(own, name, x));
  return linear(
    own,
    'down_proj',
    x.map((_, t) => times((gate?.[t] ?? []).map(silu), up?.[t] ?? [])),
  );
};

function experts(own: Parameters, x: Vector): number[] {
  const bias = own.vector('gate.e_score_correction_bias');
  const chosen = own
    .matrix('gate.weight')
    .map((row, expert) => ({ expert, score: 1 / (1 + Math.exp(-dot(row, x))) }))
    .toSorted((a, b) => b.score + (bias[b.expert] ?? 0) - a.score - (bias[a.expert] ?? 0))
    .slice(0, routed.chosen);
  const total = chosen.reduce((sum, { score }) => sum + score, 0);
  return chosen
    .map(({ expert, score }) => scale(gatedNetwork(below(own, `experts.${expert}.`), [x])[0] ?? [], score / total))
    .reduce((sum, one) => add(sum, one));
}

function run(parameters: Parameters, ids: readonly number[]): ReferenceRun {
  const words = parameters.matrix('model.embed_tokens.weight');
  const taps = new Map<string, readonly number[]>();
  let stream: Vector[] = ids.map((id) => words[id] ?? []);
  pattern.forEach((kind, layer) => {
    const { keys, theta, window } = kinds[kind];
    const at = below(parameters, `model.layers.${layer}.`);
    const own = below(at, 'self_attn.');
    const normed = (name: string): number[][] =>
      stream.map((row) => rmsNorm(row, at.vector(`${name}.weight`), epsilon));
    const x = normed('input_layernorm');
    const of = (name: string, count: number) => linear(own, name, x).map((row) => heads(row, count));
    const rotary = (rows: number[][][]) => rows.map((row, t) => row.map((head) => turned(head, t, theta)));
    const { outputs, probabilities } = attention({
      query: rotary(of('q_proj', query)),
      key: rotary(of('k_proj', keys)),
      value: of('v_proj', keys).map((row) => row.map((head) => scale(head, valueScale))),
      scale: size ** -0.5,
      causal: true,
      window,
      sinks: own.vector('attention_sink_bias'),
    });
    const joined = x.map((_, row) => outputs.flatMap((head) => head[row] ?? []));
    const added = linear(own, 'o_proj', joined);
    taps.set(`layer.${layer}.attention.probabilities`, probabilities.flat(2));
    taps.set(`layer.${layer}.attention.output`, added.flat());
    stream = stream.map((row, t) => add(row, added[t] ?? []));
    const read = normed('post_attention_layernorm');
    const mlp = below(at, 'mlp.');
    const given = layer === 0 ? gatedNetwork(mlp, read) : read.map((row) => experts(mlp, row));
    taps.set(`layer.${layer}.mlp_output`, given.flat());
    stream = stream.map((row, t) => add(row, given[t] ?? []));
    taps.set(`layer.${layer}.residual`, stream.flat());
  });
  const last = stream.map((row) => rmsNorm(row, parameters.vector('model.norm.weight'), epsilon));
  return { logits: linear(parameters, 'lm_head', last), taps };
}

export const tinyMimoV2: TinyModel = { name: 'mimo_v2', config, shapes: shapes(), run };
