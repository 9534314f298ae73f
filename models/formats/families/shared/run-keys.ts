/**
 * What a run makes of each key of a configuration class, for the families that Headscope runs: a table beside each family's row.
 * A key that would make another model of the checkpoint is refused, so that no attention is shown that is not the model's.
 * The classes are those of transformers 5.2 and, for keys that files of earlier releases write, of 4.x (read 2026-11-30).
 */
import type { JsonObject } from '../../config/config-reader';
import { describe, formatPath, isObject } from '../../config/config-reader';
import { mixtureKey } from '../../config/head-mixture';
import type { Departure, JsonPath, JsonValue, ModelPart } from '../../model-description';

type KeyTreatment =
  /** Computed as the class computes it, whatever the value. */
  | { readonly kind: 'honoured' }
  /** Changes nothing that a run shows, and why. */
  | { readonly kind: 'idle'; readonly why: string }
  /** Computed at these values; any other is refused. */
  | { readonly kind: 'only'; readonly values: readonly JsonValue[] }
  /** A list of one of these for each layer. */
  | { readonly kind: 'each'; readonly values: readonly JsonValue[] }
  /** An object with keys of its own. */
  | { readonly kind: 'nested'; readonly keys: RunKeys }
  /** An object that the class writes over the one under another key: refused where the two differ. */
  | { readonly kind: 'repeats'; readonly key: string }
  /** The width of a head, which the class computes from the stream's width and the number of heads; another number in the file is refused. */
  | { readonly kind: 'head-width' };

/** By key of the configuration class, its older names included. */
export type RunKeys = Readonly<Record<string, KeyTreatment>>;

const each = (keys: readonly string[], treatment: KeyTreatment): RunKeys =>
  Object.fromEntries(keys.map((key) => [key, treatment]));

export const honoured = (...keys: readonly string[]): RunKeys => each(keys, { kind: 'honoured' });
export const idle = (why: string, ...keys: readonly string[]): RunKeys => each(keys, { kind: 'idle', why });
export const only = (values: readonly JsonValue[], ...keys: readonly string[]): RunKeys =>
  each(keys, { kind: 'only', values });

export const nested = (key: string, keys: RunKeys): RunKeys => ({ [key]: { kind: 'nested', keys } });

/** For a class that divides the width among the heads whatever this key says. */
export const headWidth = (key: string): RunKeys => ({ [key]: { kind: 'head-width' } });

export const repeats = (key: string, by: string): RunKeys => ({ [by]: { kind: 'repeats', key } });

/** Names of transformers' ACT2FN that the graphs have. */
export const activations = [
  'silu',
  'swish',
  'gelu',
  'gelu_python',
  'gelu_new',
  'gelu_pytorch_tanh',
  'gelu_fast',
  'gelu_accurate',
  'quick_gelu',
  'relu',
  'relu2',
] as const;

/** The keys of PreTrainedConfig, which every class has. */
export const baseKeys: RunKeys = {
  ...idle('names of files, classes and versions', '_name_or_path', 'architectures', 'auto_map', 'model_type'),
  ...idle('names of files, classes and versions', 'transformers_version', 'tokenizer_class', 'finetuning_task'),
  ...idle('weights are widened to float32 from what they are stored in', 'dtype', 'torch_dtype', 'use_bfloat16'),
  ...idle('names and number of classes of a classifier', 'id2label', 'label2id', 'num_labels', 'problem_type'),
  ...idle('what a call in Python returns', 'output_attentions', 'output_hidden_states', 'return_dict', 'torchscript'),
  ...idle('the same products in pieces', 'chunk_size_feed_forward'),
  ...idle('which loop of transformers generates', 'is_encoder_decoder', 'task_specific_params', 'cache_implementation'),
  ...idle('ties a pair of encoder and decoder, which such a class is not', 'tie_encoder_decoder'),
  ...idle('has its own sentence: quantised weights are refused', 'quantization_config'),
  ...idle('which program computes it', 'attn_implementation', '_attn_implementation', '_attn_implementation_autoset'),
  ...idle('the width of what cross-attention reads, which is refused where it is on', 'cross_attention_hidden_size'),
  // transformers 4 takes these heads out of the layers before the weights are read.
  ...only([{}, null], 'pruned_heads'),
};

/** Keys by which other classes, forks and code of a repository's own compute something, for stacks that do not have them. */
const foreignKeys: RunKeys = {
  ...only([null], mixtureKey),
  ...only([true, null], 'is_causal'),
  ...only([false, null], 'use_bidirectional_attention', 'bidirectional', 'is_bidirectional'),
  ...only([false, null], 'add_cross_attention', 'alibi', 'use_alibi', 'parallel_attn', 'use_parallel_residual'),
  ...only([false, null], 'use_qk_norm', 'qk_norm', 'qk_layernorm', 'qk_layer_norms', 'use_qk_layernorm'),
  ...only([false, null], 'rope_interleaved', 'rope_interleave', 'rotary_interleaved', 'attention_sink', 'use_sinks'),
  ...only([null], 'clip_qkv', 'attention_multiplier', 'scale_depth', 'dim_model_base', 'query_pre_attn_scalar'),
  ...only([1, null], 'embedding_multiplier', 'residual_multiplier', 'logits_scaling', 'logit_scale', 'scale_emb'),
  ...only(['absolute', 'rope', 'rotary', 'learned', null], 'position_embedding_type'),
};

