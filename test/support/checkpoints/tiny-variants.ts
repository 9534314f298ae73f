/**
 * The tiny checkpoints once more, with keys of their configuration classes at values that are not the default: what a run must
 * follow, and what a model that ignores the key would get wrong. Expected values are the float64 passes of test/support/reference.
 */
import { llamaLikeRun, type LlamaLikeConfig } from '../reference/llama-like';
import {
  bertRun,
  gpt2Run,
  gptNeoxRun,
  optRun,
  type BertConfig,
  type Gpt2Config,
  type GptNeoxConfig,
  type OptConfig,
} from '../reference/other-families';
import type { Parameters, ReferenceRun } from '../reference/vectors';
import { llamaLike, tinyModel, type TinyModel } from './tiny-models';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** `without` drops tensors by their names. */
function variant<T>(
  of: string,
  name: string,
  extras: Readonly<Record<string, unknown>>,
  run: (config: T, p: Parameters, ids: readonly number[]) => ReferenceRun,
  { without = /^$/, also = {} }: { readonly without?: RegExp; readonly also?: Shapes } = {},
): TinyModel {
  const base = tinyModel(of);
  const config = { ...base.config, ...extras };
  const kept = Object.entries(base.shapes).filter(([tensor]) => !without.test(tensor));
  return {
    name: `${of}: ${name}`,
    config,
    shapes: { ...Object.fromEntries(kept), ...also },
    run: (p, ids) => run(config as unknown as T, p, ids),
  };
}

/** Biases of the named maps of every layer; a map is as wide as its weight has rows. */
const biased = ({ config, shapes, ...rest }: TinyModel, maps: RegExp): TinyModel => ({
  ...rest,
  config,
  shapes: {
    ...shapes,
    ...Object.fromEntries(
      Object.entries(shapes).flatMap(([name, [rows = 0]]) =>
        maps.test(name) ? [[name.replace(/weight$/, 'bias'), [rows]]] : [],
      ),
    ),
  },
});

const attentionMaps = /self_attn\.\w_proj\.weight$/;
const linear = { rope_type: 'linear', factor: 2 };

/** A config in the names of transformers 5: without the rotary keys of before. */
function ofRelease5(name: string, type: string, extras: Readonly<Record<string, unknown>>): TinyModel {
  const made = llamaLike(name, type, { rms_norm_eps: 1e-2, transformers_version: '5.2.0', ...extras });
  const { rope_theta: _theta, ...config } = made.config;
  return { ...made, config, run: (p, ids) => llamaLikeRun(config as unknown as LlamaLikeConfig, p, ids) };
}

const kinds = ['sliding_attention', 'full_attention'] as const;
const reversed = ['full_attention', 'sliding_attention'] as const;

