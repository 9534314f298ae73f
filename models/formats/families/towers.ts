import { qwen3AsrAudio, qwenOmniAudio, whisperTower } from './towers/audio-towers';
import { bartDecoder } from './decoders/bart-decoder';
import { blipText, gitText, qFormer } from './encoders/blip-text';
import { davit } from './towers/davit';
import type { StackFamily } from './shared/family';
import { gemma4Audio, gemma4Vision } from './towers/gemma4-towers';
import { internVit, internVlVision } from './towers/intern-vision';
import { mllamaText } from './decoders/mllama-text';
import { kimiK25Vision, moonVit } from './towers/moon-vit';
import { qwen3OmniCode2Wav } from './towers/qwen3-omni-parts';
import { qwen2Vision, qwen25Vision, qwen3Vision } from './towers/qwen-vision';
import { remoteTowers } from './towers/remote-towers';
import { samMaskDecoder, samVision } from './towers/sam-parts';
import { textParts } from './decoders/text-parts';
import { blipVision, glm4vVision, llama4Vision, mllamaVision, pixtral } from './towers/vision-towers';
import { voxCpmLocal } from './towers/voxcpm-local';

/** Stacks that are published as parts of larger models. */
export const towers: readonly StackFamily[] = [
  qwen2Vision,
  qwen25Vision,
  qwen3Vision,
  pixtral,
  mllamaText,
  mllamaVision,
  llama4Vision,
  internVit,
  internVlVision,
  blipVision,
  blipText,
  qFormer,
  gitText,
  moonVit,
  kimiK25Vision,
  glm4vVision,
  gemma4Vision,
  gemma4Audio,
  bartDecoder,
  davit,
  ...textParts,
  ...remoteTowers,
  whisperTower,
  qwenOmniAudio,
  qwen3AsrAudio,
  samVision,
  samMaskDecoder,
  qwen3OmniCode2Wav,
  voxCpmLocal,
];
