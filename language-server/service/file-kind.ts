import { unnamedType } from '../../models/formats/families/type-by-keys';
import { headscopeFileName } from '../../models/formats/headscope-file';
import type { JsonValue } from '../../models/formats/model-description';
import type { CompanionName } from './folder-facts';
import { isObject } from './json-document';
import { isOfOtherProgram } from './other-programs';
import { own } from './own';

/** What a JSON file of a model folder is; `headscope` is the `.headscope.json` of a repository. */
export const fileKinds = [
  'config',
  'generation',
  'preprocessor',
  'processor',
  'tokenizer',
  'adapter',
  'genai',
  'index',
  'headscope',
] as const;
export type FileKind = (typeof fileKinds)[number];

const sizeKeys = ['hidden_size', 'd_model', 'n_embd', 'n_embed', 'dim', 'model_dim', 'hidden_dim'];
const headKeys = [
  'num_attention_heads',
  'n_head',
  'n_heads',
  'num_heads',
  'encoder_attention_heads',
  'decoder_attention_heads',
  'num_query_heads',
];
const partKeys = ['text_config', 'vision_config', 'audio_config', 'llm_config', 'language_config', 'thinker_config'];
const generationKeys = new Set([
  '_from_model_config',
  'assistant_early_exit',
  'bad_words_ids',
  'begin_suppress_tokens',
  'bos_token_id',
  'cache_implementation',
  'chat_format',
  'decoder_start_token_id',
  'diversity_penalty',
  'do_sample',
  'early_stopping',
  'encoder_no_repeat_ngram_size',
  'eos_token_id',
  'forced_bos_token_id',
  'forced_eos_token_id',
  'length_penalty',
  'max_length',
  'max_new_tokens',
  'max_window_size',
  'min_length',
  'min_p',
  'no_repeat_ngram_size',
  'num_beams',
  'num_return_sequences',
  'pad_token_id',
  'penalty_alpha',
  'repetition_penalty',
  'suppress_tokens',
  'temperature',
  'top_k',
  'top_p',
  'transformers_version',
  'trust_remote_code',
  'use_cache',
]);

const baseName = (uri: string): string => {
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    // An address of another editor may hold a bare percent sign.
    return name;
  }
};

/**
 * What the file is, by its content; the name only decides between kinds whose content is the same (an object of token
 * ids). Anything else is left alone, and so are the sizes of a model of another program, unless a person asked for it (`isAsked`).
 */
export const fileKind = (uri: string, value: JsonValue | undefined, isAsked = false): FileKind | undefined => {
  if (baseName(uri) === headscopeFileName) return 'headscope';
  if (!isObject(value)) return undefined;
  const has = (key: string): boolean => value[key] !== undefined;
  const name = baseName(uri);
  if (isObject(value['weight_map'])) return 'index';
  if (has('peft_type') || (has('target_modules') && (has('r') || has('lora_alpha')))) return 'adapter';
  const model = value['model'];
  if (isObject(model) && isObject(model['decoder']) && (has('search') || typeof model['type'] === 'string'))
    return 'genai';
  // Some configs have no `model_type`: diffusers' networks, OpenCLIP, timm, and models that are older than the field.
  if (unnamedType(value) !== undefined) return 'config';
  // Pipelines of diffusers and sentence-transformers keep settings under the same names; they describe no attention.
  if (has('_class_name') || has('_diffusers_version') || has('__version__')) return undefined;
  if (has('image_processor_type') || has('feature_extractor_type') || (has('image_mean') && has('image_std'))) {
    return name.startsWith('processor') ? 'processor' : 'preprocessor';
  }
  const classes = value['architectures'];
  const namesClass =
    Array.isArray(classes) || (typeof classes === 'string' && /^[A-Z]\w+(For[A-Z]|Model$)/.test(classes));
  const namesModel = typeof value['model_type'] === 'string' || namesClass;
  const hasSizes = sizeKeys.some(has) && headKeys.some(has) && (isAsked || !isOfOtherProgram(value));
  if (!namesModel && has('processor_class') && !has('tokenizer_class')) return 'processor';
  const hasParts = partKeys.some((key) => isObject(value[key]));
  // Tokenizer settings may name the class of the model they belong to.
  const settings = has('added_tokens_decoder') || has('tokenizer_class') || has('model_max_length');
  if (settings && !hasSizes && !hasParts && (typeof value['model_type'] !== 'string' || name.startsWith('tokenizer'))) {
    return 'tokenizer';
  }
  if (namesModel || hasSizes || hasParts) return 'config';
  const keys = Object.keys(value);
  const known = keys.filter((key) => generationKeys.has(key)).length;
  const isNamed = name === 'generation_config.json' && known >= 2;
  if (isNamed || (has('_from_model_config') && known * 2 >= keys.length)) return 'generation';
  return undefined;
};

/** Kinds of the companions that are checked themselves. */
const kindsByName: Readonly<Partial<Record<CompanionName, FileKind>>> = {
  'config.json': 'config',
  'generation_config.json': 'generation',
  'preprocessor_config.json': 'preprocessor',
  'processor_config.json': 'processor',
  'tokenizer_config.json': 'tokenizer',
  'adapter_config.json': 'adapter',
  'genai_config.json': 'genai',
  'model.safetensors.index.json': 'index',
  'pytorch_model.bin.index.json': 'index',
};

/** What a file is by its name alone: that of one whose content says nothing, because it is broken or empty. */
export const kindByName = (uri: string): FileKind | undefined => {
  const name = baseName(uri);
  if (name === headscopeFileName) return 'headscope';
  return own(kindsByName, name) ?? (name.endsWith('.safetensors.index.json') ? 'index' : undefined);
};

/** `config.json` of `…/model/config.json`. */
export const fileNameOf = baseName;
