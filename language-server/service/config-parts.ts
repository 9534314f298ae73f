import { namesOfSense } from '../../models/formats/config/field-names';
import type { OwnFamily } from '../../models/formats/workspace-family';
import type { JsonPath, JsonValue } from '../../models/formats/model-description';
import { isDraft, isOwnClass, knownModelTypes } from '../../models/formats/families/shared/class-names';
import { isOwnForm } from '../../models/formats/families/type-by-keys';
import { isObject } from './json-document';
import { isOfOtherProgram } from './other-programs';

export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/**
 * How much the checks may claim about a part.
 * - `known`: its model_type is one whose published configs were studied
 * - `unnamed`: the file names no model type, class or code of its own: the general names mean what they mean in transformers
 * - `foreign`: another library or remote code reads it; nothing is called an error on its account
 */
export type Familiarity = 'known' | 'unnamed' | 'foreign';

/** An object of a config that describes one network: the file itself, `text_config`, `vision_config`, … */
export interface ConfigPart {
  readonly path: JsonPath;
  readonly value: JsonObject;
  readonly role: 'text' | 'vision' | 'audio';
  /** Its own model_type, else that of the file when the part is the file's text part or the file itself. */
  readonly modelType: string | undefined;
  readonly familiarity: Familiarity;
}

const partSigns = [
  'hidden_size',
  'num_attention_heads',
  'num_hidden_layers',
  'd_model',
  'n_embd',
  'n_head',
  'n_layer',
  'num_heads',
  'depth',
  'embed_dim',
  'model_type',
  'vocab_size',
];

/** Objects that hold other things under familiar names, and `*_dict` twins that transformers itself ignores. */
const isOtherObject = (key: string): boolean =>
  /^(id2label|label2id|task_specific_params|auto_map|quantization_config|quantize_config|rope_.*|ffn_config|generation_config|pruned_heads|transformers[._]?js_config)$/.test(
    key,
  ) || key.endsWith('_dict');

const roleOf = (path: JsonPath): ConfigPart['role'] => {
  const name = path.join('.').toLowerCase();
  if (/vision|visual|image|vit|sam|backbone/.test(name)) return 'vision';
  if (/audio|speech|wav|code2|dit|bigvgan/.test(name)) return 'audio';
  return 'text';
};

/** True where the first class of a config has layers of its own under a known model type, or the config is a draft's. */
const hasOwnClass = (root: JsonObject): boolean => {
  if (isDraft(root)) return true;
  const { architectures, auto_map: remoteCode, model_type: modelType } = root;
  const [first] = Array.isArray(architectures) ? (architectures as readonly unknown[]) : [];
  return (
    typeof first === 'string' && typeof modelType === 'string' && isOwnClass(first, modelType, isObject(remoteCode))
  );
};

const deepestPart = 4;

/** The parts of a config, the file itself first. */
export const configParts = (
  root: JsonValue | undefined,
  families: readonly OwnFamily[] = [],
): readonly ConfigPart[] => {
  if (!isObject(root)) return [];
  const parts: ConfigPart[] = [];
  const familiarityOf = (value: JsonObject, above: Familiarity): Familiarity => {
    const modelType = value['model_type'];
    if (typeof modelType === 'string' && modelType !== '') {
      const isKnown = knownModelTypes.has(modelType) || families.some((own) => own.modelType === modelType);
      return isKnown && above !== 'foreign' ? 'known' : 'foreign';
    }
    return above;
  };
  const top: Familiarity =
    typeof root['model_type'] === 'string' && root['model_type'] !== ''
      ? hasOwnClass(root)
        ? 'foreign'
        : familiarityOf(root, 'unnamed')
      : isOwnForm(root) ||
          isObject(root['auto_map']) ||
          (headNames.some((key) => root[key] !== undefined) && isOfOtherProgram(root))
        ? 'foreign'
        : 'unnamed';
  const visit = (value: JsonObject, path: JsonPath, above: Familiarity, aboveType: string | undefined): void => {
    const familiarity = path.length === 0 ? top : familiarityOf(value, above);
    const own = value['model_type'];
    const role = roleOf(path);
    const modelType = typeof own === 'string' && own !== '' ? own : role === 'text' ? aboveType : undefined;
    parts.push({ path, value, role, modelType, familiarity });
    if (path.length >= deepestPart) return;
    for (const [key, child] of Object.entries(value)) {
      if (!isObject(child) || isOtherObject(key)) continue;
      if (partSigns.some((sign) => child[sign] !== undefined) || key.endsWith('_config')) {
        visit(child, [...path, key], familiarity, modelType);
      }
    }
  };
  visit(root, [], top, undefined);
  return parts;
};

/** True of a file that brings its own code along: that may read its fields otherwise than the class of its model_type. */
export const hasRemoteCode = ([root]: readonly ConfigPart[]): boolean => isObject(root?.value['auto_map']);

/** The first of several names for one field that the part has as a number. */
export const numberField = (
  value: JsonObject,
  names: readonly string[],
): { readonly key: string; readonly value: number } | undefined => {
  for (const key of names) {
    const found = value[key];
    if (typeof found === 'number' && Number.isFinite(found)) return { key, value: found };
  }
  return undefined;
};

export const { hidden: hiddenSizeNames, heads: headNames } = namesOfSense;
export const kvHeadNames = ['num_key_value_heads', 'num_kv_heads', 'n_head_kv', 'multi_query_group_num'] as const;
export const layerNames: readonly string[] = [...namesOfSense.layers, 'depth'];
export const contextNames = [
  'max_position_embeddings',
  'n_positions',
  'n_ctx',
  'max_seq_len',
  'max_sequence_length',
  'seq_length',
] as const;
export const expertNames = [
  'num_local_experts',
  'num_experts',
  'n_routed_experts',
  'moe_num_experts',
  'num_routed_experts',
] as const;
export const expertsPerTokenNames = [
  'num_experts_per_tok',
  'num_experts_per_token',
  'moe_topk',
  'moe_top_k',
  'moe_k',
  'top_k_experts',
] as const;

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
  const hidden = numberField(value, hiddenSizeNames);
  const heads = numberField(value, headNames);
  if (hidden === undefined || heads === undefined || heads.value <= 0) return undefined;
  if (hidden.value % heads.value !== 0) return undefined;
  return { value: hidden.value / heads.value, formula: `${hidden.key} / ${heads.key}` };
};
