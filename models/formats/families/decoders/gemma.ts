import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { Computation } from '../shared/computation';
import { decoderFamily } from '../shared/decoder-family';
import { amount, word } from '../shared/family';
import { llamaLayout } from './llama';
import { activations, honoured, idle, llamaLikeKeys, only } from '../shared/run-keys';

const gemmaKeys = {
  ...llamaLikeKeys,
  ...idle('the rows of an image are counted in every run', 'num_image_tokens'),
  ...honoured('attention_bias'),
  ...only([...activations, null], 'hidden_activation'),
  // The masks of these classes stay causal under one backend of transformers and not under another.
  ...only([false, null], 'use_bidirectional_attention'),
};

export const gemma2Keys = {
  ...gemmaKeys,
  ...honoured('query_pre_attn_scalar', 'sliding_window', 'layer_types'),
  ...honoured('attn_logit_softcapping', 'final_logit_softcapping'),
  ...idle('the class reads hidden_activation', 'hidden_act'),
};

const activation = (part: ModelPart): string => word(part, 'hidden_activation') ?? 'gelu_pytorch_tanh';

/**
 * transformers 5 reads `hidden_act` of Gemma 1. Files of earlier releases say plain gelu there, which 4.39 and later take for the
 * tanh form that the model was trained with, and `hidden_activation` where it is another.
 */
const firstActivation = (part: ModelPart, transformersVersion: string | undefined): string =>
  /^[5-9]/.test(transformersVersion ?? '') ? (word(part, 'hidden_act') ?? 'gelu_pytorch_tanh') : activation(part);

export const scale = (part: ModelPart): number => (amount(part, 'query_pre_attn_scalar') ?? part.headDim) ** -0.5;

/** Gains are stored minus one, and embeddings multiplied by the root of the width. */
export const computes: Computation = {
  gainOffset: 1,
  embeddingScale: ({ hiddenSize }) => Math.sqrt(hiddenSize),
  activation,
};

export const gemma = decoderFamily({
  id: 'gemma',
  title: 'Gemma',
  types: ['gemma'],
  architectures: /^GemmaFor/,
  tied: true,
  run: { ...gemmaKeys, ...only(['gelu_pytorch_tanh', 'gelu', null], 'hidden_act') },
  computes: { ...computes, activation: firstActivation },
  layout: llamaLayout,
});

export const fourNorms = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
];

/** Gemma 2 alternates: layers 0, 2, 4 … have the window. */
const alternate = (reader: ConfigReader): Partial<TransformerChoice> => {
  reader.positive('query_pre_attn_scalar');
  return { windowed: (index) => index % 2 === 0 };
};

export const gemma2 = decoderFamily({
  id: 'gemma2',
  title: 'Gemma 2',
  types: ['gemma2'],
  architectures: /^Gemma2For/,
  tied: true,
  run: gemma2Keys,
  computes: { ...computes, scale },
  choice: alternate,
  layout: { ...llamaLayout, norms: fourNorms },
});

/** Five window layers, then a full one; the window layers rotate with a base of their own and without scaling. */
const fiveToOne = (reader: ConfigReader): Partial<TransformerChoice> => {
  reader.positive('query_pre_attn_scalar');
  const period = reader.has('layer_types') ? undefined : reader.integer('sliding_window_pattern', 1);
  // Gemma3TextConfig of transformers 4.57 and 5.2: half of the window lies on either side, a position nearer than that is read.
  const around = reader.boolean('use_bidirectional_attention') === true;
  const window = around ? reader.integer('sliding_window', 1) : undefined;
  return {
    ...(around ? { causal: false } : {}),
    ...(window === undefined ? {} : { window: Math.floor(window / 2) + 1 }),
    rope: { layerType: 'full_attention' },
    windowRope: { layerType: 'sliding_attention', thetaKey: 'rope_local_base_freq', unscaled: true },
    windowed: (index) => period === undefined || (index + 1) % period !== 0,
  };
};

export const gemma3 = decoderFamily({
  id: 'gemma3',
  title: 'Gemma 3',
  types: ['gemma3_text'],
  architectures: /^Gemma3ForCausalLM/,
  tied: true,
  run: {
    ...gemma2Keys,
    ...honoured('sliding_window_pattern', 'rope_local_base_freq'),
    ...honoured('use_bidirectional_attention'),
    ...idle('the class writes it and reads it nowhere', '_sliding_window_pattern'),
    // The class keeps the key and does not compute with it.
    ...only([null], 'attn_logit_softcapping'),
  },
  computes: { ...computes, scale },
  choice: fiveToOne,
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'head' },
    norms: fourNorms,
  },
});
