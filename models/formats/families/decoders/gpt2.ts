import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import type { Layer, ModelPart } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { activations, gptSizes, headWidth, honoured, idle, idleOfText, only } from '../shared/run-keys';

/** `n_inner` null or absent means four times the width. An `intermediate_size` beside it is read by none of these classes but one. */
const inner = (reader: ConfigReader, key = 'n_inner'): Partial<TransformerChoice> => {
  const written = reader.integer(key, 1);
  const hidden = reader.integer('hidden_size') ?? 0;
  if (written === undefined) reader.derive('n_inner', 4 * hidden, '4 * n_embd');
  return { gated: false, norm: 'layer', intermediateSize: written ?? 4 * hidden };
};

const gpt2Layout: DecoderLayout = {
  root: 'transformer.',
  embedding: 'wte',
  layer: 'h.{layer}.',
  attention: {
    prefix: 'attn.',
    projections: ['c_attn'],
    output: 'c_proj',
    inputBias: true,
    outputBias: true,
    transposed: true,
  },
  mlp: { prefix: 'mlp.', inputs: ['c_fc'], output: 'c_proj', bias: true },
  norms: ['ln_1', 'ln_2'],
  normBias: true,
  finalNorm: 'ln_f',
  positions: { name: 'wpe' },
};

/** transformers GPT2Config: scores are divided by layer index + 1 where this is set (Mistral's GPT-2 of 2021). */
const gpt2Scale = (part: ModelPart, { index, attention }: Layer): number =>
  (flag(part, 'scale_attn_weights', true) ? attention.headDim ** -0.5 : 1) /
  (flag(part, 'scale_attn_by_inverse_layer_idx') ? index + 1 : 1);

const gpt2Keys = {
  ...gptSizes,
  ...honoured('n_inner', 'scale_attn_weights', 'scale_attn_by_inverse_layer_idx'),
  ...only(activations, 'activation_function'),
  ...only([false], 'add_cross_attention'),
  ...idle('the order of products and their precision under float16', 'reorder_and_upcast_attn'),
  ...idle('of classifiers and multiple choice', 'summary_activation', 'summary_proj_to_labels', 'summary_type'),
  ...idle('of classifiers and multiple choice', 'summary_use_proj'),
  ...idle('n_positions says it', 'n_ctx'),
};

/** GPT-J and CodeGen rotate so many numbers of each head, or all where the key is null. */
const rotaryGptKeys = {
  ...gptSizes,
  ...honoured('n_inner', 'rotary_dim'),
  ...only(activations, 'activation_function'),
  ...idle('n_positions says it', 'n_ctx'),
};

export const gpt2 = decoderFamily({
  id: 'gpt2',
  title: 'GPT-2',
  types: ['gpt2'],
  architectures: /^GPT2/,
  tied: true,
  run: gpt2Keys,
  choice: (reader) => ({ ...inner(reader), positions: 'learned' }),
  computes: { scale: gpt2Scale },
  layout: gpt2Layout,
});

/**
 * GPT-2 over the colours of pixels: 512 of them, and one that begins a picture, which it does not predict. Its class in transformers 5.2
 * divides scores by the root of a head's width rounded down (`torch_float` cuts it), which is wrong for the medium and large models.
 * Headscope divides by the root itself, as they were trained.
 */
export const imageGpt = decoderFamily({
  id: 'imagegpt',
  title: 'ImageGPT',
  types: ['imagegpt'],
  architectures: /^ImageGPT/,
  run: gpt2Keys,
  choice: (reader) => ({ ...inner(reader), norm: 'rms', positions: 'learned' }),
  computes: { scale: gpt2Scale },
  layout: { ...gpt2Layout, normBias: false, outputs: (part) => (part.vocabularySize ?? 1) - 1 },
});

