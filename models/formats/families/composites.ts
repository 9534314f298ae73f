import { higgsAudio, qwen25Omni, qwen2Audio, qwen3Asr, vibeVoice, voxtral } from './audio-language';
import { blip, blip2, git, instructBlip } from './blip';
import type { CompositeFamily } from './family';
import { mllama } from './mllama';
import {
  gemma3Multimodal,
  idefics2,
  idefics3,
  llava,
  llavaNext,
  llavaOnevision,
  paligemma,
  smolvlm,
} from './multimodal';
import { pairs } from './pairs';
import { qwen2Vl, qwen25Vl, qwen35Vl, qwen35VlMoe, qwen3Vl, qwen3VlMoe } from './qwen-vl';
import { remoteMultimodal } from './remote-multimodal';
import { textAndSound } from './text-and-sound';
import { sizedMultimodal } from './sized-multimodal';
import {
  fuyu,
  gemma4Multimodal,
  glm4v,
  internVl,
  internVlChat,
  kimiK25,
  kimiVl,
  lfm2Vl,
  llama4Multimodal,
  mistral3,
} from './vision-language';

/** Models of several parts: towers for pictures and sound beside a text model. */
export const composites: readonly CompositeFamily[] = [
  llava,
  llavaNext,
  llavaOnevision,
  paligemma,
  gemma3Multimodal,
  idefics2,
  idefics3,
  smolvlm,
  qwen2Vl,
  qwen25Vl,
  qwen3Vl,
  qwen3VlMoe,
  qwen35Vl,
  qwen35VlMoe,
  mistral3,
  llama4Multimodal,
  mllama,
  glm4v,
  internVlChat,
  internVl,
  lfm2Vl,
  kimiVl,
  kimiK25,
  gemma4Multimodal,
  fuyu,
  blip,
  blip2,
  instructBlip,
  git,
  qwen2Audio,
  voxtral,
  qwen25Omni,
  qwen3Asr,
  higgsAudio,
  vibeVoice,
  ...pairs,
  ...textAndSound,
  ...remoteMultimodal,
  ...sizedMultimodal,
];
