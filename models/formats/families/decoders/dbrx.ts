import type { FeedForward } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';

/** Its sizes lie in `attn_config` and `ffn_config`; the experts of a layer are stored below one another in three tensors. */
export const dbrx = decoderFamily({
  id: 'dbrx',
  title: 'DBRX',
  types: ['dbrx'],
  architectures: /^DbrxFor/,
  choice: (reader) => {
    const attention = reader.child('attn_config');
    const network = reader.child('ffn_config');
    const feedForward: FeedForward = {
      kind: 'experts',
      size: network?.integer('ffn_hidden_size') ?? 3584,
      gated: true,
      experts: {
        count: network?.integer('moe_num_experts', 1) ?? 4,
        perToken: network?.integer('moe_top_k', 1) ?? 1,
        sharedSize: 0,
        sharedGate: false,
      },
    };
    return {
      norm: 'layer',
      kvHeads: attention?.integer('kv_n_heads', 1) ?? 1,
      feedForward: () => feedForward,
      ...(attention === undefined ? {} : { rope: { holder: attention } }),
    };
  },
  layout: {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'blocks.{layer}.',
    attention: { prefix: 'norm_attn_norm.attn.', projections: ['Wqkv'], output: 'out_proj' },
    mlp: { prefix: 'ffn.', inputs: ['w1', 'v1'], output: 'w2' },
    experts: (writer, { experts, size }, _layer, part) => {
      if (experts === undefined) return;
      const own = writer.under('ffn.');
      own.add('router', 'router.layer.weight', [experts.count, part.hiddenSize]);
      for (const name of ['w1', 'v1', 'w2']) own.merged(experts, `experts.mlp.${name}`, [size, part.hiddenSize]);
    },
    norms: ['norm_attn_norm.norm_1', 'norm_attn_norm.norm_2'],
    finalNorm: 'norm_f',
  },
});
