import { isObject } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import type { Computation } from '../shared/computation';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag } from '../shared/family';
import { latentKeys } from './deepseek';
import { ernieLayout } from './ernie-layout';
import { llamaKeys, llamaLayout } from './llama';
import { activations, honoured, idle, llamaLikeKeys, only, rotaryDecoderKeys } from '../shared/run-keys';

/** Dense decoders that keep Llama's names and differ in biases, norms or the network alone. */

const noBias = { ...llamaLayout.attention, inputBias: false, outputBias: false };

/** Mistral's names; queries are scaled with the logarithm of their position where `llama_4_scaling_beta` is not 0. */
export const ministral3 = decoderFamily({
  id: 'ministral3',
  title: 'Ministral 3',
  types: ['ministral3'],
  architectures: /^Ministral3For/,
  run: { ...llamaLikeKeys, ...honoured('sliding_window', 'layer_types') },
  computes: {
    tempered: ({ fields }) => {
      const rope = fields['rope_parameters']?.value;
      const [by, every] = ['llama_4_scaling_beta', 'original_max_position_embeddings'].map((key) =>
        isObject(rope) ? rope[key] : undefined,
      );
      return typeof by === 'number' && typeof every === 'number' && by !== 0 ? { by, every, from: 0 } : undefined;
    },
  },
  layout: { ...llamaLayout, attention: noBias },
});

/** One projection in and no gate; its activation is the square of the rectifier. */
export const arcee = decoderFamily({
  id: 'arcee',
  title: 'Arcee',
  types: ['arcee'],
  architectures: /^ArceeFor/,
  run: llamaKeys,
  choice: () => ({ gated: false }),
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, inputs: ['up_proj'] } },
});

/** No gate, and an activation (xIELU, arXiv:2411.13010) with two learned numbers a layer. */
export const apertus = decoderFamily({
  id: 'apertus',
  title: 'Apertus',
  types: ['apertus'],
  architectures: /^ApertusFor/,
  run: { ...llamaLikeKeys, ...honoured('attention_bias'), ...only([...activations, 'xielu'], 'hidden_act') },
  choice: () => ({ gated: false }),
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'head' },
    mlp: {
      prefix: 'mlp.',
      inputs: ['up_proj'],
      output: 'down_proj',
      slopes: ['act_fn.alpha_p', 'act_fn.alpha_n'],
    },
    norms: ['attention_layernorm', 'feedforward_layernorm'],
  },
});

export const seedOss = decoderFamily({
  id: 'seed_oss',
  title: 'Seed-OSS',
  types: ['seed_oss'],
  architectures: /^SeedOssFor/,
  run: { ...llamaKeys, ...only([false], 'attention_out_bias') },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, outputBias: (part) => flag(part, 'attention_out_bias') },
  },
});

export const ernie45 = decoderFamily({
  id: 'ernie4_5',
  title: 'ERNIE 4.5',
  types: ['ernie4_5'],
  architectures: /^Ernie4_5For/,
  tied: true,
  run: { ...llamaLikeKeys, ...only([false], 'use_bias') },
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: ernieLayout,
});

export const xverse = decoderFamily({
  id: 'xverse',
  title: 'XVERSE',
  types: ['xverse'],
  run: {
    ...llamaLikeKeys,
    ...idle('where the tokenizer cuts texts', 'max_tokenizer_truncation'),
    ...idle('the same products in pieces', 'gradient_checkpointing'),
  },
  layout: { ...llamaLayout, attention: noBias, mlp: { ...llamaLayout.mlp, bias: false } },
});

/** openPangu Embedded: one key for the biases of all four projections. */
export const panguEmbedded = decoderFamily({
  id: 'pangu_embedded',
  title: 'openPangu Embedded',
  types: ['PanguEmbedded'],
  run: { ...llamaLikeKeys, ...honoured('bias') },
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      inputBias: (part) => flag(part, 'bias', true),
      outputBias: (part) => flag(part, 'bias', true),
    },
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});

/** The language model of VoxCPM has these keys, but says that it does not use them. */
const isScaled = (part: ModelPart): boolean => flag(part, 'use_mup', true);
const miniCpmFactors: Computation = {
  embeddingScale: (part) => (isScaled(part) ? amount(part, 'scale_emb') : undefined),
  branchFactor: (part) =>
    isScaled(part)
      ? (amount(part, 'scale_depth') ?? Math.sqrt(part.layers.length)) / Math.sqrt(part.layers.length)
      : undefined,
  logitFactor: (part) =>
    isScaled(part) ? (amount(part, 'dim_model_base') ?? part.hiddenSize) / part.hiddenSize : undefined,
};

/** Scales on embeddings, residuals and logits (arXiv:2404.06395) are no tensors. */
export const miniCpm = decoderFamily({
  id: 'minicpm',
  title: 'MiniCPM',
  types: ['minicpm'],
  tied: true,
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias', 'scale_emb', 'scale_depth', 'dim_model_base', 'use_mup'),
    ...only([null], 'sparse_config'),
    ...idle('how fast the model was trained, by its width', 'mup_denominator'),
  },
  computes: miniCpmFactors,
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, bias: false } },
});

/** Latent attention in a dense model. */
export const miniCpm3 = decoderFamily({
  id: 'minicpm3',
  title: 'MiniCPM3',
  types: ['minicpm3'],
  architectures: /^MiniCPM3For/,
  tied: true,
  run: {
    ...llamaLikeKeys,
    ...latentKeys,
    ...honoured('scale_emb', 'scale_depth', 'dim_model_base'),
    ...idle('how fast the model was trained, by its width', 'mup_denominator'),
  },
  computes: miniCpmFactors,
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, bias: false } },
});

/** Weights of three values; a norm before each of the two output projections. */
export const bitNet = decoderFamily({
  id: 'bitnet',
  title: 'BitNet',
  types: ['bitnet'],
  architectures: /^Bit[Nn]etFor/,
  run: { ...llamaLikeKeys, ...honoured('attention_bias') },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, outputNorm: 'attn_sub_norm' },
    mlp: { ...llamaLayout.mlp, bias: false, innerNorm: 'ffn_sub_norm' },
  },
});

export const internLm3 = decoderFamily({
  id: 'internlm3',
  title: 'InternLM3',
  types: ['internlm3'],
  architectures: /^InternLM3For/,
  run: { ...llamaLikeKeys, ...honoured('qkv_bias', 'bias') },
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      inputBias: (part) => flag(part, 'qkv_bias'),
      outputBias: (part) => flag(part, 'bias'),
    },
    mlp: { ...llamaLayout.mlp, bias: (part) => flag(part, 'bias') },
  },
});

/** Nemotron-4 and Minitron: layer norms with biases, and no gate. */
export const nemotron = decoderFamily({
  id: 'nemotron',
  title: 'Nemotron-4',
  types: ['nemotron'],
  architectures: /^NemotronForCausalLM/,
  run: { ...rotaryDecoderKeys, ...honoured('norm_eps', 'attention_bias', 'mlp_bias', 'partial_rotary_factor') },
  computes: { gainOffset: 1 },
  choice: () => ({ gated: false, norm: 'layer' }),
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, inputs: ['up_proj'] }, normBias: true },
});