/** Keys that say nothing of what a trained text model computes. */
export const idleOfText: RunKeys = {
  ...idle(
    'drops activations in training alone',
    'attention_dropout',
    'hidden_dropout',
    'dropout',
    'classifier_dropout',
  ),
  ...idle('drops activations in training alone', 'attention_probs_dropout_prob', 'hidden_dropout_prob', 'layerdrop'),
  ...idle('drops activations in training alone', 'attn_pdrop', 'embd_pdrop', 'resid_pdrop', 'summary_first_dropout'),
  ...idle('drops activations in training alone', 'activation_dropout', 'embedding_dropout', 'residual_dropout'),
  ...idle('drops activations in training alone', 'embed_dropout', 'resid_dropout', 'emb_pdrop'),
  ...idle('first values of weights that are stored', 'initializer_range', 'initializer_factor', 'init_std'),
  ...idle('where a text begins and ends, and what fills it up', 'bos_token_id', 'eos_token_id', 'pad_token_id'),
  ...idle('whether keys and values are kept: speed alone', 'use_cache'),
};

/** Rotary positions in the key names of transformers 4 and 5; the forms are refused by name where one has no formula here. */
const rotary: RunKeys = honoured('rope_parameters', 'rope_scaling', 'rope_theta');

const wholeHead: RunKeys = only([1, null], 'partial_rotary_factor');

/** For classes without windows: the caches of transformers 5 drop keys by these all the same. */
const noWindow: RunKeys = {
  ...only([null], 'sliding_window', 'attention_chunk_size'),
  layer_types: { kind: 'each', values: ['full_attention', null] },
};

/** The keys of LlamaConfig that most classes since took over, but for that of the norms. */
export const rotaryDecoderKeys: RunKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads', 'head_dim'),
  ...honoured('num_key_value_heads', 'max_position_embeddings', 'tie_word_embeddings', mixtureKey),
  ...rotary,
  ...wholeHead,
  ...noWindow,
  ...only(activations, 'hidden_act'),
  ...idle('the same products in pieces', 'pretraining_tp'),
};

/** With RMS norms, as Llama, Mistral, Qwen, Gemma and Phi-3 have them. */
export const llamaLikeKeys: RunKeys = { ...rotaryDecoderKeys, ...honoured('rms_norm_eps') };

/** Keys of the training of routers. */
export const routerIdle: RunKeys = {
  ...idle('a loss of training', 'router_aux_loss_coef', 'aux_loss_coef', 'aux_loss_alpha'),
  ...idle('noise in training alone', 'router_jitter_noise', 'input_jitter_noise'),
  ...idle('what a call in Python returns', 'output_router_logits'),
};

/** GPT-2's names of sizes, which GPT-J and others kept, and the usual ones, which their classes read for the same. */
export const gptSizes: RunKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'n_positions', 'n_embd', 'n_layer', 'n_head', 'layer_norm_epsilon', 'tie_word_embeddings'),
  ...honoured('max_position_embeddings', 'hidden_size', 'num_hidden_layers', 'num_attention_heads'),
};

export const encoderSizes: RunKeys = {
  ...honoured('hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads', 'layer_norm_eps'),
  ...only(activations, 'hidden_act'),
  ...idle('the class has as many key/value heads as heads', 'num_key_value_heads'),
};

/** BERT's, where another table or none gives positions. */
export const encoderKeys: RunKeys = {
  ...idleOfText,
  ...encoderSizes,
  ...honoured('vocab_size', 'max_position_embeddings', 'type_vocab_size', 'tie_word_embeddings', 'is_decoder'),
  // What cross-attention reads is written by another model.
  ...only([false, null], 'add_cross_attention'),
};

export const bertKeys: RunKeys = { ...encoderKeys, ...only(['absolute', null], 'position_embedding_type') };

export const pictureKeys: RunKeys = {
  ...encoderSizes,
  ...honoured('image_size', 'patch_size'),
  // Pictures are prepared in three.
  ...only([3], 'num_channels'),
  ...idle('the text model has the vocabulary', 'vocab_size'),
  ...idle('drops activations in training alone', 'attention_dropout', 'attention_probs_dropout_prob', 'dropout'),
  ...idle('drops activations in training alone', 'hidden_dropout_prob', 'drop_path_rate'),
  ...idle('first values of weights that are stored', 'initializer_range', 'initializer_factor'),
};

