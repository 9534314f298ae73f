import type { ConfigReader } from '../../config/config-reader';
import { decoderFamily } from '../shared/decoder-family';
import { namedExperts, type DecoderLayout } from '../shared/decoder-layout';
import { amount, flag } from '../shared/family';
import { honoured, llamaLikeKeys, only, routerIdle, type RunKeys } from '../shared/run-keys';
import type { Computation } from '../shared/computation';
import { llamaLayout } from './llama';

/** Two thirds of the width in the file, times a factor, up to the next multiple: what Lfm2's network makes of it. */
function networkSize(reader: ConfigReader): number {
  const written = reader.has('block_ff_dim') ? reader.integer('block_ff_dim') : reader.integer('intermediate_size');
  const size = written ?? 0;
  if (reader.boolean('block_auto_adjust_ff_dim') !== true) return size;
  const multiple = reader.integer('block_multiple_of', 1) ?? 256;
  const factor = reader.number('block_ffn_dim_multiplier') ?? 1;
  return multiple * Math.ceil(Math.trunc(factor * Math.trunc((2 * size) / 3)) / multiple);
}

/** Layers that are not named are attention where no list names any. */
const fullByDefault = (reader: ConfigReader) =>
  ['full_attn_idxs', 'layer_types'].some((key) => Array.isArray(reader.object[key]))
    ? {}
    : { layerKinds: (count: number) => Array.from({ length: count }, () => ({ kind: 'full' }) as const) };

const layout: DecoderLayout = {
  ...llamaLayout,
  attention: {
    prefix: 'self_attn.',
    projections: ['q_proj', 'k_proj', 'v_proj'],
    output: 'out_proj',
    norm: () => 'head',
    normNames: ['q_layernorm', 'k_layernorm'],
  },
  mlp: { prefix: 'feed_forward.', inputs: ['w1', 'w3'], output: 'w2' },
  mixer: (writer, _layer, part) => {
    const hidden = part.hiddenSize;
    const bias = flag(part, 'conv_bias');
    const own = writer.under('conv.');
    own.add('mixer', 'conv.weight', [hidden, 1, amount(part, 'conv_L_cache') ?? 3]);
    if (bias) own.add('mixer', 'conv.bias', [hidden]);
    own.linear('mixer', 'in_proj', hidden, 3 * hidden, bias);
    own.linear('mixer', 'out_proj', hidden, hidden, bias);
  },
  norms: ['operator_norm', 'ffn_norm'],
  finalNorm: 'embedding_norm',
};

/** Layers without attention have a convolution, and no layer is without a network. */
const state: Computation['state'] = (part, { attention }) =>
  attention.kind === 'none'
    ? { kind: 'short-convolution', prefix: 'conv.', kernel: amount(part, 'conv_L_cache') ?? 3 }
    : undefined;

const keys: RunKeys = {
  ...llamaLikeKeys,
  ...honoured('conv_bias', 'conv_L_cache', 'norm_eps', 'layer_types', 'full_attn_idxs'),
};

/** Short convolutions with gates, and attention in a few layers. */
export const lfm2 = decoderFamily({
  id: 'lfm2',
  title: 'LFM2',
  types: ['lfm2'],
  architectures: /^Lfm2For/,
  tied: true,
  record: ['conv_bias', 'conv_L_cache'],
  run: {
    ...keys,
    ...honoured('block_auto_adjust_ff_dim', 'block_ffn_dim_multiplier', 'block_multiple_of', 'block_ff_dim'),
  },
  // The class knows no other.
  computes: { state, activation: () => 'silu' },
  choice: (reader) => ({
    positions: 'rope',
    norm: 'rms',
    intermediateSize: networkSize(reader),
    ...fullByDefault(reader),
  }),
  layout,
});

/** The same with routed experts behind the first layers. */
export const lfm2Moe = decoderFamily({
  id: 'lfm2_moe',
  title: 'LFM2 MoE',
  types: ['lfm2_moe'],
  architectures: /^Lfm2MoeFor/,
  tied: true,
  record: [
    'conv_bias',
    'conv_L_cache',
    'use_expert_bias',
    'num_dense_layers',
    'norm_topk_prob',
    'routed_scaling_factor',
  ],
  run: {
    ...keys,
    ...routerIdle,
    ...honoured('moe_intermediate_size', 'num_dense_layers', 'num_experts', 'num_experts_per_tok', 'norm_topk_prob'),
    ...honoured('routed_scaling_factor'),
    // A checkpoint without the bias has none that a comparison could see.
    ...only([true], 'use_expert_bias'),
  },
  computes: {
    state,
    activation: () => 'silu',
    router: (part) => {
      const factor = amount(part, 'routed_scaling_factor') ?? 1;
      return {
        scores: 'sigmoid',
        normalised: flag(part, 'norm_topk_prob', true),
        ...(factor === 1 ? {} : { factor }),
      };
    },
  },
  choice: (reader) => ({ positions: 'rope', norm: 'rms', ...fullByDefault(reader) }),
  finish: (part) => {
    const dense = amount(part, 'num_dense_layers') ?? 0;
    const size = amount(part, 'intermediate_size') ?? 0;
    const layers = part.layers.map((layer) =>
      layer.index < dense
        ? { ...layer, feedForward: { kind: 'dense', size, gated: layer.feedForward.gated } as const }
        : layer,
    );
    return { ...part, layers, ...(dense > 0 ? { intermediateSize: size } : {}) };
  },
  layout: {
    ...layout,
    experts: namedExperts(
      (writer, { size, experts }, _layer, part) => {
        if (experts === undefined) return;
        const hidden = part.hiddenSize;
        const own = writer.under('feed_forward.');
        own.add('router', 'gate.weight', [experts.count, hidden]);
        if (flag(part, 'use_expert_bias', true)) own.add('router', 'expert_bias', [experts.count]);
        const each = own.experts(experts, 'experts.{expert}.');
        each.linear('experts', 'w1', hidden, size, false);
        each.linear('experts', 'w3', hidden, size, false);
        each.linear('experts', 'w2', size, hidden, false);
      },
      { prefix: 'feed_forward.', router: 'gate', routerBias: 'expert_bias', projections: ['w1', 'w3', 'w2'] },
    ),
  },
});
