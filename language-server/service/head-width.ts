import { namesOf } from '../../models/formats/config/config-reader';
import { numberField } from '../../models/formats/config/json-values';
import type { JsonObject } from '../../models/formats/config/config-reader';
import type { ConfigPart } from './parts';

/** True when the part compresses keys and values into a latent (MLA): head counts and head_dim are nominal then. */
export const isLatent = (value: JsonObject): boolean =>
  (typeof value['kv_lora_rank'] === 'number' && value['kv_lora_rank'] > 0 && value['use_mla'] !== false) ||
  value['model_type'] === 'deepseek_v4' ||
  (Array.isArray(value['architectures']) && value['architectures'][0] === 'DeepseekV4ForCausalLM') ||
  value['model_type'] === 'kimi_k3';

/** Width of a head as the file gives it, or as it follows from it; absent where neither is sure. */
export const headWidth = (part: ConfigPart): { readonly value: number; readonly formula: string } | undefined => {
  const { value } = part;
  const explicit = numberField(value, ['head_dim', 'kv_channels', 'd_kv', 'attention_head_dim', 'head_size']);
  if (explicit !== undefined) return { value: explicit.value, formula: explicit.key };
  const hidden = numberField(value, namesOf('hidden_size'));
  const heads = numberField(value, namesOf('num_attention_heads'));
  if (hidden === undefined || heads === undefined || heads.value <= 0) return undefined;
  if (hidden.value % heads.value !== 0) return undefined;
  return { value: hidden.value / heads.value, formula: `${hidden.key} / ${heads.key}` };
};
