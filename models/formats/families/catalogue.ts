import { bart, m2m100, marian, mbart, pegasus, t5, whisper } from './encoder-decoder';
import type { CompositeFamily, Family } from './family';
import { clap, clip, siglip } from './contrastive';
import { detr } from './detr';
import { modernBertPair } from './modernbert';
import { gemma3Multimodal, idefics3, llava, llavaNext, llavaOnevision, paligemma, smolvlm } from './multimodal';
import { qwen2Vl, qwen25Vl, qwen3Vl, qwen35Vl } from './qwen-vl';
import { stackFamilies } from './stacks';
import { step3p7 } from './step-vision';

const composites: readonly CompositeFamily[] = [
  t5,
  bart,
  mbart,
  m2m100,
  marian,
  pegasus,
  whisper,
  detr,
  modernBertPair,
  clip,
  siglip,
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
];

export const families: readonly Family[] = [...stackFamilies, ...composites];

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

export const familyById = (id: string): Family | undefined => byId.get(id);
