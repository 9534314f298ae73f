import type { ModelPart } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { namedExperts, separateExperts, type DecoderLayout } from '../shared/decoder-layout';
import { writeDecoder } from '../shared/layout-tensors';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
import { softmaxByKey } from '../shared/routers';
import { llamaLayout } from './llama';
import { alibiSlopes } from '../../../../kernels/mechanisms/alibi-slopes';
import { activations, honoured, idle, idleOfText, llamaLikeKeys, only, routerIdle } from '../shared/run-keys';

/**
 * Families that are published with their own modelling code and are in no library: their files give every size, so there
 * are no defaults beyond those of that code.
 */

const sizesOfText = honoured(
  ...['vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads'],
  ...['max_position_embeddings', 'tie_word_embeddings'],
);

/** The first Qwen. Its intermediate_size is the width of gate and value together. */
export const qwen = decoderFamily({
  id: 'qwen',
  title: 'Qwen',
  types: ['qwen'],
  run: {
    ...idleOfText,
    ...sizesOfText,
    ...honoured('kv_channels', 'rotary_emb_base', 'layer_norm_epsilon', 'seq_length'),
    ...honoured('use_dynamic_ntk', 'use_logn_attn'),
    ...only([1], 'rotary_pct'),
    ...idle('the code reads rotary_emb_base', 'rope_theta'),
    ...only([true], 'scale_attn_weights', 'no_bias'),
    // Keys of the code before the first release.
    ...only(['swiglu', null], 'activation'),
    ...honoured('ffn_hidden_size', 'n_positions', 'n_embd', 'n_layer', 'n_head'),
    ...idle('drops activations in training alone', 'attn_dropout_prob', 'emb_dropout_prob'),
    ...idle('which program computes it, and in what numbers', 'bf16', 'fp16', 'fp32', 'onnx_safe', 'use_flash_attn'),
    ...idle('which program computes it, and in what numbers', 'use_cache_kernel', 'use_cache_quantization'),
    ...idle('which program computes it, and in what numbers', 'softmax_in_fp32'),
  },
  computes: {
    activation: () => 'silu',
    // Beyond `seq_length` frequencies are stretched and queries scaled with the logarithm of their position.
    readsAllOf: (part) =>
      flag(part, 'use_dynamic_ntk') || flag(part, 'use_logn_attn') ? amount(part, 'seq_length') : undefined,
  },
  record: ['no_bias'],
  choice: (reader) => {
    const both = reader.integer('intermediate_size') ?? 0;
    return { intermediateSize: Math.floor(both / 2), rope: { thetaKey: 'rotary_emb_base' } };
  },
  layout: {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'h.{layer}.',
    attention: {
      prefix: 'attn.',
      projections: ['c_attn'],
      output: 'c_proj',
      inputBias: true,
      outputBias: (part) => !flag(part, 'no_bias', true),
    },
    mlp: { prefix: 'mlp.', inputs: ['w2', 'w1'], output: 'c_proj', bias: (part) => !flag(part, 'no_bias', true) },
    norms: ['ln_1', 'ln_2'],
    finalNorm: 'ln_f',
  },
});

/** Rotary in the 7B models, ALiBi in the 13B ones, which differ in their width alone. */
export const baichuan = decoderFamily({
  id: 'baichuan',
  title: 'Baichuan',
  types: ['baichuan'],
  run: {
    ...idleOfText,
    ...sizesOfText,
    ...honoured('rms_norm_eps'),
    ...only(activations, 'hidden_act'),
    ...idle('the same as max_position_embeddings, for the tokenizer', 'model_max_length'),
    ...idle('a loss of training', 'z_loss_weight'),
    ...idle('the code has them fixed', 'gradient_checkpointing', '_from_model_config', 'max_length'),
  },
  computes: {
    alibi: ({ heads }) => ({ slopes: alibiSlopes(heads) }),
    // The second release has twice the vocabulary of the first (64,000), and no key that tells it.
    unitHead: ({ vocabularySize = 0 }) => (vocabularySize > 100_000 ? 'rows' : undefined),
  },
  choice: (reader) => ({ positions: reader.integer('hidden_size') === 5120 ? 'alibi' : 'rope', norm: 'rms' }),
  layout: {
    ...llamaLayout,
    attention: { prefix: 'self_attn.', projections: ['W_pack'], output: 'o_proj' },
  },
});

