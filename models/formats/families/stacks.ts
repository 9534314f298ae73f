import type { ConfigReader } from '../config/config-reader';
import type { ModelPart } from '../model-description';
import { bert, distilbert, roberta } from './bert';
import { bloom } from './bloom';
import { clipText, clipVision, siglipText, siglipVision } from './clip';
import { cohere } from './cohere';
import { deepseekV2, deepseekV3, glm4Moe } from './deepseek';
import { falcon } from './falcon';
import type { StackFamily } from './family';
import { firstArchitecture } from './family';
import { gemma, gemma2, gemma3 } from './gemma';
import { readGeneric } from './generic';
import { codegen, gpt2, gptBigcode, gptJ } from './gpt2';
import { gptNeoX, stableLm } from './gpt-neox';
import { gptOss } from './gpt-oss';
import { granite, graniteMoe, llama, llama4, mistral, mixtral, smollm3, starcoder2 } from './llama';
import { jamba, mamba } from './mamba';
import { modernBert } from './modernbert';
import { mpt } from './mpt';
import { olmo, olmo2 } from './olmo';
import { opt } from './opt';
import { phi, phi3 } from './phi';
import { chatGlm } from './chatglm';
import { baichuan, internLm2, qwen } from './remote-code';
import { qwen2, qwen2Moe, qwen3, qwen3Moe, qwen35 } from './qwen';
import { deit, dinov2, vit } from './vision';
import { encoderStacks, recurrentStacks, towerStacks } from './stack-lists';
import { xEcomla } from './x-ecomla';

export const stackFamilies: readonly StackFamily[] = [
  llama,
  llama4,
  mistral,
  mixtral,
  smollm3,
  granite,
  graniteMoe,
  starcoder2,
  qwen2,
  qwen2Moe,
  qwen3,
  qwen3Moe,
  qwen35,
  gemma,
  gemma2,
  gemma3,
  phi,
  phi3,
  gpt2,
  gptBigcode,
  gptJ,
  codegen,
  gptNeoX,
  stableLm,
  opt,
  bloom,
  falcon,
  mpt,
  olmo,
  olmo2,
  cohere,
  deepseekV2,
  deepseekV3,
  glm4Moe,
  xEcomla,
  gptOss,
  qwen,
  baichuan,
  chatGlm,
  internLm2,
  mamba,
  jamba,
  bert,
  roberta,
  distilbert,
  modernBert,
  vit,
  deit,
  dinov2,
  clipText,
  clipVision,
  siglipText,
  siglipVision,
  ...recurrentStacks,
  ...encoderStacks,
  ...towerStacks,
];

const byType = new Map(stackFamilies.flatMap((family) => family.modelTypes.map((type) => [type, family] as const)));

export const stackFamily = (modelType: string): StackFamily | undefined => byType.get(modelType);

export interface NestedStack {
  readonly part: ModelPart;
  /** Absent: no family knows this part. */
  readonly family?: StackFamily;
}

/** The stack in a nested object, by its model_type or, where it names none, as `fallbackType`. */
export function readStack(reader: ConfigReader, fallbackType?: string): NestedStack {
  const written = reader.object['model_type'];
  const modelType = typeof written === 'string' ? written : fallbackType;
  const family = modelType === undefined ? undefined : stackFamily(modelType);
  if (family === undefined) return { part: readGeneric(reader) };
  const read = family.read(reader.withDefaults(family.defaults(modelType)));
  const part = modelType === undefined ? read : { ...read, modelType };
  if (family.exact?.(part, firstArchitecture(reader)) !== false) return { part, family };
  // Of a part that is not known in full there are no tensors to name.
  const { tensors: _unknown, ...described } = family;
  return { part, family: described };
}
