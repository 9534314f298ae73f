import type { ConfigReader, JsonObject } from '../config/config-reader';
import { isObject } from '../config/config-reader';
import { layerCountFromLists } from '../config/layer-kinds';
import { readTransformer } from '../config/transformer';
import type { ModelPart, PartRole } from '../model-description';
import { readImage } from './towers/vision';

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The first class named, in lower case, before the model type. */
function names(object: JsonObject): string {
  const list = object['architectures'];
  const first: unknown = Array.isArray(list) ? (list as readonly unknown[])[0] : undefined;
  return `${textOf(first)} ${textOf(object['model_type'])}`.toLowerCase();
}

function guessRole(object: JsonObject, key: string): PartRole {
  const said = `${names(object)} ${key.toLowerCase()}`;
  if (
    object['num_mel_bins'] !== undefined ||
    object['conv_dim'] !== undefined ||
    /audio|speech|wav|whisper/.test(said)
  ) {
    return 'audio';
  }
  const seesImages = object['patch_size'] !== undefined || object['image_size'] !== undefined;
  if (/vision|visual|vit\b|image/.test(said) || (seesImages && object['vocab_size'] === undefined)) return 'vision';
  if (/bert|electra|mpnet|xlnet|maskedlm/.test(said)) return 'encoder';
  if (/causallm|lmhead|conditionalgeneration|decoder|text_config|llm|language/.test(said)) return 'decoder';
  if (said.includes('encoder')) return 'encoder';
  return 'decoder';
}

const rotaryKey = /^(rope|rotary|use_rotary|partial_rotary)/;

/** A part of a family that is not known: only what the keys themselves say, and its role where the whole says it. */
export function readGeneric(reader: ConfigReader, name?: string, known?: PartRole): ModelPart {
  const { object } = reader;
  const role = known ?? guessRole(object, reader.path.join('.'));
  const rotary =
    Object.keys(object).some((key) => rotaryKey.test(key)) && object['position_embedding_type'] !== 'absolute';
  const activation = reader.string('hidden_act');
  const gatedWord = object['feed_forward_proj'] ?? object['mlp_type'];
  const gated =
    activation === undefined
      ? typeof gatedWord === 'string' && gatedWord.startsWith('gated')
      : /silu|swish|glu/.test(activation);
  // OpenCLIP's notation gives the width of a head instead of their number.
  const headWidth = reader.has('head_width') ? reader.integer('head_width', 1) : undefined;
  const width = reader.integer('hidden_size') ?? 0;
  const image = role === 'vision' ? readImage(reader, 0) : undefined;
  return readTransformer(reader, {
    family: 'generic',
    role,
    gated: gated || (role === 'decoder' && object['moe_intermediate_size'] !== undefined),
    positions: rotary ? 'rope' : role === 'decoder' ? 'unknown' : 'learned',
    ...(headWidth === undefined ? {} : { heads: Math.floor(width / headWidth) }),
    ...(name === undefined ? {} : { name }),
    ...(image === undefined ? {} : { image }),
  });
}

/** Whether an object describes a stack: a width and a depth under any of their names. */
export function looksLikeStack(reader: ConfigReader): boolean {
  const { object } = reader;
  const sized = reader.nameOf('hidden_size') !== undefined;
  const deep =
    reader.nameOf('num_hidden_layers') !== undefined ||
    layerCountFromLists(reader) !== undefined ||
    object['encoder_layers'] !== undefined ||
    object['decoder_layers'] !== undefined;
  const attends =
    reader.nameOf('num_attention_heads') !== undefined ||
    object['encoder_attention_heads'] !== undefined ||
    object['attention_heads'] !== undefined ||
    object['num_kv_heads'] !== undefined;
  return (sized && (deep || attends)) || (deep && attends);
}

/** Whether an object under this key holds settings and never a stack of layers; transformers itself ignores the `_dict` twins. */
export const holdsSettings = (key: string): boolean =>
  /^((quantization|compression|quantize|generation|linear_attn|attn|init|ffn)_config|rope_.*|id2label|label2id|auto_map|task_specific_params|pruned_heads|transformers[._]?js_config)$|_dict$/.test(
    key,
  );

export interface FoundPart {
  readonly reader: ConfigReader;
  readonly key: string;
}

/** Nested objects that describe stacks, in the order of the file, at most three levels down. */
export function findParts(
  reader: ConfigReader,
  known: (modelType: string) => boolean,
  depth = 0,
): readonly FoundPart[] {
  const found: FoundPart[] = [];
  for (const key of Object.keys(reader.object)) {
    if (holdsSettings(key) || !isObject(reader.object[key])) continue;
    const child = reader.child(key);
    if (child === undefined) continue;
    const nested = depth < 2 ? findParts(child, known, depth + 1) : [];
    const type = child.object['model_type'];
    const text = nested.some((part) => guessRole(part.reader.object, part.key) === 'decoder');
    if (!text && (looksLikeStack(child) || (typeof type === 'string' && known(type)))) {
      found.push({ reader: child, key });
    }
    found.push(...nested);
  }
  return found;
}