/**
 * ChatGLM2 and 3, and the first ChatGLM, which has none of their keys: a rotary embedding for each of two positions (where a
 * word stands and how far it is into what is written), norms with biases, a plain network.
 */
const isFirst = (part: { readonly fields: ModelPart['fields'] }): boolean =>
  part.fields['inner_hidden_size'] !== undefined || part.fields['position_encoding_2d'] !== undefined;

const laterGlm: DecoderLayout = {
  root: 'transformer.',
  embedding: 'embedding.word_embeddings',
  layer: 'encoder.layers.{layer}.',
  attention: {
    prefix: 'self_attention.',
    projections: ['query_key_value'],
    output: 'dense',
    inputBias: (part) => flag(part, 'add_qkv_bias') || flag(part, 'add_bias_linear'),
    outputBias: (part) => flag(part, 'add_bias_linear'),
  },
  mlp: {
    prefix: 'mlp.',
    inputs: ['dense_h_to_4h'],
    fused: true,
    output: 'dense_4h_to_h',
    bias: (part) => flag(part, 'add_bias_linear'),
  },
  norms: ['input_layernorm', 'post_attention_layernorm'],
  normBias: (part) => part.fields['rmsnorm']?.value === false,
  finalNorm: 'encoder.final_layernorm',
  head: 'transformer.output_layer',
};

const firstGlm = writeDecoder({
  root: 'transformer.',
  embedding: 'word_embeddings',
  layer: 'layers.{layer}.',
  attention: {
    prefix: 'attention.',
    projections: ['query_key_value'],
    output: 'dense',
    inputBias: true,
    outputBias: true,
  },
  mlp: { prefix: 'mlp.', inputs: ['dense_h_to_4h'], output: 'dense_4h_to_h', bias: true },
  norms: ['input_layernorm', 'post_attention_layernorm'],
  normBias: true,
  finalNorm: 'final_layernorm',
});

export const chatGlm: StackFamily = {
  ...decoderFamily({
    id: 'chatglm',
    title: 'ChatGLM',
    types: ['chatglm'],
    run: {
      ...idleOfText,
      ...honoured('hidden_size', 'num_layers', 'num_attention_heads', 'ffn_hidden_size', 'padded_vocab_size'),
      ...honoured('kv_channels', 'multi_query_attention', 'multi_query_group_num', 'layernorm_epsilon'),
      ...honoured('seq_length', 'rope_ratio', 'tie_word_embeddings', 'add_qkv_bias', 'add_bias_linear'),
      // Its code rotates half of a head.
      ...honoured('partial_rotary_factor'),
      ...only([true], 'rmsnorm', 'post_layer_norm'),
      ...only([false], 'apply_residual_connection_post_layernorm'),
      ...only([0, null], 'pre_seq_len'),
      // The first ChatGLM.
      ...only([null], 'inner_hidden_size', 'position_encoding_2d', 'quantization_bit'),
      ...idle('divides by the number of a layer and multiplies by it again', 'apply_query_key_layer_scaling'),
      ...idle('which program computes it, and in what numbers', 'attention_softmax_in_fp32', 'bias_dropout_fusion'),
      ...idle('which program computes it, and in what numbers', 'fp32_residual_connection', 'original_rope'),
      ...idle('which program computes it, and in what numbers', 'kv_cache_dtype', 'interleaved_qkv'),
      ...idle('of prefixes that were tuned', 'prefix_projection'),
      ...idle('there are no more', 'num_hidden_layers', 'vocab_size'),
    },
    computes: { activation: () => 'silu' },
    layout: laterGlm,
    record: [
      'add_qkv_bias',
      'add_bias_linear',
      'multi_query_attention',
      'kv_channels',
      'rmsnorm',
      'pre_seq_len',
      'rope_ratio',
    ],
    choice: (reader) => {
      const first = ['inner_hidden_size', 'position_encoding_2d'].some((key) => reader.has(key));
      for (const key of ['inner_hidden_size', 'position_encoding_2d']) reader.raw(key);
      const width = reader.integer('hidden_size') ?? 0;
      const heads = reader.integer('num_attention_heads') ?? 0;
      const headDim = reader.integer('kv_channels', 1) ?? (heads > 0 ? Math.floor(width / heads) : 0);
      return {
        positions: 'rope',
        norm: first || reader.raw('rmsnorm') === false ? 'layer' : 'rms',
        gated: !first,
        headDim,
        // Half of a head: for each of two positions in the first form, for the one position in the later ones.
        rope: { dimensions: Math.floor(headDim / 2), layout: first ? 'half' : 'interleaved' },
      };
    },
    // ChatGLM3's long form multiplies the base (50 for 32k).
    finish: (part) => {
      const ratio = amount(part, 'rope_ratio') ?? 1;
      return ratio > 0 ? { ...part, ropes: part.ropes.map((rope) => ({ ...rope, theta: rope.theta * ratio })) } : part;
    },
  }),
  // Prefixes that were tuned are tensors beside these.
  exact: (part) => (amount(part, 'pre_seq_len') ?? 0) === 0,
  tensors: (part, writer, top) => {
    // Published files name the bare class, and hold the head.
    const kind = top.task.kind === 'base' ? 'causal-lm' : top.task.kind;
    (isFirst(part) ? firstGlm : writeDecoder(laterGlm))(part, writer, { ...top, task: { ...top.task, kind } });
  },
};

