import { higgsAudio, qwen25Omni, qwen2Audio, qwen3Asr, vibeVoice, voxtral } from './composites/audio-language';
import { blip, blip2, git, instructBlip } from './composites/blip';
import { codeWriters } from './composites/code-writers';
import type { CompositeFamily } from './shared/family';
import { llavaRelatives } from './composites/llava-relatives';
import { mllama } from './composites/mllama';
import { idefics2 } from './composites/multimodal';
import { pairs } from './composites/pairs';
import { qwen35VlMoe, qwen3VlMoe } from './composites/qwen-vl';
import { remoteMultimodal } from './composites/remote-multimodal';

import { sam } from './composites/sam';
import { bark, qwen3Omni, voxCpm } from './composites/speech-models';
import { ultravox } from './composites/ultravox';
import { sizedMultimodal } from './composites/multimodal-sizes';
import {
  fuyu,
  gemma3nMultimodal,
  gemma4Multimodal,
  glm4v,
  internVl,
  internVlChat,
  kimiK25,
  kimiVl,
  lfm2Vl,
  llama4Multimodal,
  mistral3,
} from './composites/vision-language';

/** Models of several parts, beside those that `catalogue.ts` lists: towers for pictures and sound beside a text model. */
export const severalParts: readonly CompositeFamily[] = [
  idefics2,
  qwen3VlMoe,
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
  gemma3nMultimodal,
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
  ...codeWriters,
  ...remoteMultimodal,
  ...sizedMultimodal,
  ...llavaRelatives,
  sam,
  bark,
  qwen3Omni,
  ultravox,
  voxCpm,
];
