/**
 * The text of Gemma 4 (Gemma4ForCausalLM of transformers 5) in float64, without code of the product. With experts: full layers whose values
 * are their projected keys, values normed without weights, experts beside a network, each with norms of its own, and a factor of each layer.
 * The small one: a vector of the token in each layer, and last layers with wider networks that read the keys and values of earlier ones.
 */
import {
  add,
  attention,
  below,
  dot,
  geluTanh,
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
const routed = { count: 5, chosen: 2, size: 12 };
const query = 4;
/** Key heads and width of a head, by kind of layer; in a full layer half of the frequencies turn. */
const kinds = {
  sliding_attention: { keys: 2, size: 8, theta: 10_000, turned: 4, window: 5 },
  full_attention: { keys: 1, size: 12, theta: 1e6, turned: 3, window: undefined },
} as const;
const layerTypes = ['sliding_attention', 'full_attention', 'sliding_attention', 'full_attention'] as const;
/** Numbers of the vector of a layer, and rows of their table. */
const vectors = { size: 6, rows: vocabulary };
/** The first layer of the small model that reads the keys of another, and which one. */
const shared = { first: 2, source: (layer: number): number => layer - 2 };

const config = (small: boolean) => ({
  ...{ model_type: 'gemma4_text', architectures: ['Gemma4ForCausalLM'], hidden_size: width, vocab_size: vocabulary },
  ...{ num_hidden_layers: layerTypes.length, layer_types: layerTypes, intermediate_size: network },
  ...{ num_attention_heads: query, num_key_value_heads: 2, num_global_key_value_heads: 1 },
  ...{ head_dim: 8, global_head_dim: 12, attention_k_eq_v: !small, sliding_window: 5, final_logit_softcapping: 3 },
  ...(small ? {} : { enable_moe_block: true, num_experts: routed.count, top_k_experts: routed.chosen }),
  ...(small ? { use_double_wide_mlp: true, vocab_size_per_layer_input: vectors.rows } : {}),
  ...{ moe_intermediate_size: routed.size, hidden_activation: 'gelu_pytorch_tanh', rms_norm_eps: epsilon },
  ...{ hidden_size_per_layer_input: small ? vectors.size : 0, num_kv_shared_layers: small ? shared.first : 0 },
  max_position_embeddings: 256,
  rope_parameters: {
    full_attention: { rope_type: 'proportional', partial_rotary_factor: 0.5, rope_theta: 1e6 },
    sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
  },
  tie_word_embeddings: true,
});

/** In the small model all layers have the same number of key heads. */
const keysOf = (type: keyof typeof kinds, small: boolean): number => (small ? 2 : kinds[type].keys);

function shapes(small: boolean): Record<string, readonly number[]> {
  const all: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [vocabulary, width],
    'model.norm.weight': [width],
    ...(small
      ? {
          'model.embed_tokens_per_layer.weight': [vectors.rows, vectors.size * layerTypes.length],
          'model.per_layer_model_projection.weight': [vectors.size * layerTypes.length, width],
          'model.per_layer_projection_norm.weight': [vectors.size],
        }
      : {}),
  };
  layerTypes.forEach((type, layer) => {
    const { size } = kinds[type];
    const keys = keysOf(type, small);
    const reads = small && layer >= shared.first;
    const inner = reads ? 2 * network : network;
    const put = (name: string, ...shape: readonly number[]): void =>
      void (all[`model.layers.${layer}.${name}`] = shape);
    for (const name of ['input_layernorm', 'post_attention_layernorm']) put(`${name}.weight`, width);
    for (const of of ['pre', 'post']) put(`${of}_feedforward_layernorm.weight`, width);
    if (small) {
      put('per_layer_input_gate.weight', vectors.size, width);
      put('per_layer_projection.weight', width, vectors.size);
      put('post_per_layer_input_norm.weight', width);
    } else
      for (const name of [
        'pre_feedforward_layernorm_2',
        'post_feedforward_layernorm_1',
        'post_feedforward_layernorm_2',
      ])
        put(`${name}.weight`, width);
    put('layer_scalar', 1);
    put('self_attn.q_proj.weight', query * size, width);
    if (!reads) put('self_attn.k_proj.weight', keys * size, width);
    if (!reads && (small || type === 'sliding_attention')) put('self_attn.v_proj.weight', keys * size, width);
    put('self_attn.o_proj.weight', width, query * size);
    for (const name of reads ? ['q_norm'] : ['q_norm', 'k_norm']) put(`self_attn.${name}.weight`, size);
    for (const name of ['gate_proj', 'up_proj']) put(`mlp.${name}.weight`, inner, width);
    put('mlp.down_proj.weight', width, inner);
    if (small) return;
    put('router.proj.weight', routed.count, width);
    put('router.scale', width);
    put('router.per_expert_scale', routed.count);
    put('experts.gate_up_proj', routed.count, 2 * routed.size, width);
    put('experts.down_proj', routed.count, width, routed.size);
  });
  return all;
}

