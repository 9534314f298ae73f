import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { decoderFamily } from '../shared/decoder-family';
import { remoteCode } from '../shared/family-row';
import type { DecoderLayout } from '../shared/decoder-layout';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';

/** Cross-layer attention (arXiv:2405.12981): `cla_share_factor` layers in a row read the keys and values of the first. */
function sharing(reader: ConfigReader): Partial<TransformerChoice> {
  const factor = reader.boolean('use_cla') === true ? reader.integer('cla_share_factor', 1) : undefined;
  if (factor === undefined) return {};
  return {
    layerAttention: (index) => (index % factor === 0 ? {} : { sharesKvOf: index - (index % factor) }),
  };
}

const attention: DecoderLayout['attention'] = {
  ...llamaLayout.attention,
  norm: (part) => (flag(part, 'use_qk_norm', true) ? 'head' : undefined),
  normNames: ['query_layernorm', 'key_layernorm'],
};

/** What the classes of the dense model and of the one with experts have in common. */
const values = {
  vocab_size: 290943,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  hidden_act: 'silu',
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  attention_bias: false,
  pad_token_id: 0,
  bos_token_id: 1,
  eos_token_id: 2,
  tie_word_embeddings: false,
};

export const hunyuanDense = decoderFamily({
  id: 'hunyuan_v1_dense',
  title: 'Hunyuan',
  types: {
    hunyuan_v1_dense: ['HunYuanDenseV1Config', values],
  },
  architectures: /^HunYuanDenseV1For/,
  record: ['attention_bias', 'use_qk_norm'],
  choice: sharing,
  layout: { ...llamaLayout, attention, mlp: { ...llamaLayout.mlp, bias: false } },
});

/** Its lists give the sizes of the experts layer by layer. */
export const hunyuanMoe = decoderFamily({
  id: 'hunyuan_moe',
  title: 'Hunyuan MoE',
  release: remoteCode,
  types: {
    hunyuan: ['HunYuanConfig', { use_qk_norm: false, attention_bias: false, tie_word_embeddings: false }],
    // One expert is none: without a number the class makes dense layers.
    hunyuan_v1_moe: [
      'transformers 5.2 HunYuanMoEV1Config',
      { ...values, num_experts: 1, moe_topk: 1, use_qk_norm: true },
    ],
  },
  architectures: /^HunYuanMoEV1For/,
  record: ['attention_bias', 'use_qk_norm'],
  choice: (reader) => {
    // The class of transformers always has a network beside the experts, as wide as its dense layers.
    const beside = reader.object['model_type'] === 'hunyuan_v1_moe' ? reader.integer('intermediate_size') : undefined;
    return { ...sharing(reader), ...(beside === undefined ? {} : { sharedSize: beside }) };
  },
  layout: {
    ...llamaLayout,
    attention,
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: separateExperts({
      prefix: 'mlp.',
      router: 'gate.wg',
      projections: ['gate_proj', 'up_proj', 'down_proj'],
      shared: 'shared_mlp.',
    }),
  },
});