export const tinyVariants: readonly TinyModel[] = [
  biased(
    ofRelease5('llama: biases, wide heads, rope_parameters', 'llama', {
      head_dim: 12,
      attention_bias: true,
      mlp_bias: true,
      rope_parameters: { ...linear, rope_theta: 500 },
    }),
    /(self_attn|mlp)\.\w+_proj\.weight$/,
  ),
  ofRelease5('mistral: wide heads, tied, rope_parameters', 'mistral', {
    head_dim: 12,
    sliding_window: 5,
    tie_word_embeddings: true,
    rope_parameters: { rope_type: 'default', rope_theta: 500 },
  }),
  ofRelease5('qwen2: windows from a layer on, tied', 'qwen2', {
    use_sliding_window: true,
    sliding_window: 5,
    max_window_layers: 1,
    tie_word_embeddings: true,
    rope_parameters: { ...linear, rope_theta: 500 },
  }),
  ofRelease5('qwen2: windows by a list, wide heads', 'qwen2', {
    head_dim: 12,
    use_sliding_window: true,
    sliding_window: 5,
    layer_types: kinds,
    rope_parameters: { rope_type: 'default', rope_theta: 500 },
  }),
  biased(
    ofRelease5('qwen3: windows, biases, tied', 'qwen3', {
      head_dim: 12,
      attention_bias: true,
      use_sliding_window: true,
      sliding_window: 5,
      max_window_layers: 1,
      layer_types: kinds,
      tie_word_embeddings: true,
      rope_parameters: { ...linear, rope_theta: 500 },
    }),
    attentionMaps,
  ),
  biased(
    ofRelease5('gemma: biases, not tied', 'gemma', {
      head_dim: 12,
      attention_bias: true,
      tie_word_embeddings: false,
      rope_parameters: { ...linear, rope_theta: 500 },
    }),
    attentionMaps,
  ),
  biased(
    ofRelease5('gemma2: biases, not tied, windows by a list', 'gemma2', {
      head_dim: 12,
      attention_bias: true,
      tie_word_embeddings: false,
      sliding_window: 5,
      layer_types: reversed,
      query_pre_attn_scalar: 10,
      attn_logit_softcapping: 5,
      final_logit_softcapping: 3,
      hidden_activation: 'gelu_pytorch_tanh',
      rope_parameters: { ...linear, rope_theta: 500 },
    }),
    attentionMaps,
  ),
  biased(
    ofRelease5('gemma3: in both directions, biases, not tied', 'gemma3_text', {
      head_dim: 12,
      num_hidden_layers: 2,
      attention_bias: true,
      tie_word_embeddings: false,
      // Half of it and one: a distance of less than 5, on either side.
      sliding_window: 9,
      sliding_window_pattern: 2,
      use_bidirectional_attention: true,
      query_pre_attn_scalar: 10,
      final_logit_softcapping: 3,
      hidden_activation: 'gelu_pytorch_tanh',
      rope_parameters: {
        full_attention: { ...linear, rope_theta: 500 },
        sliding_attention: { rope_type: 'default', rope_theta: 300 },
      },
    }),
    attentionMaps,
  ),
  llamaLike('gemma3: windows by a list, rotary keys of transformers 4', 'gemma3_text', {
    head_dim: 12,
    sliding_window: 5,
    layer_types: reversed,
    query_pre_attn_scalar: 10,
    hidden_activation: 'gelu_pytorch_tanh',
    rope_theta: 500,
    rope_scaling: linear,
    rope_local_base_freq: 300,
  }),
  ofRelease5('phi3: half of each head turns, a window, tied', 'phi3', {
    partial_rotary_factor: 0.5,
    sliding_window: 5,
    tie_word_embeddings: true,
    rope_parameters: { rope_type: 'default', rope_theta: 500, partial_rotary_factor: 0.5 },
  }),
  llamaLike('phi3: longrope with a length of its own, wide heads', 'phi3', {
    head_dim: 12,
    original_max_position_embeddings: 16,
    rope_scaling: { rope_type: 'longrope', short_factor: [1, 2, 3, 4, 5, 6], long_factor: [1.5, 2, 3, 5, 8, 9] },
  }),
  variant<Gpt2Config>(
    'gpt2',
    'scores by layer and not by width, a narrow network, a head of its own, the other names of sizes',
    {
      ...{ n_embd: undefined, n_head: undefined, n_layer: undefined, n_positions: undefined, n_ctx: undefined },
      ...{ hidden_size: 32, num_attention_heads: 4, num_hidden_layers: 2, max_position_embeddings: 128 },
      scale_attn_weights: false,
      scale_attn_by_inverse_layer_idx: true,
      tie_word_embeddings: false,
      layer_norm_epsilon: 1e-2,
      n_inner: 40,
    },
    (config, p, ids) => gpt2Run({ ...config, n_embd: 32, n_head: 4, n_layer: 2 }, p, ids),
    {
      also: {
        'lm_head.weight': [61, 32],
        ...Object.fromEntries(
          [0, 1].flatMap((l) => [
            [`transformer.h.${l}.mlp.c_fc.weight`, [32, 40]],
            [`transformer.h.${l}.mlp.c_fc.bias`, [40]],
            [`transformer.h.${l}.mlp.c_proj.weight`, [40, 32]],
          ]),
        ),
      },
    },
  ),
  variant<GptNeoxConfig>(
    'gpt_neox',
    'no biases in attention, tied, rope_parameters',
    {
      attention_bias: false,
      tie_word_embeddings: true,
      layer_norm_eps: 1e-2,
      rotary_pct: undefined,
      rotary_emb_base: undefined,
      rope_parameters: { rope_type: 'default', rope_theta: 500, partial_rotary_factor: 0.5 },
    },
    gptNeoxRun,
    { without: /attention\.\w+\.bias$|embed_out/ },
  ),
  variant<OptConfig>(
    'opt',
    'norms without weights, no biases, no last norm, a head of its own',
    {
      layer_norm_elementwise_affine: false,
      enable_bias: false,
      _remove_final_layer_norm: true,
      tie_word_embeddings: false,
    },
    optRun,
    { without: /layer_norm|\.bias$/, also: { 'lm_head.weight': [61, 32] } },
  ),
  variant<OptConfig>('opt', 'norms without weights', { layer_norm_elementwise_affine: false }, optRun, {
    without: /layer_norm/,
  }),
  variant<BertConfig>(
    'bert',
    'a decoder, a head of its own, three types',
    { is_decoder: true, tie_word_embeddings: false, layer_norm_eps: 1e-2, type_vocab_size: 3 },
    bertRun,
    {
      also: {
        'bert.embeddings.token_type_embeddings.weight': [3, 32],
        'cls.predictions.decoder.weight': [61, 32],
      },
    },
  ),
];
