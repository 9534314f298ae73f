/** Phi-3 and Phi-4: the llama layout with query, key and value in one tensor, gate and up in another. */
import type { Architecture } from './architecture';
import { specifyLlama } from './llama';

export const phi3: Architecture = {
  families: ['phi3'],
  specify: (input) => specifyLlama(input, { fused: true }),
};
