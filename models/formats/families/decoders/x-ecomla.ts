/**
 * X-EcoMLA (arXiv:2503.11132): a llama whose attention was turned into multi-head latent attention. The release keeps the fields of
 * the latent form beside a Llama checkpoint (`hybrid_mla_config.py`); here both stand in one config.json under a model_type of
 * Headscope's own, as no class of transformers computes it. Names of tensors are DeepSeek's.
 *
 * Fields of the release: `kv_lora_rank`, `q_lora_rank` (null: queries are projected directly), `qk_nope_head_dim`,
 * `qk_rope_head_dim`, `v_head_dim`, `layer_rank_list` ({"0": {"kv_rank", "q_rank"}}: ranks of single layers) and
 * `use_lora_layer_norm`. `rope_interleave` is transformers' name (DeepseekV3Config): true, the release's layout, pairs numbers 2i
 * and 2i + 1 of the rotated part; false pairs i with i + qk_rope_head_dim / 2.
 */
import { mixtureKey } from '../../config/head-mixture';
import { decoderFamily } from '../shared/decoder-family';
import { flag } from '../shared/family';
import { llamaKeys, llamaLayout } from './llama';
import { honoured, only } from '../shared/run-keys';

export const xEcomla = decoderFamily({
  id: 'x_ecomla',
  title: 'X-EcoMLA',
  types: ['x_ecomla'],
  architectures: /^XEcoMla/,
  run: {
    ...llamaKeys,
    ...honoured('kv_lora_rank', 'q_lora_rank', 'qk_nope_head_dim', 'qk_rope_head_dim', 'v_head_dim', 'layer_rank_list'),
    ...honoured('rope_interleave'),
    ...only([false], 'use_lora_layer_norm'),
    ...only([null], mixtureKey),
  },
  choice: (reader) => ({
    rope: { layout: reader.boolean('rope_interleave') === false ? 'half' : 'interleaved' },
  }),
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, latentNorms: (part) => flag(part, 'use_lora_layer_norm') },
  },
});