export const internLm2 = decoderFamily({
  id: 'internlm2',
  title: 'InternLM2',
  types: ['internlm2'],
  run: { ...llamaLikeKeys, ...honoured('bias') },
  record: ['bias'],
  // For each head of keys its queries, then the key and the value.
  computes: { fused: ({ kvHeads }) => ({ groups: kvHeads }) },
  choice: () => ({ norm: 'rms' }),
  layout: {
    root: 'model.',
    embedding: 'tok_embeddings',
    layer: 'layers.{layer}.',
    attention: {
      prefix: 'attention.',
      projections: ['wqkv'],
      output: 'wo',
      inputBias: (part) => flag(part, 'bias'),
      outputBias: (part) => flag(part, 'bias'),
    },
    mlp: { prefix: 'feed_forward.', inputs: ['w1', 'w3'], output: 'w2' },
    norms: ['attention_norm', 'ffn_norm'],
    finalNorm: 'norm',
    head: 'output',
  },
});

/** Keys and values in one projection; the two output projections have biases and nothing else has. */
export const teleChat = decoderFamily({
  id: 'telechat',
  title: 'TeleChat',
  types: ['telechat'],
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'n_layer', 'n_head', 'ffn_hidden_size', 'layer_norm_epsilon'),
    ...honoured('tie_word_embeddings', 'training_seqlen', 'base_seqlen', 'seq_length', 'num_key_value_heads'),
    ...only([false, null], 'apply_residual_connection_post_layernorm', 'embed_layernorm', 'logn'),
    ...only([false, null], 'skip_bias_add_qkv'),
    ...only([true, null], 'skip_bias_add'),
    ...only([null], 'n_inner'),
    ...idle('which program computes it', 'attention_softmax_in_fp32', 'bias_dropout_fusion', 'flash_attn'),
    ...idle('which program computes it', 'masked_softmax_fusion', 'slow_but_exact', 'pretraining_tp'),
    ...idle('what a tokenizer does not know', 'unk_token_id'),
  },
  computes: {
    activation: () => 'silu',
    // Longer texts stretch the frequencies.
    readsAllOf: (part) => Math.min(amount(part, 'training_seqlen') ?? 8192, amount(part, 'base_seqlen') ?? 8192),
  },
  choice: () => ({ positions: 'rope', norm: 'rms' }),
  layout: {
    root: 'transformer.',
    embedding: 'word_embeddings',
    layer: 'h.{layer}.',
    attention: {
      prefix: 'self_attention.',
      projections: ['query', 'key_value'],
      output: 'dense',
      inputBias: false,
      outputBias: true,
    },
    mlp: { prefix: 'mlp.', inputs: ['gate_proj', 'up_proj'], output: 'down_proj', bias: false, outputBias: true },
    norms: ['input_layernorm', 'post_attention_layernorm'],
    finalNorm: 'ln_f',
  },
});

