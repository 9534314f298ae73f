import { readTransformer } from '../config/transformer';
import { transformers } from './family-row';
import type { StackFamily } from './family';

/**
 * VITS (arXiv:2106.06103): an encoder of letters with learned vectors for near distances. Flows and convolutions make sound of
 * what it gives; they do not attend, and their tensors are not written down here.
 */
export const vits: StackFamily = {
  kind: 'stack',
  id: 'vits',
  title: 'VITS',
  modelTypes: ['vits'],
  architectures: /^VitsModel/,
  role: 'encoder',
  tied: false,
  task: 'base',
  defaults: () => ({
    from: `${transformers} VitsConfig`,
    values: {
      vocab_size: 38,
      hidden_size: 192,
      num_hidden_layers: 6,
      num_attention_heads: 2,
      window_size: 4,
      use_bias: true,
      ffn_dim: 768,
      hidden_act: 'relu',
      layer_norm_eps: 1e-5,
    },
  }),
  read: (reader) => {
    // How far distances are told apart; further positions are read too.
    const near = reader.integer('window_size') ?? 0;
    const note = near > 0 ? `with learned vectors for distances up to ${near}` : undefined;
    return readTransformer(reader, {
      family: 'vits',
      role: 'encoder',
      causal: false,
      gated: false,
      norm: 'layer',
      positions: near > 0 ? 'relative' : 'none',
      record: ['use_bias'],
      layerKinds: (count) =>
        Array.from({ length: count }, () => ({ kind: 'full' as const, ...(note === undefined ? {} : { note }) })),
    });
  },
};
