import type { Computation } from '../shared/computation';
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { namedExperts, separateExperts, type ExpertWriter } from '../shared/decoder-layout';
import { amount, flag } from '../shared/family';
import { normalisedSoftmax } from '../shared/routers';
import { honoured, llamaLikeKeys, only, rotaryDecoderKeys, routerIdle } from '../shared/run-keys';

/** The names that Llama's checkpoints set and most families since have kept. */
export const llamaLayout: DecoderLayout = {
  root: 'model.',
  embedding: 'embed_tokens',
  layer: 'layers.{layer}.',
  attention: {
    prefix: 'self_attn.',
    projections: ['q_proj', 'k_proj', 'v_proj'],
    output: 'o_proj',
    inputBias: (part) => flag(part, 'attention_bias'),
    outputBias: (part) => flag(part, 'attention_bias'),
  },
  mlp: {
    prefix: 'mlp.',
    inputs: ['gate_proj', 'up_proj'],
    output: 'down_proj',
    bias: (part) => flag(part, 'mlp_bias'),
  },
  norms: ['input_layernorm', 'post_attention_layernorm'],
  finalNorm: 'norm',
};

const noBias = { inputBias: false, outputBias: false } as const;

export const llamaKeys = {
  ...llamaLikeKeys,
  ...honoured('attention_bias', 'mlp_bias'),
};

export const llama = decoderFamily({
  id: 'llama',
  title: 'Llama',
  types: ['llama'],
  architectures: /^L[Ll]a[Mm][Aa]For/,
  run: llamaKeys,
  layout: llamaLayout,
});

export const mistral = decoderFamily({
  id: 'mistral',
  title: 'Mistral',
  types: ['mistral'],
  architectures: /^MistralFor/,
  run: { ...llamaLikeKeys, ...honoured('sliding_window') },
  layout: { ...llamaLayout, attention: { ...llamaLayout.attention, ...noBias } },
});

/** Ministral: Mistral with a window in some layers. */
export const ministral = decoderFamily({
  id: 'ministral',
  title: 'Ministral',
  types: ['ministral'],
  architectures: /^MinistralFor/,
  run: { ...llamaLikeKeys, ...honoured('sliding_window', 'layer_types') },
  layout: { ...llamaLayout, attention: { ...llamaLayout.attention, ...noBias } },
});

export const mixtral = decoderFamily({
  id: 'mixtral',
  title: 'Mixtral',
  types: ['mixtral'],
  architectures: /^MixtralFor/,
  run: {
    ...llamaLikeKeys,
    ...honoured('num_local_experts', 'num_experts', 'num_experts_per_tok', 'sliding_window'),
    ...routerIdle,
  },
  computes: { router: normalisedSoftmax },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, ...noBias },
    experts: separateExperts({ prefix: 'block_sparse_moe.', router: 'gate', projections: ['w1', 'w3', 'w2'] }),
  },
});

export const smollm3 = decoderFamily({
  id: 'smollm3',
  title: 'SmolLM3',
  types: ['smollm3'],
  architectures: /^SmolLM3For/,
  tied: true,
  run: {
    ...llamaKeys,
    ...honoured('no_rope_layers', 'use_sliding_window', 'sliding_window', 'layer_types'),
    ...only([4], 'no_rope_layer_interval'),
  },
  choice: (reader) => {
    const interval = reader.has('no_rope_layers') ? undefined : reader.integer('no_rope_layer_interval', 1);
    return interval === undefined ? {} : { unrotated: (index) => (index + 1) % interval === 0 };
  },
  layout: llamaLayout,
});

/** Factors on the embedding, on scores, on what branches add, and under the logits. */
export const graniteFactors: Computation = {
  embeddingScale: (part) => amount(part, 'embedding_multiplier'),
  scale: (part, { attention }) => amount(part, 'attention_multiplier') ?? attention.headDim ** -0.5,
  branchFactor: (part) => amount(part, 'residual_multiplier'),
  logitFactor: (part) => 1 / (amount(part, 'logits_scaling') ?? 1),
};

export const granite = decoderFamily({
  id: 'granite',
  title: 'Granite',
  types: ['granite'],
  architectures: /^GraniteFor/,
  run: {
    ...llamaKeys,
    ...honoured('embedding_multiplier', 'logits_scaling', 'residual_multiplier', 'attention_multiplier'),
  },
  computes: graniteFactors,
  layout: llamaLayout,
});

export const graniteExperts = {
  prefix: 'block_sparse_moe.',
  router: 'router.layer',
  stacked: ['input_linear.weight', 'output_linear.weight'],
} as const;

export const writeGraniteExperts: ExpertWriter = (writer, { experts, size }, _layer, part) => {
  if (experts === undefined) return;
  const own = writer.under(graniteExperts.prefix);
  const [inputs, output] = graniteExperts.stacked;
  own.add('router', `${graniteExperts.router}.weight`, [experts.count, part.hiddenSize]);
  own.stacked(experts, inputs, [2 * size, part.hiddenSize]);
  own.stacked(experts, output, [part.hiddenSize, size]);
};

export const graniteMoeKeys = {
  ...llamaLikeKeys,
  ...honoured('attention_bias', 'embedding_multiplier', 'logits_scaling', 'residual_multiplier'),
  ...honoured('attention_multiplier', 'num_local_experts', 'num_experts_per_tok'),
  ...routerIdle,
};

export const graniteMoe = decoderFamily({
  id: 'granitemoe',
  title: 'Granite MoE',
  types: ['granitemoe'],
  architectures: /^GraniteMoeFor/,
  run: graniteMoeKeys,
  computes: { ...graniteFactors, router: normalisedSoftmax },
  layout: { ...llamaLayout, experts: namedExperts(writeGraniteExperts, graniteExperts) },
});

export const starcoder2 = decoderFamily({
  id: 'starcoder2',
  title: 'StarCoder2',
  types: ['starcoder2'],
  architectures: /^Starcoder2For/,
  tied: true,
  run: { ...rotaryDecoderKeys, ...honoured('norm_epsilon', 'sliding_window'), ...only([true], 'use_bias') },
  choice: () => ({ gated: false, norm: 'layer' }),
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      inputBias: (part) => flag(part, 'use_bias', true),
      outputBias: (part) => flag(part, 'use_bias', true),
    },
    mlp: { prefix: 'mlp.', inputs: ['c_fc'], output: 'c_proj', bias: (part) => flag(part, 'use_bias', true) },
    normBias: true,
  },
});