export const gptBigcode = decoderFamily({
  id: 'gpt_bigcode',
  title: 'GPTBigCode',
  types: ['gpt_bigcode'],
  architectures: /^GPTBigCode/,
  tied: true,
  run: {
    ...gptSizes,
    ...honoured('n_inner', 'multi_query', 'scale_attn_weights'),
    ...only(activations, 'activation_function'),
    ...only([false], 'add_cross_attention'),
    ...idle('multi_query says it', 'num_key_value_heads'),
    ...idle('their precision under float16', 'attention_softmax_in_fp32', 'scale_attention_softmax_in_fp32'),
  },
  computes: { scale: gpt2Scale, fused: ({ kvHeads }) => ({ groups: kvHeads }) },
  choice: (reader) => {
    const heads = reader.integer('num_attention_heads') ?? 0;
    return { ...inner(reader), positions: 'learned', kvHeads: reader.boolean('multi_query') === false ? heads : 1 };
  },
  layout: { ...gpt2Layout, attention: { ...gpt2Layout.attention, transposed: false } },
});

export const gptJ = decoderFamily({
  id: 'gptj',
  title: 'GPT-J',
  types: ['gptj'],
  architectures: /^GPTJ/,
  run: rotaryGptKeys,
  choice: (reader) => {
    const dimensions = reader.integer('rotary_dim', 1);
    return { ...inner(reader), rope: { layout: 'interleaved', ...(dimensions === undefined ? {} : { dimensions }) } };
  },
  layout: {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'h.{layer}.',
    attention: { prefix: 'attn.', projections: ['q_proj', 'k_proj', 'v_proj'], output: 'out_proj' },
    mlp: { prefix: 'mlp.', inputs: ['fc_in'], output: 'fc_out', bias: true },
    norms: ['ln_1'],
    normBias: true,
    finalNorm: 'ln_f',
    headBias: true,
  },
});

export const codegen = decoderFamily({
  id: 'codegen',
  title: 'CodeGen',
  types: ['codegen'],
  architectures: /^CodeGen/,
  run: { ...rotaryGptKeys, ...headWidth('head_dim') },
  // Written for four processors: each has the queries, then the values, then the keys of a fourth of the heads.
  computes: { fused: () => ({ groups: 4, order: ['query', 'value', 'key'] }) },
  choice: (reader) => {
    const dimensions = reader.integer('rotary_dim', 1);
    const heads = reader.integer('num_attention_heads') ?? 0;
    return {
      ...inner(reader),
      ...(heads > 0 ? { headDim: Math.floor((reader.integer('hidden_size') ?? 0) / heads) } : {}),
      rope: { layout: 'interleaved', ...(dimensions === undefined ? {} : { dimensions }) },
    };
  },
  layout: {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'h.{layer}.',
    attention: { prefix: 'attn.', projections: ['qkv_proj'], output: 'out_proj' },
    mlp: { prefix: 'mlp.', inputs: ['fc_in'], output: 'fc_out', bias: true },
    norms: ['ln_1'],
    normBias: true,
    finalNorm: 'ln_f',
    headBias: true,
  },
});

/** Every second layer has a window; queries, keys and values without biases. */
export const gptNeo = decoderFamily({
  id: 'gpt_neo',
  title: 'GPT-Neo',
  types: ['gpt_neo'],
  architectures: /^GPTNeo(For|Model)/,
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'num_layers', 'num_heads', 'intermediate_size', 'max_position_embeddings'),
    ...honoured('num_hidden_layers', 'num_attention_heads', 'layer_norm_epsilon', 'tie_word_embeddings'),
    ...honoured('attention_types', 'attention_layers', 'window_size'),
    ...only(activations, 'activation_function'),
  },
  // Scores are products alone.
  computes: { scale: () => 1 },
  choice: (reader) => ({ ...inner(reader, 'intermediate_size'), positions: 'learned' }),
  layout: {
    ...gpt2Layout,
    attention: {
      prefix: 'attn.attention.',
      projections: ['q_proj', 'k_proj', 'v_proj'],
      output: 'out_proj',
      inputBias: false,
      outputBias: true,
    },
  },
});
