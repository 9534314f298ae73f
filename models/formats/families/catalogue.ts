import type { JsonObject } from '../config/config-reader';
import { isObject } from '../config/config-reader';
import {
  bart,
  blenderbot,
  blenderbotSmall,
  m2m100,
  marian,
  mbart,
  mvp,
  pegasus,
  plBart,
} from './encoders/encoder-decoder';
import { led } from './encoders/led';
import { bigBirdPegasus } from './encoders/bigbird-pegasus';
import { fsmt } from './encoders/fsmt';
import { nllbMoe } from './encoders/nllb-moe';
import { prophetNet } from './encoders/prophetnet';
import { switchTransformers } from './encoders/switch';
import { longT5, t5 } from './encoders/t5';
import { t5Gemma } from './decoders/t5gemma';
import { whisper } from './encoders/whisper';
import type { CompositeFamily, Family } from './shared/family';
import { clap, clip, clipSeg, metaClip2, owlV2, owlVit, siglip, siglip2 } from './composites/contrastive';
import { detr, detrRelatives } from './composites/detr';
import { modernBertPair } from './encoders/modernbert';
import {
  gemma3Multimodal,
  idefics3,
  llava,
  llavaNext,
  llavaOnevision,
  paligemma,
  smolvlm,
} from './composites/multimodal';
import { openClip } from './composites/open-clip';
import { rtDetr } from './composites/rt-detr';
import { speechT5 } from './encoders/speecht5';
import { qwen2Vl, qwen25Vl, qwen3Vl, qwen35Vl } from './composites/qwen-vl';
import { severalParts } from './composites';
import { stackFamilies } from './stacks';
import { step3p7 } from './composites/step-vision';

const composites: readonly CompositeFamily[] = [
  t5,
  longT5,
  t5Gemma,
  led,
  fsmt,
  prophetNet,
  bigBirdPegasus,
  switchTransformers,
  bart,
  mbart,
  m2m100,
  nllbMoe,
  marian,
  pegasus,
  whisper,
  detr,
  modernBertPair,
  clip,
  siglip,
  siglip2,
  metaClip2,
  clipSeg,
  owlVit,
  owlV2,
  detrRelatives,
  clap,
  llava,
  llavaNext,
  llavaOnevision,
  paligemma,
  gemma3Multimodal,
  idefics3,
  smolvlm,
  qwen2Vl,
  qwen25Vl,
  qwen3Vl,
  qwen35Vl,
  step3p7,
  rtDetr,
  plBart,
  mvp,
  blenderbot,
  blenderbotSmall,
  speechT5,
  openClip,
];

export const families: readonly Family[] = [...stackFamilies, ...composites, ...severalParts];

const byType = new Map(families.flatMap((family) => family.modelTypes.map((type) => [type, family] as const)));
const byId = new Map(families.map((family) => [family.id, family] as const));

/**
 * The family of a file: by `model_type`, or, where it names none, by its class. A model_type that is present decides
 * alone, since classes are borrowed on purpose (Kimi K2 names DeepSeek-V3's).
 */
export function familyOf(modelType: string | undefined, architectures: readonly string[]): Family | undefined {
  if (modelType !== undefined) return byType.get(modelType);
  return families.find((family) => architectures.some((name) => family.architectures?.test(name) === true));
}

/**
 * The family of the whole where a file says another type: Qwen-VL the type of its text model alone, the first LLaVA that of the
 * later one in transformers. Undefined if the type is a word that says nothing by itself.
 */
export function wholeOf(family: Family | undefined, object: JsonObject): Family | undefined {
  // The word names a family only if the file has the keys of its library.
  if (family?.id === 'fla_transformer' && (object['num_heads'] ?? object['norm_eps']) === undefined) return undefined;
  if (family?.id === 'qwen' && isObject(object['visual'])) return byId.get('qwen_vl');
  const outside = object['mm_vision_tower'] !== undefined && object['text_config'] === undefined;
  return family?.id === 'llava' && outside ? byId.get('llava_original') : family;
}

export const familyById = (id: string): Family | undefined => byId.get(id);