/** What stands in a sentence for a value, however large the value is. */
const shown = (value: JsonValue): string => {
  if (typeof value === 'object' && value !== null) return describe(value);
  return typeof value === 'string' ? `"${value.length > 40 ? `${value.slice(0, 40)}…` : value}"` : String(value);
};

const isEmpty = (value: JsonValue): boolean => isObject(value) && Object.keys(value).length === 0;

/** The values of the tables are plain ones, and the empty object. */
const same = (one: JsonValue, other: JsonValue): boolean => one === other || (isEmpty(one) && isEmpty(other));

const listed = (values: readonly JsonValue[]): string => {
  const words = values.filter((value) => value !== null).map((value) => (isEmpty(value) ? 'empty' : shown(value)));
  return words.length === 0 ? 'unset' : words.length === 1 ? (words[0] ?? '') : `one of ${words.join(', ')}`;
};

/** Whose keys they are: the family's title, the class, and what of them the description of the part was made of. */
export interface KeyOwner {
  readonly title: string;
  readonly className: string;
  readonly fields?: ModelPart['fields'];
  /** The width of the stream and the heads that it is divided among. */
  readonly sizes?: Pick<ModelPart, 'hiddenSize' | 'heads'>;
}

/** The keys of one object of a file at values that its family's graphs do not compute. */
export function departuresOf(object: JsonObject, path: JsonPath, keys: RunKeys, owner: KeyOwner): readonly Departure[] {
  const { fields, className } = owner;
  const known = { ...baseKeys, ...keys };
  const treatmentOf = (key: string): KeyTreatment | undefined => {
    if (Object.hasOwn(known, key)) return known[key];
    return fields !== undefined && Object.hasOwn(foreignKeys, key) ? foreignKeys[key] : undefined;
  };
  return Object.entries(object).flatMap(([key, value]): readonly Departure[] => {
    if (value === undefined) return [];
    const at = [...path, key];
    const treatment = treatmentOf(key);
    switch (treatment?.kind) {
      case 'honoured':
      case 'idle':
        return [];
      case 'only':
      case 'each':
        return otherValue(value, at, treatment, owner);
      case 'nested':
        return isObject(value) ? departuresOf(value, at, treatment.keys, { title: owner.title, className }) : [];
      case 'repeats':
        return otherCopy(value, at, object[treatment.key], [...path, treatment.key], owner);
      case 'head-width':
        return otherHeadWidth(value, at, owner);
      case undefined:
        return strayKey(value, at, owner);
    }
  });
}

function otherValue(
  value: JsonValue,
  path: JsonPath,
  { kind, values }: Extract<KeyTreatment, { kind: 'only' | 'each' }>,
  { title }: KeyOwner,
): readonly Departure[] {
  const fits = (item: JsonValue): boolean => values.some((one) => same(one, item));
  const items = kind === 'each' && Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  if (items.every(fits)) return [];
  const message = `${formatPath(path)} is ${shown(value)}, and Headscope computes ${title} where it is ${listed(values)}. Choose a checkpoint without it.`;
  return [{ path, message }];
}

function otherHeadWidth(value: JsonValue, path: JsonPath, { className, sizes }: KeyOwner): readonly Departure[] {
  if (value === null || !sizes || sizes.heads === 0) return [];
  const { hiddenSize, heads } = sizes;
  const computed = Math.floor(hiddenSize / heads);
  if (value === computed) return [];
  const message = `${formatPath(path)} is ${shown(value)}, but ${className} divides ${hiddenSize} numbers among ${heads} heads, ${computed} for each. Make the two equal.`;
  return [{ path, message }];
}

function otherCopy(
  value: JsonValue,
  path: JsonPath,
  written: JsonValue | undefined,
  over: JsonPath,
  { className }: KeyOwner,
): readonly Departure[] {
  const other = isObject(written) ? written : {};
  const plain = (each: JsonValue | undefined): boolean => typeof each !== 'object' && each !== undefined;
  const [key, own] =
    Object.entries(isObject(value) ? value : {}).find(([inner, mine]) => plain(mine) && mine !== other[inner]) ?? [];
  if (key === undefined || own === undefined) return [];
  const message = `${formatPath([...path, key])} is ${shown(own)}, and ${formatPath(over)} says otherwise, over which ${className} writes it. Make the two equal.`;
  return [{ path: [...path, key], message }];
}

/** Read here by a name that other families have, and not by the class: the two would be different models. */
function strayKey(value: JsonValue, path: JsonPath, { className, fields = {} }: KeyOwner): readonly Departure[] {
  const key = String(path.at(-1));
  const source = Object.hasOwn(fields, key) ? fields[key]?.source : undefined;
  if (value === null || value === false || source?.kind !== 'file') return [];
  const message = `${formatPath(path)} is ${shown(value)}, and ${className} has no such key, so what the model computes by it is not known. Remove the key if the model was trained without it.`;
  return [{ path, message }];
}
