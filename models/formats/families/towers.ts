import { qwen3AsrAudio, qwenOmniAudio, whisperTower } from './audio-towers';
import { blipText, gitText, qFormer } from './blip-text';
import type { StackFamily } from './family';
import { mllamaText } from './mllama-text';
import { qwen2Vision, qwen25Vision, qwen3Vision } from './qwen-vision';
import {
  blipVision,
  glm4vVision,
  internVit,
  internVlVision,
  kimiK25Vision,
  llama4Vision,
  mllamaVision,
  moonVit,
  pixtral,
} from './vision-towers';

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
  whisperTower,
  qwenOmniAudio,
  qwen3AsrAudio,
];
