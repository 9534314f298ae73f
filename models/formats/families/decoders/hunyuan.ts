import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { honoured, llamaLikeKeys } from '../shared/run-keys';

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

export const hunyuanDense = decoderFamily({
  id: 'hunyuan_v1_dense',
  title: 'Hunyuan',
  types: ['hunyuan_v1_dense'],
  architectures: /^HunYuanDenseV1For/,
  run: { ...llamaLikeKeys, ...honoured('attention_bias', 'alpha') },
  computes: { lateNorms: true },
  choice: sharing,
  layout: { ...llamaLayout, attention, mlp: { ...llamaLayout.mlp, bias: false } },
});

/** Its lists give the sizes of the experts layer by layer. */
export const hunyuanMoe = decoderFamily({
  id: 'hunyuan_moe',
  title: 'Hunyuan MoE',
  types: ['hunyuan', 'hunyuan_v1_moe'],
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
