import type { ConfigReader } from '../config/config-reader';
import type { ModelPart } from '../model-description';
import { barkFine, barkStages } from './towers/bark-stages';
import { convNext, convNextV2, dinov3ConvNext } from './towers/convnext';
import { diffusionSized } from './diffusion/sizes';
import { diffusionTransformers } from './diffusion/transformers';
import { unet } from './diffusion/unet';
import { dinov3 } from './towers/dinov3';
import { miniMind } from './decoders/minimind';
import { neoBert } from './encoders/neobert';
import { radio } from './towers/radio';
import { timm } from './towers/timm';
import { vitSized } from './towers/vit-sizes';
import { vits } from './encoders/vits';
import { bert, bigBird, distilbert, roberta } from './encoders/bert';
import { albert, dpr, electra, longformer, mpnet } from './encoders/bert-relatives';
import { layoutLm, layoutLmV3 } from './encoders/layoutlm';
import { bloom } from './decoders/bloom';
import { clipText, clipVision, siglip2Vision, siglipText, siglipVision } from './towers/clip';
import { cohere, cohere2 } from './decoders/cohere';
import { efficientNet, mobileNetV2, resnet, rtDetrResNet } from './towers/convolutions';
import { dbrx } from './decoders/dbrx';
import { deberta, debertaV2 } from './encoders/deberta';
import { deepseekV2, deepseekV3 } from './decoders/deepseek';
import { deepseekV4 } from './decoders/deepseek-v4';
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
} from './decoders/dense-decoders';
import { exaone, exaone4, exaoneMoe } from './decoders/exaone';
import { deepseekMoe, dots1, ernie45Moe } from './decoders/expert-decoders';
import { falcon } from './decoders/falcon';
import { defaultsOf, firstArchitecture } from './shared/family';
import type { StackFamily } from './shared/family';
import { gemma, gemma2, gemma3 } from './decoders/gemma';
import { gemma3n } from './decoders/gemma3n';
import { gemma4 } from './decoders/gemma4';
import { readGeneric } from './generic';
import { flaTransformer } from './decoders/fla-transformer';
import { gla } from './decoders/gla';
import { glm, glm4, glm4Moe, glm4MoeLite } from './decoders/glm';
import { gptNeoX, gptNeoXJapanese, stableLm } from './decoders/gpt-neox';
import { gptOss } from './decoders/gpt-oss';
import { codegen, gpt2, gptBigcode, imageGpt, gptJ, gptNeo } from './decoders/gpt2';
import { gte } from './encoders/gte';
import { hunyuanDense, hunyuanMoe, hunyuanV1Moe } from './decoders/hunyuan';
import { bamba, falconH1, graniteMoeHybrid } from './decoders/hybrid';
import { jetMoe } from './decoders/jetmoe';
import { kimiLinear } from './decoders/kimi';
import { lfm2, lfm2Moe } from './decoders/lfm2';
import { granite, graniteMoe, llama, ministral, mistral, mixtral, smollm3, starcoder2 } from './decoders/llama';
import { longCatFlash } from './decoders/longcat';
import { llama4 } from './decoders/llama4';
import { falconMamba, jamba, mamba } from './decoders/mamba';
import { mamba2 } from './decoders/mamba2';
import { mimo, mimoV2 } from './decoders/mimo';
import { miniMax, miniMaxM2, miniMaxM3 } from './decoders/minimax';
import { bertsBesideMore } from './encoders/bert-beside';
import { bertsWithInputs } from './encoders/bert-inputs';
import { bertVariants } from './encoders/bert-variants';
import { fnet } from './encoders/fnet';
import { funnel } from './encoders/funnel';
import { mobileBert } from './encoders/mobilebert';
import { esm } from './encoders/esm';
import { modernBert, modernBertDecoder } from './encoders/modernbert';
import { nomicBert } from './encoders/nomic';
import { textTowers } from './encoders/text-towers';
import { xlmEncoders } from './encoders/xlm';
import { mosaicGpt, mpt } from './decoders/mpt';
import { nemotronH } from './decoders/nemotron-h';
import { nemotronNas } from './decoders/nemotron-nas';
import { olmo, olmo2, olmo3, olmoe } from './decoders/olmo';
import { openElm } from './decoders/openelm';
import { opt } from './decoders/opt';
import { mixformer, phi, phi3, phi3Small, phiMoe } from './decoders/phi';
import { qwen2, qwen2Moe, qwen3, qwen3Moe } from './decoders/qwen';
import { qwen35, qwen35Moe, qwen3Next } from './decoders/qwen-hybrid';
import { recurrentGemma } from './decoders/recurrent-gemma';
import { reformer } from './decoders/reformer';
import {
  baichuan,
  bailingMoe,
  chatGlm,
  falconPerception,
  internLm2,
  qwen,
  teleChat,
  yuan,
} from './decoders/remote-code';
import { rwkv, rwkv5, rwkv6 } from './decoders/rwkv';
import { segformer } from './towers/segformer';
import { deepseekV32, glmMoeDsa } from './decoders/sparse-latent';
import { hubert, wav2vec2, wav2vec2Conformer, wavLm } from './encoders/speech';
import { step3p5 } from './decoders/step';
import { clapAudio, donutSwin, swin, swinV2 } from './towers/swin';
import { towers } from './towers';
import { deit, dinov2, dinov2WithRegisters, vit } from './towers/vision';
import { beit, vitMae, yolos } from './towers/vit-relatives';
import { llamaRelatives } from './decoders/llama-relatives';
import { olderDecoders } from './decoders/older-decoders';
import { prenormEncoders } from './encoders/prenorm-encoders';
import { xEcomla } from './decoders/x-ecomla';
import { zamba, zamba2 } from './decoders/zamba';
import { xlnet } from './encoders/xlnet';

export const stackFamilies: readonly StackFamily[] = [
  llama,
  llama4,
  mistral,
  mixtral,
  ministral,
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
  gemma3n,
  gemma4,
  phi,
  phi3,
  mixformer,
  phiMoe,
  phi3Small,
  gpt2,
  gptBigcode,
  imageGpt,
  gptJ,
  gptNeo,
  codegen,
  gptNeoX,
  gptNeoXJapanese,
  stableLm,
  opt,
  bloom,
  falcon,
  mpt,
  mosaicGpt,
  olmo,
  olmo2,
  olmo3,
  olmoe,
  cohere,
  cohere2,
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
  jetMoe,
  longCatFlash,
  kimiLinear,
  miniMax,
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
  exaoneMoe,
  hunyuanDense,
  hunyuanMoe,
  hunyuanV1Moe,
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
  modernBertDecoder,
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
  zamba,
  zamba2,
  lfm2,
  lfm2Moe,
  rwkv,
  rwkv5,
  rwkv6,
  flaTransformer,
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
  barkFine,
  vits,
  radio,
  timm,
  ...vitSized,
  ...llamaRelatives,
  ...olderDecoders,
  ...prenormEncoders,
  ...bertVariants,
  mobileBert,
  fnet,
  funnel,
  ...bertsBesideMore,
  ...bertsWithInputs,
  ...textTowers,
  nomicBert,
  ...xlmEncoders,
  esm,
  layoutLm,
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
  const read = family.read(reader.withDefaults(defaultsOf(family, modelType)));
  const part = modelType === undefined ? read : { ...read, modelType };
  if (family.exact?.(part, firstArchitecture(reader)) !== false) return { part, family };
  // A part that is not known in full has no tensors to name.
  const { tensors: _unknown, ...described } = family;
  return { part, family: described };
}