const lingExperts = {
  prefix: 'mlp.',
  router: 'gate',
  projections: ['gate_proj', 'up_proj', 'down_proj'],
  shared: 'shared_experts.',
} as const;

/** Ling. Its second release norms queries and keys and gives each expert a bias. */
export const bailingMoe = decoderFamily({
  id: 'bailing_moe',
  title: 'Ling',
  types: ['bailing_moe'],
  architectures: /^BailingMoe(V2)?For/,
  run: {
    ...llamaLikeKeys,
    ...honoured('use_qkv_bias', 'use_qk_norm', 'moe_intermediate_size', 'num_experts'),
    ...honoured('num_experts_per_tok', 'num_shared_experts', 'norm_topk_prob', 'first_k_dense_replace'),
    ...honoured('norm_head'),
    ...only([false, null], 'norm_softmax', 'moe_router_enable_expert_bias'),
    ...only([false], 'use_bias'),
    ...only([1, null], 'n_group', 'routed_scaling_factor'),
    ...only(['softmax', null], 'score_function'),
    ...idle('layers that predict further tokens are not run', 'num_nextn_predict_layers', 'mtp_loss_scaling_factor'),
    ...idle('drops activations in training alone', 'output_dropout'),
    ...routerIdle,
  },
  computes: {
    router: softmaxByKey,
    unitHead: (part) => (flag(part, 'norm_head') ? 'columns' : undefined),
  },
  record: ['moe_router_enable_expert_bias', 'use_bias', 'num_nextn_predict_layers'],
  layout: {
    ...llamaLayout,
    embedding: 'word_embeddings',
    attention: {
      prefix: 'attention.',
      projections: ['query_key_value'],
      output: 'dense',
      inputBias: (part) => flag(part, 'use_qkv_bias') || flag(part, 'use_bias'),
      outputBias: (part) => flag(part, 'use_bias'),
      norm: (part) => (flag(part, 'use_qk_norm') ? 'head' : undefined),
      normNames: ['query_layernorm', 'key_layernorm'],
    },
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: namedExperts((writer, feedForward, layer, part) => {
      separateExperts({
        ...lingExperts,
        ...(flag(part, 'moe_router_enable_expert_bias') ? { routerBias: 'gate.expert_bias' } : {}),
      })(writer, feedForward, layer, part);
    }, lingExperts),
  },
});

/** Yuan 2.0 (arXiv:2311.15786, section 2.1): two convolutions over neighbouring positions before queries and keys. */
export const yuan = decoderFamily({
  id: 'yuan',
  title: 'Yuan 2',
  types: ['yuan'],
  tied: true,
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      inputBias: false,
      outputBias: false,
      more: (writer, _layer, { hiddenSize }) => {
        const filter = writer.under('lf_gate.');
        const half = Math.floor(hiddenSize / 2);
        filter.add('attention', 'conv1.weight', [half, hiddenSize, 2, 1]);
        filter.add('attention', 'conv1.bias', [half]);
        filter.add('attention', 'conv2.weight', [hiddenSize, half, 2, 1]);
        filter.add('attention', 'conv2.bias', [hiddenSize]);
        filter.norm('output_layernorm', hiddenSize, false);
      },
    },
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});

/** Sizes only: pictures and words enter one stack, and what it answers with (boxes, masks) is in no public list of tensors. */
export const falconPerception = decoderFamily({
  id: 'falcon_perception',
  title: 'Falcon Perception',
  types: ['falcon_perception'],
  choice: () => ({ norm: 'rms' }),
});
