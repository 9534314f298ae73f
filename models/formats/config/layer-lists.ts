/** Lists in a config with one entry for each layer. */
import type { JsonValue } from '../model-description';
import type { JsonObject } from './config-reader';
import { numberField } from './json-values';

/**
 * Lists with one entry a layer, and whose they are. transformers itself compares the length of layer_types with the layer
 * count in every class since 4.56.
 */
const perLayerLists = [
  'layer_types',
  'layers_block_type',
  'mlp_layer_types',
  'no_rope_layers',
  // Nemotron-H, a letter a layer
  'hybrid_override_pattern',
  // Nemotron-NAS (DeciLM), an object a layer
  'block_configs',
  // MiniMax M1 and M2
  'attn_type_list',
  // MiMo-V2
  'hybrid_layer_pattern',
  // MiMo-V2 and MiniMax M3: a list; DeepSeek-V3: a number
  'moe_layer_freq',
  // GLM-5.1
  'indexer_types',
  // DeepSeek-V4
  'compress_ratios',
  // Longformer: a list or one number
  'attention_window',
  // Hunyuan: lists or one number
  'moe_topk',
  'num_shared_expert',
  // DeciLM
  'num_key_value_heads_per_layer',
  // OpenELM
  'num_query_heads',
  'num_kv_heads',
  'ffn_multipliers',
] as const;

/** Layers of multi-token prediction, which stand after the others; some lists count them. */
const extraLayers = (value: JsonObject): number =>
  Math.max(0, numberField(value, ['num_nextn_predict_layers', 'mtp_num_hidden_layers', 'num_mtp_layers'])?.value ?? 0);

const lengthOf = (key: string, list: JsonValue | undefined): number | undefined => {
  if (Array.isArray(list)) return list.length;
  return typeof list === 'string' && key === 'hybrid_override_pattern' ? list.length : undefined;
};

/** Those of an object that have another number of entries than it has layers, each with a sentence that names both. */
export function listsOfOtherLength(
  object: JsonObject,
  layers: { readonly key: string; readonly value: number },
): readonly { readonly key: string; readonly sentence: string }[] {
  const extra = extraLayers(object);
  return perLayerLists.flatMap((key) => {
    const length = lengthOf(key, object[key]);
    if (length === undefined || length === 0 || length === layers.value || length === layers.value + extra) return [];
    // The layer of multi-token prediction is in DeepSeek-V4's list even where its count is left out.
    if (key === 'compress_ratios' && length === layers.value + 1) return [];
    const sentence = `${key} has ${length} entries and ${layers.key} is ${layers.value}. There must be one entry for each layer.`;
    return [{ key, sentence }];
  });
}
