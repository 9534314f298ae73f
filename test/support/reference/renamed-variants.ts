/**
 * Families that are published with code of their own, and whose arithmetic is that of a family with a class: a checkpoint of that class
 * under their names.
 */
import { renamed, tensorOf, times, type Pair, type Tensors, type Variant } from './variant-tensors';

/** InternLM2's one projection: for each head of keys its queries, its key and its value. */
function groupedProjection(tensors: Tensors): void {
  const [heads, kvHeads] = [4, 2];
  for (const [name, query] of [...tensors]) {
    if (!name.endsWith('self_attn.q_proj.weight')) continue;
    const [key, value] = ['k_proj', 'v_proj'].map((of) => tensorOf(tensors, name.replace('q_proj', of)));
    const [rows = 0, columns = 0] = query.shape;
    const width = (rows / heads) * columns;
    const part = (data: Float32Array, first: number, count: number) =>
      data.subarray(first * width, (first + count) * width);
    const group = heads / kvHeads;
    const data = Array.from({ length: kvHeads }, (_, g) => [
      ...part(query.data, g * group, group),
      ...part(key!.data, g, 1),
      ...part(value!.data, g, 1),
    ]).flat();
    tensors.set(name.replace('q_proj', 'qkv'), {
      shape: [data.length / columns, columns],
      data: Float32Array.from(data),
    });
    for (const of of ['q_proj', 'k_proj', 'v_proj']) tensors.delete(name.replace('q_proj', of));
  }
}

/** Rows of several tensors below one another under a new name. */
export function stacked(tensors: Tensors, names: readonly string[], to: string): void {
  const parts = names.map((name) => tensorOf(tensors, name));
  for (const name of names) tensors.delete(name);
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const shape = [rows, ...(parts[0]?.shape.slice(1) ?? [])];
  tensors.set(to, { shape, data: Float32Array.from(parts.flatMap(({ data }) => [...data])) });
}

/** Queries, keys and values of each layer in one tensor `to`, all of a kind below one another. */
export function oneProjection(tensors: Tensors, to: string, prefix = 'self_attn.'): void {
  for (const name of [...tensors.keys()]) {
    const [, layer, kind] = new RegExp(`^(.*\\.)${prefix}q_proj\\.(weight|bias)$`).exec(name) ?? [];
    if (layer === undefined) continue;
    const parts = ['q', 'k', 'v'].map((of) => `${layer}${prefix}${of}_proj.${kind}`);
    stacked(tensors, parts, `${layer}${prefix}${to}.${kind}`);
  }
}

/** Biases that change nothing, as long as the rows of the weights that match. */
function withBiases(tensors: Tensors, names: RegExp): void {
  for (const [name, { shape }] of [...tensors])
    if (names.test(name))
      tensors.set(name.replace(/weight$/, 'bias'), { shape: [shape[0] ?? 0], data: new Float32Array(shape[0] ?? 0) });
}

/** Keys and values of a layer by head: each key in front of its value. */
function byHead(tensors: Tensors, heads: number): void {
  for (const name of [...tensors.keys()]) {
    if (!name.endsWith('self_attn.k_proj.weight')) continue;
    const [key, value] = ['k_proj', 'v_proj'].map((of) => tensorOf(tensors, name.replace('k_proj', of)));
    const [rows = 0, columns = 0] = key!.shape;
    const size = key!.data.length / heads;
    const data = Array.from({ length: heads }, (_, head) =>
      [key!, value!].flatMap(({ data: own }) => [...own.subarray(head * size, (head + 1) * size)]),
    ).flat();
    for (const of of ['k_proj', 'v_proj']) tensors.delete(name.replace('k_proj', of));
    tensors.set(name.replace('k_proj', 'key_value'), { shape: [2 * rows, columns], data: Float32Array.from(data) });
  }
}

