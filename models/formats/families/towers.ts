import { qwen3AsrAudio, qwenOmniAudio, whisperTower } from './audio-towers';
import { bartDecoder } from './bart-decoder';
import { blipText, gitText, qFormer } from './blip-text';
import { davit } from './davit';
import type { StackFamily } from './family';
import { gemma4Audio, gemma4Vision } from './gemma4-towers';
import { internVit, internVlVision } from './intern-vision';
import { mllamaText } from './mllama-text';
import { kimiK25Vision, moonVit } from './moon-vit';
import { qwen3OmniCode2Wav, qwen3OmniText } from './qwen3-omni-parts';
import { qwen2Vision, qwen25Vision, qwen3Vision } from './qwen-vision';
import { remoteTowers } from './remote-towers';
import { samMaskDecoder, samVision } from './sam-parts';
import { textParts } from './text-parts';
import { blipVision, glm4vVision, llama4Vision, mllamaVision, pixtral } from './vision-towers';
import { voxCpmLocal } from './voxcpm-local';

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
  qwen3OmniText,
  qwen3OmniCode2Wav,
  voxCpmLocal,
];
