/**
 * Gemma 2 and 3 (text), and Gemma 1: the llama layout with gains stored minus one, embeddings times sqrt(hidden size), a
 * tanh-gated feed-forward network; Gemma 2 and 3 add norms after both branches and a score scale of
 * query_pre_attn_scalar^-1/2, Gemma 2 soft caps, Gemma 3 norms over query and key.
 */
import { amount, word } from '../formats/families/shared/family';
import type { ModelPart } from '../formats/model-description';
import { activationOf, type Architecture, type ArchitectureInput } from './architecture';
import { specifyLlama } from './llama';
import type { Activation } from './model-spec';

const embeddingScale = (part: ModelPart): number => Math.sqrt(part.hiddenSize);
const scale = (part: ModelPart): number => (amount(part, 'query_pre_attn_scalar') ?? part.headDim) ** -0.5;

const activation = (part: ModelPart) => activationOf(word(part, 'hidden_activation') ?? 'gelu_pytorch_tanh');
const common = { embeddingScale, gainOffset: 1, activation } as const;

/**
 * transformers 5 reads `hidden_act` of Gemma 1. Files of earlier releases say plain gelu there, which 4.39 and later take for the
 * tanh form that the model was trained with, and `hidden_activation` where it is another.
 */
function firstActivation({ model, part }: ArchitectureInput): Activation {
  if (!/^[5-9]/.test(model.transformersVersion ?? '')) return activation(part);
  return activationOf(word(part, 'hidden_act') ?? 'gelu_pytorch_tanh');
}

export const gemma: Architecture = {
  families: ['gemma'],
  specify: (input) => specifyLlama(input, { ...common, activation: () => firstActivation(input) }),
};

export const gemma2: Architecture = {
  families: ['gemma2'],
  specify: (input) => specifyLlama(input, { ...common, scale, fourNorms: true }),
};

export const gemma3: Architecture = {
  families: ['gemma3'],
  specify: (input) => specifyLlama(input, { ...common, scale, fourNorms: true, headNorms: true }),
};