/** Rotary rows that lie pair by pair, in halves: of the last `rotary` rows of each `width` rows of the tensors that match. */
function halved(tensors: Tensors, names: RegExp, width: number, rotary: number): void {
  for (const [name, { shape, data }] of [...tensors]) {
    if (!names.test(name)) continue;
    const [rows = 0, columns = 0] = shape;
    const from = (row: number): number => {
      const at = (row % width) - (width - rotary);
      if (at < 0) return row;
      const half = rotary / 2;
      return row - at + (at < half ? 2 * at : 2 * (at - half) + 1);
    };
    const own = new Float32Array(data.length);
    for (let row = 0; row < rows; row++)
      own.set(data.subarray(from(row) * columns, (from(row) + 1) * columns), row * columns);
    tensors.set(name, { shape, data: own });
  }
}

/** Networks with more units: those beyond the stored ones give nothing. */
function ofMoreUnits(tensors: Tensors, units: number): void {
  for (const [name, { shape, data }] of [...tensors]) {
    const [rows = 0, columns = 0] = shape;
    if (/(gate|up)_proj\.weight$/.test(name)) {
      const more = new Float32Array(units * columns);
      more.set(data);
      tensors.set(name, { shape: [units, columns], data: more });
    }
    if (!name.endsWith('down_proj.weight')) continue;
    const wide = new Float32Array(rows * units);
    for (let row = 0; row < rows; row++) wide.set(data.subarray(row * columns, (row + 1) * columns), row * units);
    tensors.set(name, { shape: [rows, units], data: wide });
  }
}

/** One head of keys and values instead of two: the first. */
function fewerKeys(tensors: Tensors): void {
  for (const [name, { shape, data }] of [...tensors]) {
    if (!/[kv]_proj\.(weight|bias)$/.test(name)) continue;
    const [rows = 0, ...columns] = shape;
    tensors.set(name, { shape: [rows / 2, ...columns], data: data.slice(0, data.length / 2) });
  }
}

const absent = (...keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, undefined]));

/** Larger than the first release of Baichuan has. */
const manyWords = 100_001;

/** Words beyond those of the model, of which none is in the text; with `unit` each row of the head has the length 1. */
function moreWords(tensors: Tensors, unit: boolean): void {
  for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) {
    const { shape, data } = tensorOf(tensors, name);
    const [, width = 1] = shape;
    const own = new Float32Array(manyWords * width).fill(0.125);
    own.set(data);
    for (let row = 0; unit && name.startsWith('lm_head') && row < manyWords; row++) {
      const at = own.subarray(row * width, (row + 1) * width);
      const length = Math.hypot(...at);
      at.forEach((x, i) => (at[i] = x / length));
    }
    tensors.set(name, { shape: [manyWords, width], data: own });
  }
}

const plainLlama = 'llama--LlamaForCausalLM';
const ofClass = ['rms_norm_eps', 'rope_parameters', 'hidden_act', 'num_key_value_heads', 'head_dim', 'attention_bias'];
const windows = ['layer_types', 'max_window_layers', 'use_sliding_window', 'sliding_window'];

/** Mixtral's experts under the names of most others. */
const expertsInMlp = renamed(
  [/block_sparse_moe\./, 'mlp.'],
  [/\.w1\./, '.gate_proj.'],
  [/\.w3\./, '.up_proj.'],
  [/\.w2\./, '.down_proj.'],
);

/** A network beside the experts whose output is nothing. */
function withSilentNetwork(tensors: Tensors): void {
  for (const [name, { shape, data }] of [...tensors]) {
    if (!name.includes('experts.0.')) continue;
    const own = name.endsWith('down_proj.weight') ? new Float32Array(data.length) : data;
    tensors.set(name.replace('experts.0.', 'shared_experts.'), { shape, data: own });
  }
}

/** `transformer.h.{layer}.` in place of `model.layers.{layer}.`. */
const inTransformer = [
  [/^model\.embed_tokens/, 'transformer.wte'],
  [/^model\.norm/, 'transformer.ln_f'],
  [/^model\.layers\.(\d+)\./, 'transformer.h.$1.'],
] as const;

