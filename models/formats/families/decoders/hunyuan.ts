import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';
import { normalisedSoftmax } from '../shared/routers';
import { honoured, idle, llamaLikeKeys, only } from '../shared/run-keys';

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
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias', 'mlp_bias', 'use_qk_norm', 'alpha', 'num_experts', 'moe_topk'),
    ...honoured('attention_head_dim', 'moe_intermediate_size', 'num_shared_expert'),
    ...only([0, null], 'moe_layer_num_skipped'),
    ...only([false, null], 'use_cla', 'use_mla', 'position_embedding_xdrope', 'add_classification_head'),
    ...only([false, null], 'group_limited_greedy'),
    ...only([null], 'kv_lora_rank', 'q_lora_rank', 'n_group', 'topk_group'),
    ...only([true], 'norm_topk_prob'),
    ...only(['rms', 'hf_rms', null], 'norm_type'),
    ...only([1, null], 'routed_scaling_factor'),
    ...idle('of pictures, which a text has none of', 'anyres_pooling_size', 'anyres_vit_max_image_size'),
    ...idle('of pictures, which a text has none of', 'anyres_vit_two_views', 'image_token_id', 'im_end_id'),
    ...idle('of pictures, which a text has none of', 'im_newline_id', 'im_start_id', 'num_media_embeds', 'vit_path'),
    ...idle('of pictures, which a text has none of', 'skip_cls_token', 'text_end_id', 'text_start_id', 'video_end_id'),
    ...idle('of pictures, which a text has none of', 'video_start_id', 'vit_add_patchemb_bias', 'vit_input_resolution'),
    ...idle('of pictures, which a text has none of', 'vit_mapping_type', 'vit_norm_type', 'vit_patch', 'vit_token'),
    ...idle(
      'of pictures, which a text has none of',
      'vit_remove_prenorm',
      'vit_type',
      'vit_used_rms_norm',
      'xdrope_section',
    ),
    ...idle('of pictures, which a text has none of', 'max_image_size', 'max_video_size', 'use_vit'),
    ...idle('of layers that share keys, which are refused', 'cla_share_factor'),
    ...idle(
      'of latent attention, which is refused',
      'qk_nope_head_dim',
      'qk_rope_head_dim',
      'v_head_dim',
      'qk_head_dim',
    ),
    ...idle('of a head for classes, which is refused', 'class_num', 'pool_type', 'dense_list'),
    ...idle('which tokens are dropped in training', 'moe_drop_tokens', 'moe_random_routing_dropped_token'),
    ...idle('where a text begins and ends', 'eod_token_id', 'mask_init_id', 'pad_id', 'sep_token_id', 'org_vocab_size'),
    ...idle('where a text begins and ends', 'im_sep_token_id'),
    ...idle('networks beside the experts are always there', 'use_mixed_mlp_moe'),
    ...only([true, null], 'use_rotary_pos_emb'),
  },
  computes: { lateNorms: true, router: normalisedSoftmax },
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
