/** Qwen 3: the llama layout with an RMS norm over each head of query and key, before rotation. */
import type { Architecture } from './architecture';
import { specifyLlama } from './llama';

export const qwen3: Architecture = {
  families: ['qwen3'],
  specify: (input) => specifyLlama(input, { headNorms: true }),
};