const asLing: Pick<Variant, 'config' | 'tensors'> = {
  config: {
    ...{ model_type: 'bailing_moe', architectures: ['BailingMoeForCausalLM'], num_experts: 8, norm_topk_prob: true },
    ...{ moe_intermediate_size: 32, num_shared_experts: 1, ...absent('num_local_experts', 'sliding_window') },
  },
  tensors: (tensors) => {
    oneProjection(tensors, 'query_key_value');
    expertsInMlp(tensors);
    withSilentNetwork(tensors);
    renamed(
      [/embed_tokens/, 'word_embeddings'],
      [/self_attn\.o_proj/, 'attention.dense'],
      [/self_attn\./, 'attention.'],
    )(tensors);
  },
};

/** Each column of the head over its length. */
function unitColumns(tensors: Tensors): void {
  const { shape, data } = tensorOf(tensors, 'lm_head.weight');
  const [rows = 0, columns = 1] = shape;
  const lengths = Array.from({ length: columns }, (_, at) =>
    Math.hypot(...Array.from({ length: rows }, (_row, row) => data[row * columns + at] ?? 0)),
  );
  tensors.set('lm_head.weight', { shape, data: data.map((x, at) => x / (lengths[at % columns] ?? 1)) });
}

export const ofOtherNames: readonly Variant[] = [
  { of: plainLlama, what: 'as XVERSE', config: { model_type: 'xverse', architectures: ['XverseForCausalLM'] } },
  {
    of: plainLlama,
    what: 'as openPangu',
    config: { model_type: 'PanguEmbedded', architectures: ['PanguEmbeddedForCausalLM'], bias: true },
    tensors: (tensors) => withBiases(tensors, /[qkvo]_proj\.weight$/),
  },
  {
    of: 'qwen2--Qwen2ForCausalLM',
    what: 'as InternLM3',
    config: { model_type: 'internlm3', architectures: ['InternLM3ForCausalLM'], qkv_bias: true, ...absent(...windows) },
  },
  {
    of: plainLlama,
    what: 'as Baichuan',
    config: {
      ...{ model_type: 'baichuan', architectures: ['BaichuanForCausalLM'] },
      ...absent('rope_parameters', 'num_key_value_heads', 'head_dim', 'attention_bias', 'mlp_bias', 'pretraining_tp'),
    },
    tensors: (tensors) => oneProjection(tensors, 'W_pack'),
  },
  {
    of: 'phi--PhiForCausalLM',
    what: 'in its first form',
    config: {
      ...{ model_type: 'mixformer-sequential', architectures: ['MixFormerSequentialForCausalLM'], rotary_dim: 8 },
      ...{ n_embd: 32, n_head: 2, n_layer: 2, n_positions: 512, layer_norm_epsilon: 1e-5 },
      activation_function: 'gelu',
      // The first form has four times as many units as the stream is wide.
      ...absent(...ofClass, 'hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size'),
      ...absent('max_position_embeddings', 'layer_norm_eps', 'partial_rotary_factor', 'qk_layernorm'),
    },
    tensors: (tensors) => {
      oneProjection(tensors, 'Wqkv');
      for (const [name, { shape, data }] of [...tensors]) {
        const [rows = 0, columns = 1] = shape;
        if (/fc1\.(weight|bias)$/.test(name)) {
          const more = new Float32Array(4 * data.length);
          more.set(data);
          tensors.set(name, { shape: shape.length === 1 ? [4 * rows] : [4 * rows, columns], data: more });
        }
        if (name.endsWith('fc2.weight')) {
          const wide = new Float32Array(4 * data.length);
          for (let row = 0; row < rows; row++)
            wide.set(data.subarray(row * columns, (row + 1) * columns), 4 * row * columns);
          tensors.set(name, { shape: [rows, 4 * columns], data: wide });
        }
      }
      renamed(
        [/^model\.embed_tokens/, 'layers.0.wte'],
        [/^model\.layers\.0\./, 'layers.1.'],
        [/^model\.layers\.1\./, 'layers.2.'],
        [/^model\.final_layernorm/, 'layers.3.ln'],
        [/^lm_head/, 'layers.3.linear'],
        [/input_layernorm/, 'ln'],
        [/self_attn\.dense/, 'mixer.out_proj'],
        [/self_attn\./, 'mixer.'],
      )(tensors);
    },
  },
  { of: 'mixtral--MixtralForCausalLM', what: 'as Ling', ...asLing },
  {
    of: 'mixtral--MixtralForCausalLM',
    what: 'as DeepSeek MoE',
    config: {
      ...{
        model_type: 'deepseek',
        architectures: ['DeepseekForCausalLM'],
        n_routed_experts: 8,
        scoring_func: 'softmax',
      },
      ...{ moe_intermediate_size: 32, norm_topk_prob: true, first_k_dense_replace: 0, moe_layer_freq: 1 },
      ...{ n_shared_experts: null, ...absent('num_local_experts', 'sliding_window') },
    },
    tensors: expertsInMlp,
  },
  {
    of: 'hunyuan_v1_moe--HunYuanMoEV1ForCausalLM',
    what: 'as it was published',
    config: {
      ...{ model_type: 'hunyuan', moe_topk: [2, 2], moe_intermediate_size: [32, 32], num_shared_expert: [1, 1] },
      ...{ attention_head_dim: 16, norm_topk_prob: true, use_qk_norm: true, ...absent('head_dim') },
    },
  },
  {
    // Factors that the weights take back, as MiniCPM's above, and rotary numbers in halves.
    of: 'youtu--YoutuForCausalLM',
    what: 'as MiniCPM3',
    config: {
      ...{ model_type: 'minicpm3', architectures: ['MiniCPM3ForCausalLM'] },
      ...{ scale_emb: 12, scale_depth: Math.SQRT1_2, dim_model_base: 8 },
      ...absent('rope_interleave', 'embedding_initializer_range'),
    },
    tensors: (tensors) => {
      halved(tensors, /q_b_proj/, 64, 32);
      halved(tensors, /kv_a_proj_with_mqa/, 48, 32);
      times(tensors, /embed_tokens/, 1 / 12);
      times(tensors, /o_proj|down_proj/, 2);
      times(tensors, /lm_head/, 4);
    },
  },
  {
    of: 'llama-linear--LlamaForCausalLM--hard',
    what: 'as Nemotron-NAS',
    config: {
      ...{ model_type: 'nemotron-nas', architectures: ['DeciLMForCausalLM'], num_key_value_heads: null },
      block_configs: Array.from({ length: 4 }, () => ({
        attention: { n_heads_in_group: 2, no_op: false, replace_with_linear: false },
        // 2 / 3 of 4 x 48, up to the next 256.
        ffn: { ffn_mult: 2, no_op: false, replace_with_linear: false },
      })),
    },
    tensors: (tensors) => ofMoreUnits(tensors, 256),
  },
  {
    of: 'qwen2--Qwen2ForCausalLM--hard',
    what: 'as MiMo',
    config: { model_type: 'mimo', architectures: ['MiMoForCausalLM'], attention_bias: true },
  },
  {
    of: 'llama-linear--LlamaForCausalLM--hard',
    what: 'as EXAONE 3',
    config: {
      ...{ model_type: 'exaone', architectures: ['ExaoneForCausalLM'], num_layers: 4, num_hidden_layers: undefined },
      ...{ layer_norm_epsilon: 1e-6, rms_norm_eps: undefined, activation_function: 'silu', hidden_act: undefined },
    },
    tensors: renamed(
      [/^model\.embed_tokens/, 'transformer.wte'],
      [/^model\.norm/, 'transformer.ln_f'],
      [/^model\.layers\.(\d+)\./, 'transformer.h.$1.'],
      [/self_attn\.o_proj/, 'attn.attention.out_proj'],
      [/self_attn/, 'attn.attention'],
      [/mlp\.gate_proj/, 'mlp.c_fc_0'],
      [/mlp\.up_proj/, 'mlp.c_fc_1'],
      [/mlp\.down_proj/, 'mlp.c_proj'],
      [/input_layernorm/, 'ln_1'],
      [/post_attention_layernorm/, 'ln_2'],
    ),
  },
  {
    of: 'llama-linear--LlamaForCausalLM--hard',
    what: 'as InternLM2',
    config: { model_type: 'internlm2', architectures: ['InternLM2ForCausalLM'], bias: false },
    tensors: (tensors) => {
      groupedProjection(tensors);
      renamed(
        [/^model\.embed_tokens/, 'model.tok_embeddings'],
        [/^lm_head/, 'output'],
        [/self_attn\.qkv/, 'attention.wqkv'],
        [/self_attn\.o_proj/, 'attention.wo'],
        [/mlp\.gate_proj/, 'feed_forward.w1'],
        [/mlp\.up_proj/, 'feed_forward.w3'],
        [/mlp\.down_proj/, 'feed_forward.w2'],
        [/input_layernorm/, 'attention_norm'],
        [/post_attention_layernorm/, 'ffn_norm'],
      )(tensors);
    },
  },
  {
    // Factors that the weights take back: on the embedding, on what each branch adds, and under the logits (48 / 12).
    of: 'llama-linear--LlamaForCausalLM--hard',
    what: 'as MiniCPM',
    config: {
      ...{ model_type: 'minicpm', architectures: ['MiniCPMForCausalLM'] },
      ...{ scale_emb: 12, scale_depth: 1, dim_model_base: 12 },
    },
    tensors: (tensors) => {
      times(tensors, /embed_tokens/, 1 / 12);
      times(tensors, /o_proj|down_proj/, 2);
      times(tensors, /lm_head/, 4);
    },
  },
];

