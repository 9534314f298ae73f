/** Files that name no model_type and are a model's all the same: what their own keys say of the type. */
import type { JsonObject } from '../config/config-reader';
import { isObject } from '../config/config-reader';
import { diffusionSized } from './diffusion/sizes';
import { diffusionTransformers } from './diffusion/transformers';
import { unet } from './diffusion/unet';

const diffusers: ReadonlySet<string> = new Set(
  [...diffusionTransformers, ...diffusionSized, unet].flatMap(({ modelTypes }) => modelTypes),
);

const has = (object: JsonObject, ...keys: readonly string[]): boolean =>
  keys.every((key) => object[key] !== undefined && object[key] !== null);

/** The first releases of BERT, ALBERT and GPT-2 wrote neither model_type nor class; these keys are their own. */
function olderType(object: JsonObject): string | undefined {
  if (object['architectures'] !== undefined) return undefined;
  // GPT has them too, and says its activation as `afn`.
  if (has(object, 'n_embd', 'n_layer', 'n_head', 'vocab_size') && object['afn'] === undefined)
    return has(object, 'n_positions') || has(object, 'n_ctx') ? 'gpt2' : undefined;
  if (!has(object, 'type_vocab_size', 'hidden_size')) return undefined;
  if (object['embedding_size'] === undefined) return 'bert';
  return object['share_type'] !== undefined || object['num_hidden_groups'] !== undefined ? 'albert' : undefined;
}

const isOpenClip = (object: JsonObject): boolean =>
  has(object, 'embed_dim') && isObject(object['vision_cfg']) && isObject(object['text_cfg']);

/** timm writes the name of an architecture, and beside it classes or what the weights were trained on. */
const isTimm = (object: JsonObject): boolean =>
  typeof object['architecture'] === 'string' &&
  (isObject(object['pretrained_cfg']) || (has(object, 'num_classes') && has(object, 'num_features')));

/** The type of a file without model_type; undefined where its keys do not say it. */
export function unnamedType(object: JsonObject): string | undefined {
  if (object['model_type'] !== undefined) return undefined;
  const className = object['_class_name'];
  if (typeof className === 'string') return diffusers.has(className) ? className : undefined;
  const inner = object['model_cfg'];
  if (isOpenClip(object) || (isObject(inner) && isOpenClip(inner))) return 'open_clip';
  if (isTimm(object)) return 'timm_wrapper';
  if (object['architecture'] === 'voxcpm' && isObject(object['lm_config'])) return 'voxcpm';
  return olderType(object);
}

/** Whether the file is of a library that names its keys itself, and none of transformers from before `model_type`. */
export function isOwnForm(object: JsonObject): boolean {
  const type = unnamedType(object);
  return type !== undefined && type !== 'bert' && type !== 'albert' && type !== 'gpt2';
}
