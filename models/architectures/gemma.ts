/**
 * Gemma 2 and 3 (text), and Gemma 1: the llama layout with gains stored minus one, embeddings times sqrt(hidden size), a
 * tanh-gated feed-forward network; Gemma 2 and 3 add norms after both branches and a score scale of
 * query_pre_attn_scalar^-1/2, Gemma 2 soft caps, Gemma 3 norms over query and key.
 */
import { amount, word } from '../formats/families/family';
import type { ModelPart } from '../formats/model-description';
import { activationOf, type Architecture } from './architecture';
import { specifyLlama } from './llama';

const embeddingScale = (part: ModelPart): number => Math.sqrt(part.hiddenSize);
const scale = (part: ModelPart): number => (amount(part, 'query_pre_attn_scalar') ?? part.headDim) ** -0.5;

// transformers reads hidden_activation alone; `hidden_act` of the published Gemma 1 configs says plain gelu and is ignored.
const activation = (part: ModelPart) => activationOf(word(part, 'hidden_activation') ?? 'gelu_pytorch_tanh');
const common = { embeddingScale, gainOffset: 1, activation } as const;

export const gemma: Architecture = {
  families: ['gemma'],
  specify: (input) => specifyLlama(input, common),
};

export const gemma2: Architecture = {
  families: ['gemma2'],
  specify: (input) => specifyLlama(input, { ...common, scale, fourNorms: true }),
};

export const gemma3: Architecture = {
  families: ['gemma3'],
  specify: (input) => specifyLlama(input, { ...common, scale, fourNorms: true, headNorms: true }),
};