const silu = { hidden_act: 'silu' };
/** Beside a model of a class whose outputs at other values are in its folder: code with one activation, another base. */
export const pairsOfOtherNames: readonly Pair[] = [
  {
    of: 'qwen2--Qwen2ForCausalLM',
    what: 'as the Transformer of flash-linear-attention',
    one: {
      config: {
        ...{ model_type: 'transformer', architectures: ['TransformerForCausalLM'], num_heads: 2, num_kv_heads: 1 },
        ...{ norm_eps: 1e-6, rope_theta: 10_000, window_size: 4, qkv_bias: true, hidden_act: 'swish' },
        ...absent(...ofClass.filter((key) => key !== 'hidden_act'), ...windows, 'num_attention_heads'),
      },
      tensors: (tensors) => {
        fewerKeys(tensors);
        renamed(
          [/embed_tokens/, 'embeddings'],
          [/self_attn/, 'attn'],
          [/input_layernorm/, 'attn_norm'],
          [/post_attention_layernorm/, 'mlp_norm'],
        )(tensors);
      },
    },
    other: {
      config: {
        ...{ hidden_act: 'silu', use_sliding_window: true, sliding_window: 4, max_window_layers: 0 },
        ...{ layer_types: ['sliding_attention', 'sliding_attention'], num_key_value_heads: 1 },
      },
      tensors: fewerKeys,
    },
  },
  {
    of: 'mixtral--MixtralForCausalLM',
    what: 'as Ling with unit columns',
    one: { ...asLing, config: { ...asLing.config, norm_head: true } },
    other: {
      config: asLing.config,
      tensors: (tensors) => {
        asLing.tensors?.(tensors);
        unitColumns(tensors);
      },
    },
  },
  {
    of: 'llama-linear--LlamaForCausalLM--hard',
    what: 'as Nemotron-NAS with halves that were left out',
    one: {
      config: {
        ...{ model_type: 'nemotron-nas', architectures: ['DeciLMForCausalLM'], num_key_value_heads: null },
        block_configs: Array.from({ length: 4 }, (_, layer) => ({
          attention: layer === 1 ? { no_op: true } : { n_heads_in_group: 2 },
          ffn: layer === 2 ? { no_op: true } : { ffn_mult: 2 },
        })),
      },
      tensors: (tensors) => {
        ofMoreUnits(tensors, 256);
        for (const name of [...tensors.keys()])
          if (/layers\.(1\.(self_attn|input_)|2\.(mlp|post_))/.test(name)) tensors.delete(name);
      },
    },
    other: {
      config: {},
      tensors: (tensors) => times(tensors, /layers\.(1\.self_attn\.o_proj|2\.mlp\.down_proj)/, 0),
    },
  },
  {
    of: 'qwen3--Qwen3ForCausalLM',
    what: 'as OpenELM',
    one: {
      config: {
        ...{ model_type: 'openelm', architectures: ['OpenELMForCausalLM'], model_dim: 32, num_transformer_layers: 2 },
        ...{ num_query_heads: [2, 2], num_kv_heads: [2, 2], ffn_multipliers: [1, 1], ffn_dim_divisor: 32 },
        ...{
          activation_fn_name: 'gelu',
          rope_freq_constant: 500_000,
          max_context_length: 512,
          share_input_output_layers: false,
        },
        ...absent(
          ...ofClass,
          ...windows,
          'hidden_size',
          'num_hidden_layers',
          'num_attention_heads',
          'intermediate_size',
        ),
        ...absent('max_position_embeddings', 'tie_word_embeddings', 'attention_dropout'),
        head_dim: 16,
      },
      tensors: (tensors) => {
        oneProjection(tensors, 'qkv_proj');
        for (const name of [...tensors.keys()])
          if (name.endsWith('gate_proj.weight'))
            stacked(tensors, [name, name.replace('gate', 'up')], name.replace('gate_proj', 'proj_1'));
        renamed(
          [/^model\.embed_tokens/, 'transformer.token_embeddings'],
          [/^model\./, 'transformer.'],
          [/self_attn\.o_proj/, 'attn.out_proj'],
          [/self_attn/, 'attn'],
          [/mlp\.down_proj/, 'ffn.proj_2'],
          [/mlp\./, 'ffn.'],
          [/input_layernorm/, 'attn_norm'],
          [/post_attention_layernorm/, 'ffn_norm'],
        )(tensors);
      },
    },
    other: { config: { rope_parameters: { rope_type: 'default', rope_theta: 500_000 } } },
  },
  {
    of: 'qwen2--Qwen2ForCausalLM',
    what: 'as Qwen',
    one: {
      config: {
        ...{ model_type: 'qwen', architectures: ['QWenLMHeadModel'], no_bias: true, kv_channels: 16, seq_length: 32 },
        // Gate and value together.
        ...{ intermediate_size: 64, layer_norm_epsilon: 1e-6, rotary_emb_base: 10_000, use_logn_attn: true },
        ...{ use_dynamic_ntk: true, ...absent(...ofClass, ...windows) },
      },
      tensors: (tensors) => {
        oneProjection(tensors, 'c_attn');
        renamed(
          ...inTransformer,
          [/self_attn\.o_proj/, 'attn.c_proj'],
          [/self_attn/, 'attn'],
          [/mlp\.gate_proj/, 'mlp.w2'],
          [/mlp\.up_proj/, 'mlp.w1'],
          [/mlp\.down_proj/, 'mlp.c_proj'],
          [/input_layernorm/, 'ln_1'],
          [/post_attention_layernorm/, 'ln_2'],
        )(tensors);
      },
    },
    other: { config: silu },
  },
  {
    of: 'glm--GlmForCausalLM',
    what: 'as ChatGLM',
    one: {
      config: {
        ...{ model_type: 'chatglm', architectures: ['ChatGLMForConditionalGeneration'], ffn_hidden_size: 32 },
        ...{ num_layers: 2, padded_vocab_size: 99, rope_ratio: 50, seq_length: 512, kv_channels: 16, rmsnorm: true },
        ...{ multi_query_attention: true, multi_query_group_num: 2, layernorm_epsilon: 1.5625e-7 },
        ...{ add_qkv_bias: true, add_bias_linear: false, ...absent(...ofClass, 'partial_rotary_factor') },
        ...absent('intermediate_size', 'num_hidden_layers', 'vocab_size', 'max_position_embeddings'),
      },
      tensors: (tensors) => {
        oneProjection(tensors, 'query_key_value');
        renamed(
          [/^model\.embed_tokens/, 'transformer.embedding.word_embeddings'],
          [/^model\.norm/, 'transformer.encoder.final_layernorm'],
          [/^lm_head/, 'transformer.output_layer'],
          [/^model\./, 'transformer.encoder.'],
          [/self_attn\.o_proj/, 'self_attention.dense'],
          [/self_attn/, 'self_attention'],
          [/gate_up_proj/, 'dense_h_to_4h'],
          [/down_proj/, 'dense_4h_to_h'],
        )(tensors);
      },
    },
    other: {
      config: {
        ...silu,
        rope_parameters: { rope_type: 'default', rope_theta: 500_000, partial_rotary_factor: 0.5 },
      },
    },
  },
  {
    of: plainLlama,
    what: 'as TeleChat',
    one: {
      config: {
        ...{ model_type: 'telechat', architectures: ['TelechatForCausalLM'], n_layer: 2, n_head: 2 },
        ...{ ffn_hidden_size: 32, layer_norm_epsilon: 1e-6, seq_length: 512, training_seqlen: 256, base_seqlen: 256 },
        ...absent(...ofClass, 'num_hidden_layers', 'num_attention_heads', 'intermediate_size', 'mlp_bias'),
        ...absent('max_position_embeddings'),
      },
      tensors: (tensors) => {
        withBiases(tensors, /(o_proj|down_proj)\.weight$/);
        byHead(tensors, 2);
        renamed(
          ...inTransformer,
          [/^transformer\.wte/, 'transformer.word_embeddings'],
          [/^lm_head/, 'lm_head'],
          [/self_attn\.q_proj/, 'self_attention.query'],
          [/self_attn\.o_proj/, 'self_attention.dense'],
          [/self_attn/, 'self_attention'],
        )(tensors);
      },
    },
    other: { config: silu },
  },
  {
    of: 'helium--HeliumForCausalLM',
    what: 'as MiniMind',
    one: {
      config: {
        ...{ model_type: 'minimind', architectures: ['MiniMindLM'], dim: 32, n_layers: 2, n_heads: 2, n_kv_heads: 2 },
        ...{ hidden_dim: 32, norm_eps: 1e-8, max_seq_len: 512, rope_theta: 100_000, multiple_of: 16 },
        ...absent(...ofClass, 'hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size'),
        ...absent('max_position_embeddings', 'mlp_bias', 'attention_dropout'),
      },
      tensors: renamed(
        [/^model\.embed_tokens/, 'tok_embeddings'],
        [/^model\./, ''],
        [/^lm_head/, 'output'],
        [/self_attn\.([qkvo])_proj/, 'attention.w$1'],
        [/mlp\.gate_proj/, 'feed_forward.w1'],
        [/mlp\.up_proj/, 'feed_forward.w3'],
        [/mlp\.down_proj/, 'feed_forward.w2'],
        [/input_layernorm/, 'attention_norm'],
        [/post_attention_layernorm/, 'ffn_norm'],
      ),
    },
    other: { config: silu },
  },
  {
    // A vocabulary as large as that of the second release, whose rows count by their direction alone.
    of: plainLlama,
    what: 'as Baichuan 2',
    one: {
      config: {
        ...{ model_type: 'baichuan', architectures: ['BaichuanForCausalLM'], vocab_size: manyWords },
        ...absent('rope_parameters', 'num_key_value_heads', 'head_dim', 'attention_bias', 'mlp_bias', 'pretraining_tp'),
      },
      tensors: (tensors) => {
        moreWords(tensors, false);
        oneProjection(tensors, 'W_pack');
      },
    },
    other: { config: { vocab_size: manyWords }, tensors: (tensors) => moreWords(tensors, true) },
  },
];