const ones = (count: number): number[] => new Array<number>(count).fill(1);

/** Number i of one half turns with number i of the other. */
function turned(row: Vector, position: number, theta: number, count: number): number[] {
  const half = row.length / 2;
  const angle = (i: number): number => (i < count ? position * theta ** ((-2 * i) / row.length) : 0);
  return row.map((x, at) => {
    const i = at % half;
    const other = at < half ? -(row[at + half] ?? 0) : (row[at - half] ?? 0);
    return x * Math.cos(angle(i)) + other * Math.sin(angle(i));
  });
}

interface Heads {
  readonly key: number[][][];
  readonly value: number[][][];
}

function attended(own: Parameters, x: readonly Vector[], type: keyof typeof kinds, from: Heads | undefined) {
  const { size, theta, turned: count, window } = kinds[type];
  const raw = (name: string, of: number) => linear(own, name, x).map((row) => heads(row, of));
  const gained = (rows: number[][][], norm: string) =>
    rows.map((row, t) =>
      row.map((head) => turned(rmsNorm(head, own.vector(`${norm}.weight`), epsilon), t, theta, count)),
    );
  const projected = (): Heads => {
    const keys = own.matrix('k_proj.weight').length / size;
    const key = raw('k_proj', keys);
    const value = own.has('v_proj.weight') ? raw('v_proj', keys) : key;
    return {
      key: gained(key, 'k_norm'),
      value: value.map((row) => row.map((head) => rmsNorm(head, ones(head.length), epsilon))),
    };
  };
  const made = from ?? projected();
  const { outputs, probabilities } = attention({
    query: gained(raw('q_proj', query), 'q_norm'),
    ...made,
    scale: 1,
    causal: true,
    window,
  });
  const joined = x.map((_, row) => outputs.flatMap((head) => head[row] ?? []));
  return { added: linear(own, 'o_proj', joined), probabilities, made };
}

function gatedNetwork(gate: Vector, up: Vector): number[] {
  return times(gate.map(geluTanh), up);
}

function experts(at: Parameters, x: Vector, read: Vector): number[] {
  const normed = scale(rmsNorm(x, at.vector('router.scale'), epsilon), width ** -0.5);
  const products = at.matrix('router.proj.weight').map((row) => dot(row, normed));
  const factors = at.vector('router.per_expert_scale');
  const chosen = products
    .map((product, expert) => ({ expert, share: Math.exp(product) }))
    .toSorted((a, b) => b.share - a.share)
    .slice(0, routed.chosen);
  const total = chosen.reduce((sum, { share }) => sum + share, 0);
  const [maps, downs] = [at.vector('experts.gate_up_proj'), at.vector('experts.down_proj')];
  const rows = (all: Vector, first: number, count: number, columns: number): Vector[] =>
    Array.from({ length: count }, (_, row) => all.slice((first + row) * columns, (first + row + 1) * columns));
  return chosen
    .map(({ expert, share }) => {
      const both = rows(maps, expert * 2 * routed.size, 2 * routed.size, width).map((row) => dot(row, read));
      const inner = gatedNetwork(both.slice(0, routed.size), both.slice(routed.size));
      const given = rows(downs, expert * width, width, routed.size).map((row) => dot(row, inner));
      return scale(given, (share / total) * (factors[expert] ?? 0));
    })
    .reduce((sum, one) => add(sum, one));
}

