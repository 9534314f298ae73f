import type { ConfigReader } from '../config/config-reader';
import type { ModelPart } from '../model-description';
import { barkStages } from './bark-stages';
import { convNext, convNextV2, dinov3ConvNext } from './convnext';
import { diffusionSized } from './diffusion-sized';
import { diffusionTransformers } from './diffusion-transformers';
import { unet } from './diffusion-unet';
import { dinov3 } from './dinov3';
import { miniMind } from './minimind';
import { neoBert } from './neobert';
import { radio } from './radio';
import { timm } from './timm';
import { vitSized } from './vit-sized';
import { vits } from './vits';
import { bert, bigBird, distilbert, roberta } from './bert';
import { albert, clapText, dpr, electra, layoutLmV3, longformer, mpnet } from './bert-relatives';
import { bloom } from './bloom';
import { clipText, clipVision, siglip2Vision, siglipText, siglipVision } from './clip';
import { cohere } from './cohere';
import { efficientNet, mobileNetV2, resnet, rtDetrResNet } from './convolutions';
import { dbrx } from './dbrx';
import { deberta, debertaV2 } from './deberta';
import { deepseekV2, deepseekV3 } from './deepseek';
import { deepseekV4 } from './deepseek-v4';
import {
  apertus,
  arcee,
  bitNet,
  ernie45,
  internLm3,
  miniCpm,
  miniCpm3,
  ministral3,
  nemotron,
  panguEmbedded,
  seedOss,
  xverse,
} from './dense-decoders';
import { exaone, exaone4 } from './exaone';
import { deepseekMoe, dots1, ernie45Moe } from './expert-decoders';
import { falcon } from './falcon';
import { firstArchitecture } from './family';
import type { StackFamily } from './family';
import { gemma, gemma2, gemma3 } from './gemma';
import { gemma4 } from './gemma4';
import { readGeneric } from './generic';
import { gla } from './gla';
import { glm, glm4, glm4Moe, glm4MoeLite } from './glm';
import { gptNeoX, stableLm } from './gpt-neox';
import { gptOss } from './gpt-oss';
import { codegen, gpt2, gptBigcode, gptJ, gptNeo } from './gpt2';
import { gte } from './gte';
import { hunyuanDense, hunyuanMoe } from './hunyuan';
import { bamba, falconH1, graniteMoeHybrid, zamba2 } from './hybrid';
import { kimiLinear } from './kimi';
import { lfm2, lfm2Moe } from './lfm2';
import { granite, graniteMoe, llama, mistral, mixtral, smollm3, starcoder2 } from './llama';
import { llama4 } from './llama4';
import { falconMamba, jamba, mamba } from './mamba';
import { mamba2 } from './mamba2';
import { mimo, mimoV2 } from './mimo';
import { miniMaxM2, miniMaxM3 } from './minimax';
import { modernBert } from './modernbert';
import { mpt } from './mpt';
import { nemotronH } from './nemotron-h';
import { nemotronNas } from './nemotron-nas';
import { olmo, olmo2, olmoe } from './olmo';
import { openElm } from './openelm';
import { opt } from './opt';
import { mixformer, phi, phi3, phi3Small, phiMoe } from './phi';
import { qwen2, qwen2Moe, qwen3, qwen3Moe } from './qwen';
import { qwen35, qwen35Moe, qwen3Next } from './qwen-hybrid';
import { recurrentGemma } from './recurrent-gemma';
import { reformer } from './reformer';
import { baichuan, bailingMoe, chatGlm, falconPerception, internLm2, qwen, teleChat, yuan } from './remote-code';
import { rwkv, rwkv5, rwkv6 } from './rwkv';
import { segformer } from './segformer';
import { deepseekV32, glmMoeDsa } from './sparse-latent';
import { hubert, wav2vec2, wav2vec2Conformer, wavLm } from './speech';
import { step3p5 } from './step';
import { clapAudio, donutSwin, swin, swinV2 } from './swin';
import { towers } from './towers';
import { deit, dinov2, dinov2WithRegisters, vit } from './vision';
import { beit, vitMae, yolos } from './vit-relatives';
import { llamaRelatives } from './llama-relatives';
import { olderDecoders } from './older-decoders';
import { prenormEncoders } from './prenorm-encoders';
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
  gptNeo,
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
  deepseekMoe,
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
  ernie45Moe,
  dots1,
  bitNet,
  internLm3,
  nemotron,
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
  step3p5,
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
  falconMamba,
  mamba2,
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
  hubert,
  wavLm,
  clapText,
  clapAudio,
  siglip2Vision,
  ...towers,
  wav2vec2Conformer,
  dinov3,
  yolos,
  rtDetrResNet,
  convNext,
  convNextV2,
  dinov3ConvNext,
  neoBert,
  miniMind,
  barkStages,
  vits,
  radio,
  timm,
  ...vitSized,
  ...llamaRelatives,
  ...olderDecoders,
  ...prenormEncoders,
  ...diffusionTransformers,
  ...diffusionSized,
  unet,
];

const byType = new Map(stackFamilies.flatMap((family) => family.modelTypes.map((type) => [type, family] as const)));

export const stackFamily = (modelType: string): StackFamily | undefined => byType.get(modelType);

export interface NestedStack {
  readonly part: ModelPart;
  /** Absent: no family knows this part. */
  readonly family?: StackFamily;
}

/** The stack in a nested object, by its model_type or, where it names none or is not to be asked, as `fallbackType`. */
export function readStack(reader: ConfigReader, fallbackType?: string, forced = false): NestedStack {
  const written = reader.object['model_type'];
  const modelType = typeof written === 'string' && !forced ? written : fallbackType;
  const family = modelType === undefined ? undefined : stackFamily(modelType);
  if (family === undefined) return { part: readGeneric(reader) };
  const read = family.read(reader.withDefaults(family.defaults(modelType)));
  const part = modelType === undefined ? read : { ...read, modelType };
  if (family.exact?.(part, firstArchitecture(reader)) !== false) return { part, family };
  // Of a part that is not known in full there are no tensors to name.
  const { tensors: _unknown, ...described } = family;
  return { part, family: described };
}
