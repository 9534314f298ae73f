import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { normalisedSoftmax } from '../shared/routers';
import { honoured, idle, llamaLikeKeys } from '../shared/run-keys';

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
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias', 'alpha'),
    ...idle('the class norms queries and keys whatever it says', 'use_qk_norm'),
  },
  computes: { lateNorms: true },
  choice: sharing,
  layout: { ...llamaLayout, attention, mlp: { ...llamaLayout.mlp, bias: false } },
});

const experts = separateExperts({
  prefix: 'mlp.',
  router: 'gate.wg',
  projections: ['gate_proj', 'up_proj', 'down_proj'],
  shared: 'shared_mlp.',
});

const moeLayout: DecoderLayout = { ...llamaLayout, attention, mlp: { ...llamaLayout.mlp, bias: false }, experts };

/** As it was published, with code of its own. Its lists give the sizes of the experts layer by layer. */
export const hunyuanMoe = decoderFamily({
  id: 'hunyuan_moe',
  title: 'Hunyuan MoE',
  types: ['hunyuan'],
  record: ['attention_bias', 'use_qk_norm'],
  choice: sharing,
  layout: moeLayout,
});

/** In the class of transformers, which always has a network beside the experts, as wide as its dense layers. */
export const hunyuanV1Moe = decoderFamily({
  id: 'hunyuan_v1_moe',
  title: 'Hunyuan MoE V1',
  types: ['hunyuan_v1_moe'],
  architectures: /^HunYuanMoEV1For/,
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias', 'alpha', 'num_experts', 'num_local_experts', 'moe_topk', 'num_experts_per_tok'),
    ...idle('where a text is divided', 'sep_token_id'),
    ...idle('the class norms queries and keys whatever it says', 'use_qk_norm'),
  },
  computes: { lateNorms: true, router: normalisedSoftmax },
  choice: (reader) => {
    const beside = reader.integer('intermediate_size');
    return beside === undefined ? {} : { sharedSize: beside };
  },
  layout: moeLayout,
});
