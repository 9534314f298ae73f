/** Qwen 2 and 2.5: the llama layout with biases on query, key and value (taken where the checkpoint stores them). */
import type { Architecture } from './architecture';
import { specifyLlama } from './llama';

export const qwen2: Architecture = { families: ['qwen2'], specify: (input) => specifyLlama(input) };
