import type { ConfigReader } from '../../config/config-reader';
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { amount, flag } from '../shared/family';
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

/** Short convolutions with gates, and attention in a few layers. */
export const lfm2 = decoderFamily({
  id: 'lfm2',
  title: 'LFM2',
  types: ['lfm2'],
  architectures: /^Lfm2For/,
  tied: true,
  record: ['conv_bias', 'conv_L_cache'],
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
  record: ['conv_bias', 'conv_L_cache', 'use_expert_bias', 'num_dense_layers'],
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
    experts: (writer, { size, experts }, _layer, part) => {
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
  },
});
