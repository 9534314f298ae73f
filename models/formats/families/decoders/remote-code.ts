import type { ModelPart } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { separateExperts, writeDecoder } from '../shared/decoder-layout';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
import { llamaLayout } from './llama';
import { honoured, llamaLikeKeys } from '../shared/run-keys';

/**
 * Families that are published with their own modelling code and are in no library: their files give every size, so there
 * are no defaults beyond those of that code.
 */

/** The first Qwen. Its intermediate_size is the width of gate and value together. */
export const qwen = decoderFamily({
  id: 'qwen',
  title: 'Qwen',
  types: ['qwen'],
  record: ['no_bias'],
  choice: (reader) => {
    const both = reader.integer('intermediate_size') ?? 0;
    return { intermediateSize: Math.floor(both / 2) };
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
    mlp: { prefix: 'mlp.', inputs: ['w1', 'w2'], output: 'c_proj', bias: (part) => !flag(part, 'no_bias', true) },
    norms: ['ln_1', 'ln_2'],
    finalNorm: 'ln_f',
  },
});

/** Rotary in the 7B models, ALiBi in the 13B ones, which differ in their width alone. */
export const baichuan = decoderFamily({
  id: 'baichuan',
  title: 'Baichuan',
  types: ['baichuan'],
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

const laterGlm = writeDecoder({
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
});

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
    (isFirst(part) ? firstGlm : laterGlm)(part, writer, { ...top, task: { ...top.task, kind } });
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

/** Ling. Its second release norms queries and keys and gives each expert a bias. */
export const bailingMoe = decoderFamily({
  id: 'bailing_moe',
  title: 'Ling',
  types: ['bailing_moe'],
  architectures: /^BailingMoe(V2)?For/,
  record: ['use_qkv_bias', 'use_bias', 'use_qk_norm', 'moe_router_enable_expert_bias', 'num_nextn_predict_layers'],
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
    experts: (writer, feedForward, layer, part) => {
      separateExperts({
        prefix: 'mlp.',
        router: 'gate',
        ...(flag(part, 'moe_router_enable_expert_bias') ? { routerBias: 'gate.expert_bias' } : {}),
        projections: ['gate_proj', 'up_proj', 'down_proj'],
        shared: 'shared_experts.',
      })(writer, feedForward, layer, part);
    },
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