/** The outputs of the network and of the experts beside it, each normed. */
function withExperts(at: Parameters, middle: readonly Vector[], given: readonly Vector[]): Vector[] {
  const normed = (name: string, rows: readonly Vector[]): number[][] =>
    rows.map((row) => rmsNorm(row, at.vector(`${name}.weight`), epsilon));
  const beside = normed('post_feedforward_layernorm_1', given);
  const read = normed('pre_feedforward_layernorm_2', middle);
  const chosen = normed(
    'post_feedforward_layernorm_2',
    middle.map((row, t) => experts(at, row, read[t] ?? [])),
  );
  return beside.map((row, t) => add(row, chosen[t] ?? []));
}

/** By row and layer: a row of the table, and a normed map of the words. */
function vectorsOf(parameters: Parameters, ids: readonly number[], words: readonly Vector[]): Vector[][] {
  const table = parameters.matrix('model.embed_tokens_per_layer.weight');
  const mapped = linear(below(parameters, 'model.'), 'per_layer_model_projection', words);
  const gain = parameters.vector('model.per_layer_projection_norm.weight');
  return ids.map((id, row) =>
    layerTypes.map((_, layer) => {
      const part = (all: Vector): Vector => all.slice(layer * vectors.size, (layer + 1) * vectors.size);
      const own = rmsNorm(scale(part(mapped[row] ?? []), width ** -0.5), gain, epsilon);
      return scale(add(own, scale(part(table[id] ?? []), Math.sqrt(vectors.size))), Math.SQRT1_2);
    }),
  );
}

/** The stream plus what the vector of the layer adds to it. */
function withVector(at: Parameters, x: Vector, vector: Vector): Vector {
  const [gate = []] = linear(at, 'per_layer_input_gate', [x]);
  const [back = []] = linear(at, 'per_layer_projection', [gatedNetwork(gate, vector)]);
  return add(x, rmsNorm(back, at.vector('post_per_layer_input_norm.weight'), epsilon));
}

function run(parameters: Parameters, ids: readonly number[], small: boolean): ReferenceRun {
  const words = parameters.matrix('model.embed_tokens.weight');
  const taps = new Map<string, readonly number[]>();
  let stream: readonly Vector[] = ids.map((id) => scale(words[id] ?? [], Math.sqrt(width)));
  const ofToken = small ? vectorsOf(parameters, ids, stream) : [];
  const made: Heads[] = [];
  layerTypes.forEach((type, layer) => {
    const at = below(parameters, `model.layers.${layer}.`);
    const normed = (name: string, rows: readonly Vector[]): number[][] =>
      rows.map((row) => rmsNorm(row, at.vector(`${name}.weight`), epsilon));
    const from = small && layer >= shared.first ? made[shared.source(layer)] : undefined;
    const attending = attended(below(at, 'self_attn.'), normed('input_layernorm', stream), type, from);
    const { added, probabilities } = attending;
    made.push(attending.made);
    const behind = normed('post_attention_layernorm', added);
    taps.set(`layer.${layer}.attention.probabilities`, probabilities.flat(2));
    taps.set(`layer.${layer}.attention.output`, behind.flat());
    const middle = stream.map((row, t) => add(row, behind[t] ?? []));
    const dense = normed('pre_feedforward_layernorm', middle);
    const [gate, up] = ['gate_proj', 'up_proj'].map((name) => linear(at, `mlp.${name}`, dense));
    const inner = dense.map((_, t) => gatedNetwork(gate?.[t] ?? [], up?.[t] ?? []));
    const given = linear(at, 'mlp.down_proj', inner);
    const behindNetwork = normed('post_feedforward_layernorm', small ? given : withExperts(at, middle, given));
    const left = middle.map((row, t) => add(row, behindNetwork[t] ?? []));
    const [factor = 1] = at.vector('layer_scalar');
    stream = left.map((row, t) => scale(small ? withVector(at, row, ofToken[t]?.[layer] ?? []) : row, factor));
    taps.set(`layer.${layer}.residual`, stream.flat());
  });
  const last = stream.map((row) => rmsNorm(row, parameters.vector('model.norm.weight'), epsilon));
  const logits = last.map((row) => words.map((word) => 3 * Math.tanh(dot(word, row) / 3)));
  return { logits, taps };
}

const tiny = (name: string, small: boolean): TinyModel => ({
  name,
  config: config(small),
  shapes: shapes(small),
  run: (parameters, ids) => run(parameters, ids, small),
});

/** With experts, and the small one. */
export const tinyGemma4: readonly TinyModel[] = [tiny('gemma4', false), tiny('gemma4: layers share keys', true)];
