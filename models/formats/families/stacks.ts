import type { ConfigReader } from '../config/config-reader';
import type { ModelPart } from '../model-description';
import { bert, bigBird, distilbert, roberta } from './bert';
import { albert, clapText, dpr, electra, layoutLmV3, longformer, mpnet } from './bert-relatives';
import { bloom } from './bloom';
import { clipText, clipVision, siglip2Vision, siglipText, siglipVision } from './clip';
import { cohere } from './cohere';
import { efficientNet, mobileNetV2, resnet } from './convolutions';
import { deberta, debertaV2 } from './deberta';
import { deepseekV2, deepseekV3, glm4Moe } from './deepseek';
import { falcon } from './falcon';
import type { StackFamily } from './family';
import { firstArchitecture } from './family';
import { gemma, gemma2, gemma3 } from './gemma';
import { readGeneric } from './generic';
import { codegen, gpt2, gptBigcode, gptJ } from './gpt2';
import { gptNeoX, stableLm } from './gpt-neox';
import { gptOss } from './gpt-oss';
import { gte } from './gte';
import { granite, graniteMoe, llama, llama4, mistral, mixtral, smollm3, starcoder2 } from './llama';
import { bamba, falconH1, graniteMoeHybrid, zamba2 } from './hybrid';
import { gla } from './gla';
import { lfm2, lfm2Moe } from './lfm2';
import { falconMamba, jamba, mamba } from './mamba';
import { mamba2 } from './mamba2';
import { modernBert } from './modernbert';
import { mpt } from './mpt';
import { nemotronH } from './nemotron-h';
import { olmo, olmo2 } from './olmo';
import { opt } from './opt';
import { phi, phi3 } from './phi';
import { baichuan, chatGlm, internLm2, qwen } from './remote-code';
import { qwen2, qwen2Moe, qwen3, qwen3Moe, qwen35 } from './qwen';
import { recurrentGemma } from './recurrent-gemma';
import { reformer } from './reformer';
import { rwkv, rwkv5, rwkv6 } from './rwkv';
import { segformer } from './segformer';
import { hubert, wav2vec2, wav2vec2Conformer, wavLm } from './speech';
import { clapAudio, donutSwin, swin, swinV2 } from './swin';
import { beit, vitMae } from './vit-relatives';
import { deit, dinov2, dinov2WithRegisters, vit } from './vision';
import { xEcomla } from './x-ecomla';
import { xlnet } from './xlnet';

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
  falconMamba,
  mamba2,
  jamba,
  nemotronH,
  bamba,
  falconH1,
  graniteMoeHybrid,
  zamba2,
  lfm2,
  lfm2Moe,
  rwkv,
  rwkv5,
  rwkv6,
  gla,
  recurrentGemma,
  bert,
  roberta,
  distilbert,
  bigBird,
  electra,
  albert,
  mpnet,
  dpr,
  longformer,
  layoutLmV3,
  deberta,
  debertaV2,
  xlnet,
  reformer,
  gte,
  modernBert,
  vit,
  deit,
  dinov2,
  dinov2WithRegisters,
  beit,
  vitMae,
  swin,
  swinV2,
  donutSwin,
  segformer,
  resnet,
  mobileNetV2,
  efficientNet,
  wav2vec2,
  wav2vec2Conformer,
  hubert,
  wavLm,
  clapText,
  clapAudio,
  clipText,
  clipVision,
  siglipText,
  siglipVision,
  siglip2Vision,
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
