import type { ConfigReader } from '../config/config-reader';
import type { ModelPart } from '../model-description';
import { bert, distilbert, roberta } from './bert';
import { bloom } from './bloom';
import { clipText, clipVision, siglipText, siglipVision } from './clip';
import { cohere } from './cohere';
import { dbrx } from './dbrx';
import { deepseekV2, deepseekV3 } from './deepseek';
import { deepseekV4 } from './deepseek-v4';
import {
  apertus,
  arcee,
  ernie45,
  miniCpm,
  miniCpm3,
  ministral3,
  panguEmbedded,
  seedOss,
  xverse,
} from './dense-decoders';
import { exaone, exaone4 } from './exaone';
import { falcon } from './falcon';
import type { StackFamily } from './family';
import { gemma, gemma2, gemma3 } from './gemma';
import { gemma4 } from './gemma4';
import { readGeneric } from './generic';
import { glm, glm4, glm4Moe, glm4MoeLite } from './glm';
import { codegen, gpt2, gptBigcode, gptJ } from './gpt2';
import { gptNeoX, stableLm } from './gpt-neox';
import { gptOss } from './gpt-oss';
import { hunyuanDense, hunyuanMoe } from './hunyuan';
import { kimiLinear } from './kimi';
import { granite, graniteMoe, llama, mistral, mixtral, smollm3, starcoder2 } from './llama';
import { llama4 } from './llama4';
import { jamba, mamba } from './mamba';
import { mimo, mimoV2 } from './mimo';
import { miniMaxM2, miniMaxM3 } from './minimax';
import { modernBert } from './modernbert';
import { mpt } from './mpt';
import { nemotronNas } from './nemotron-nas';
import { olmo, olmo2, olmoe } from './olmo';
import { openElm } from './openelm';
import { opt } from './opt';
import { mixformer, phi, phi3, phi3Small, phiMoe } from './phi';
import { baichuan, bailingMoe, chatGlm, falconPerception, internLm2, qwen, teleChat, yuan } from './remote-code';
import { qwen2, qwen2Moe, qwen3, qwen3Moe } from './qwen';
import { qwen35, qwen35Moe, qwen3Next } from './qwen-hybrid';
import { deepseekV32, glmMoeDsa } from './sparse-latent';
import { step3p7 } from './step';
import { deit, dinov2, vit } from './vision';
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
  qwen35Moe,
  qwen3Next,
  gemma,
  gemma2,
  gemma3,
  gemma4,
  phi,
  phi3,
  mixformer,
  phiMoe,
  phi3Small,
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
  olmoe,
  cohere,
  deepseekV2,
  deepseekV3,
  glm,
  glm4,
  glm4Moe,
  glm4MoeLite,
  deepseekV32,
  glmMoeDsa,
  deepseekV4,
  kimiLinear,
  miniMaxM2,
  miniMaxM3,
  ministral3,
  arcee,
  apertus,
  seedOss,
  ernie45,
  exaone,
  exaone4,
  hunyuanDense,
  hunyuanMoe,
  mimo,
  mimoV2,
  miniCpm,
  miniCpm3,
  dbrx,
  nemotronNas,
  openElm,
  step3p7,
  xEcomla,
  gptOss,
  qwen,
  baichuan,
  chatGlm,
  internLm2,
  xverse,
  panguEmbedded,
  teleChat,
  bailingMoe,
  yuan,
  falconPerception,
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
  const part = family.read(reader.withDefaults(family.defaults(modelType)));
  return { part: modelType === undefined ? part : { ...part, modelType }, family };
}
