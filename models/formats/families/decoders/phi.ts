import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import {
  activations,
  gptSizes,
  honoured,
  idle,
  llamaLikeKeys,
  nested,
  only,
  rotaryDecoderKeys,
  routerIdle,
} from '../shared/run-keys';

export const phi = decoderFamily({
  id: 'phi',
  title: 'Phi',
  types: ['phi'],
  architectures: /^PhiFor/,
  run: { ...rotaryDecoderKeys, ...honoured('layer_norm_eps', 'partial_rotary_factor', 'qk_layernorm') },
  choice: (reader) => {
    // Files of the first release: rotary_dim instead of a factor, and 4 * n_embd where n_inner is null.
    const dimensions = reader.has('rotary_dim') ? reader.integer('rotary_dim', 1) : undefined;
    const hidden = reader.integer('hidden_size') ?? 0;
    return {
      gated: false,
      norm: 'layer',
      ...(dimensions === undefined ? {} : { rope: { dimensions } }),
      ...(reader.has('n_inner') && reader.raw('n_inner') === null ? { intermediateSize: 4 * hidden } : {}),
    };
  },
  layout: {
    ...llamaLayout,
    attention: {
      prefix: 'self_attn.',
      projections: ['q_proj', 'k_proj', 'v_proj'],
      output: 'dense',
      inputBias: true,
      outputBias: true,
      norm: (part) => (flag(part, 'qk_layernorm') ? 'head' : undefined),
      normNames: ['q_layernorm', 'k_layernorm'],
      normBias: true,
    },
    mlp: { prefix: 'mlp.', inputs: ['fc1'], output: 'fc2', bias: true },
    norms: ['input_layernorm'],
    normBias: true,
    finalNorm: 'final_layernorm',
    headBias: true,
  },
});

export const phi3 = decoderFamily({
  id: 'phi3',
  title: 'Phi-3',
  types: ['phi3'],
  architectures: /^Phi3For/,
  run: {
    ...llamaLikeKeys,
    ...honoured('sliding_window', 'partial_rotary_factor', 'original_max_position_embeddings'),
    ...idle('which keys of the rotary form transformers does not check', 'ignore_keys_at_rope_validation'),
  },
  layout: {
    ...llamaLayout,
    attention: { prefix: 'self_attn.', projections: ['qkv_proj'], output: 'o_proj' },
    mlp: { prefix: 'mlp.', inputs: ['gate_up_proj'], fused: true, output: 'down_proj' },
  },
});

/** Phi-1.5 as first published: embedding and head are counted as layers, and one projection makes queries, keys and values. */
export const mixformer = decoderFamily({
  id: 'mixformer',
  title: 'Phi (first form)',
  types: ['mixformer-sequential'],
  architectures: /^MixFormerSequentialFor/,
  run: {
    ...gptSizes,
    ...honoured('rotary_dim'),
    ...only([null], 'n_inner', 'n_head_kv'),
    ...only(activations, 'activation_function'),
    ...idle('which program computes it', 'flash_attn', 'flash_rotary', 'fused_dense', 'pad_vocab_size_multiple'),
  },
  choice: (reader) => {
    const hidden = reader.integer('hidden_size') ?? 0;
    const dimensions = reader.integer('rotary_dim', 1);
    return {
      gated: false,
      norm: 'layer',
      positions: 'rope',
      intermediateSize: reader.integer('intermediate_size', 1) ?? 4 * hidden,
      ...(dimensions === undefined ? {} : { rope: { dimensions } }),
    };
  },
  layout: {
    root: '',
    embedding: 'layers.0.wte',
    layer: (index) => `layers.${index + 1}.`,
    attention: { prefix: 'mixer.', projections: ['Wqkv'], output: 'out_proj', inputBias: true, outputBias: true },
    mlp: { prefix: 'mlp.', inputs: ['fc1'], output: 'fc2', bias: true },
    norms: ['ln'],
    normBias: true,
    finalNorm: ({ layers }) => `layers.${layers.length + 1}.ln`,
    head: ({ layers }) => `layers.${layers.length + 1}.linear`,
    headBias: true,
  },
});

/** Layer norms with biases, where Phi-3 has none; two experts of sixteen. */
export const phiMoe = decoderFamily({
  id: 'phimoe',
  title: 'Phi-3.5 MoE',
  types: ['phimoe'],
  architectures: /^Phi(MoE|moe)For/,
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias', 'sliding_window', 'num_local_experts', 'lm_head_bias'),
    ...routerIdle,
    // SparseMixer, as the class has it, is of two experts.
    ...only([2], 'num_experts_per_tok'),
    // The factors of its long rotary form are under names of their own.
    ...only([null], 'rope_scaling'),
    ...nested('rope_parameters', { ...only(['default'], 'rope_type', 'type'), ...honoured('rope_theta') }),
  },
  computes: { router: () => ({ scores: 'softmax', mixer: 0.01 }) },
  choice: () => ({ norm: 'layer' }),
  layout: {
    ...llamaLayout,
    experts: separateExperts({ prefix: 'block_sparse_moe.', router: 'gate', projections: ['w1', 'w3', 'w2'] }),
    normBias: true,
    headBias: (part) => flag(part, 'lm_head_bias'),
  },
});

/** Every second layer reads blocks of keys alone: the nearest ones and, in strides, earlier ones. */
export const phi3Small = decoderFamily({
  id: 'phi3small',
  title: 'Phi-3 small',
  types: ['phi3small'],
  architectures: /^Phi3SmallFor/,
  tied: true,
  choice: (reader) => {
    const every = reader.integer('dense_attention_every_n_layers', 1);
    const size = reader.integer('ff_intermediate_size', 1);
    const [local, block] = [
      reader.integer('blocksparse_num_local_blocks', 1),
      reader.integer('blocksparse_block_size', 1),
    ];
    const near = local === undefined || block === undefined ? '' : ` the last ${local * block} positions and`;
    return {
      norm: 'layer',
      positions: 'rope',
      rope: { thetaKey: 'rope_embedding_base' },
      ...(size === undefined ? {} : { intermediateSize: size }),
      layerAttention: (index) =>
        every === undefined || (index + 1) % every === 0
          ? {}
          : { note: `block-sparse: each head reads${near} blocks of keys in a stride of its own` },
    };
  },
  layout: {
    ...llamaLayout,
    attention: {
      prefix: 'self_attn.',
      projections: ['query_key_value'],
      output: 'dense',
      inputBias: true,
      outputBias: true,
    },
    mlp: { prefix: 'mlp.', inputs: ['up_proj'], fused: true, output: 'down_proj', bias: true },
    normBias: true,
    finalNorm: 'final_layernorm',
  },
});
