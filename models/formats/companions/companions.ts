import type { JsonObject } from '../config/config-reader';
import type { AdapterConfig } from '../adapter/adapter-config';
import { isObject } from '../config/config-reader';
import { given, number, string } from '../config/json-values';

/** What the files beside a config say, as far as it concerns attention, its cache or its inputs. */
export interface Companions {
  readonly generation?: GenerationConfig;
  readonly tokenizer?: TokenizerConfig;
  readonly processor?: ProcessorConfig;
  readonly adapter?: AdapterConfig;
  readonly genai?: GenaiConfig;
}

export interface GenerationConfig {
  readonly eosIds: readonly number[];
  readonly bosId?: number;
  readonly padId?: number;
  readonly sample: boolean;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
}

export interface TokenizerConfig {
  readonly className?: string;
  /** Longest input, where the file gives a real one: "no limit" is written as 1e30. */
  readonly longest?: number;
  /** Largest id of `added_tokens_decoder`. */
  readonly largestAddedId?: number;
  readonly chatTemplate: boolean;
}

export interface ProcessorConfig {
  readonly height?: number;
  readonly width?: number;
  readonly patch?: number;
  readonly merge?: number;
  readonly melBins?: number;
  readonly imageTokens?: number;
}

/** Model section of onnxruntime-genai's `genai_config.json`. */
export interface GenaiConfig {
  readonly type?: string;
  readonly contextLength?: number;
  readonly vocabularySize?: number;
  readonly layers?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly headDim?: number;
  readonly hiddenSize?: number;
  readonly file?: string;
}

export function readGenerationConfig(object: JsonObject): GenerationConfig {
  const eos = object['eos_token_id'];
  const ids = Array.isArray(eos) ? eos : [eos];
  return given({
    eosIds: ids.filter((id): id is number => typeof id === 'number'),
    bosId: number(object, 'bos_token_id'),
    padId: number(object, 'pad_token_id'),
    sample: object['do_sample'] === true,
    temperature: number(object, 'temperature'),
    topP: number(object, 'top_p'),
    topK: number(object, 'top_k'),
  });
}

export function readTokenizerConfig(object: JsonObject): TokenizerConfig {
  const added = object['added_tokens_decoder'];
  const addedIds = isObject(added) ? Object.keys(added).map(Number).filter(Number.isInteger) : [];
  const longest = number(object, 'model_max_length');
  return given({
    className: string(object, 'tokenizer_class'),
    longest: longest !== undefined && longest < 1e12 ? longest : undefined,
    largestAddedId: addedIds.length === 0 ? undefined : Math.max(...addedIds),
    chatTemplate: object['chat_template'] !== undefined && object['chat_template'] !== null,
  });
}

/** `size` and `crop_size` are a number, {height, width}, {shortest_edge} or {longest_edge}. */
function sizeOf(value: unknown): { readonly height?: number; readonly width?: number } {
  if (typeof value === 'number') return { height: value, width: value };
  if (!isObject(value)) return {};
  const edge = number(value, 'shortest_edge') ?? number(value, 'longest_edge');
  return given({ height: number(value, 'height') ?? edge, width: number(value, 'width') ?? edge });
}

/** `preprocessor_config.json` and `processor_config.json`; the second may hold the first as `image_processor`. */
export function readProcessorConfig(object: JsonObject): ProcessorConfig {
  const image = isObject(object['image_processor']) ? object['image_processor'] : object;
  const cropped = image['do_center_crop'] !== false && image['crop_size'] !== undefined;
  return given({
    ...sizeOf(cropped ? image['crop_size'] : image['size']),
    patch: number(image, 'patch_size') ?? number(object, 'patch_size'),
    merge: number(image, 'merge_size'),
    melBins: number(object, 'feature_size'),
    imageTokens: number(object, 'image_seq_length') ?? number(object, 'image_seq_len'),
  });
}

export function readGenaiConfig(object: JsonObject): GenaiConfig | undefined {
  const model = object['model'];
  if (!isObject(model)) return undefined;
  const decoder = isObject(model['decoder']) ? model['decoder'] : {};
  return given({
    type: string(model, 'type'),
    contextLength: number(model, 'context_length'),
    vocabularySize: number(model, 'vocab_size'),
    layers: number(decoder, 'num_hidden_layers'),
    heads: number(decoder, 'num_attention_heads'),
    kvHeads: number(decoder, 'num_key_value_heads'),
    headDim: number(decoder, 'head_size'),
    hiddenSize: number(decoder, 'hidden_size'),
    file: string(decoder, 'filename'),
  });
}
