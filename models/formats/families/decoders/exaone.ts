import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { groupedKeys, groupedSigmoid } from '../shared/routers';
import { llamaLayout } from './llama';
import { normsBehind } from './olmo';
import { activations, honoured, llamaLikeKeys, only, rotaryDecoderKeys } from '../shared/run-keys';

const noBias = { inputBias: false, outputBias: false } as const;

/** EXAONE 3.0 and 3.5. */
export const exaone = decoderFamily({
  id: 'exaone',
  title: 'EXAONE 3',
  types: ['exaone'],
  architectures: /^ExaoneFor/,
  tied: true,
  run: {
    ...rotaryDecoderKeys,
    ...honoured('num_layers', 'layer_norm_epsilon'),
    ...only(activations, 'activation_function'),
  },
  choice: () => ({ norm: 'rms' }),
  layout: {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'h.{layer}.',
    attention: {
      prefix: 'attn.attention.',
      projections: ['q_proj', 'k_proj', 'v_proj'],
      output: 'out_proj',
      ...noBias,
    },
    mlp: { prefix: 'mlp.', inputs: ['c_fc_0', 'c_fc_1'], output: 'c_proj' },
    norms: ['ln_1', 'ln_2'],
    finalNorm: 'ln_f',
  },
});

/** Where some layers have a window, only these rotate. */
const rotatedWindows = (reader: ConfigReader): Partial<TransformerChoice> => {
  const mixed = reader.integer('sliding_window', 1) !== undefined;
  return { unrotated: (_index, kind) => mixed && kind === 'full' };
};

/** Norms after attention and network alone; where some layers have a window, only these rotate. */
export const exaone4 = decoderFamily({
  id: 'exaone4',
  title: 'EXAONE 4',
  types: ['exaone4', 'exaone4_5_text'],
  architectures: /^Exaone4For/,
  run: { ...llamaLikeKeys, ...honoured('sliding_window', 'sliding_window_pattern', 'layer_types') },
  computes: normsBehind,
  choice: rotatedWindows,
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, ...noBias, norm: () => 'head' },
    mlp: { ...llamaLayout.mlp, bias: false },
    norms: ['post_attention_layernorm', 'post_feedforward_layernorm'],
  },
});

/** K-EXAONE: norms before the branches, and DeepSeek-V3's router. */
export const exaoneMoe = decoderFamily({
  id: 'exaone_moe',
  title: 'EXAONE MoE',
  types: ['exaone_moe'],
  architectures: /^ExaoneMoeFor/,
  run: {
    ...llamaLikeKeys,
    ...groupedKeys,
    ...honoured('sliding_window', 'sliding_window_pattern', 'layer_types', 'mlp_layer_types'),
    ...honoured('num_experts'),
    ...only([1], 'num_shared_experts'),
  },
  computes: { router: groupedSigmoid },
  choice: rotatedWindows,
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, ...noBias, norm: () => 'head' },
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: separateExperts({
      prefix: 'mlp.',
      router: 'gate',
      routerBias: 'e_score_correction_bias',
      projections: ['gate_proj', 'up_proj', 'down_proj'],
      shared: 'shared_experts.',
    }),
  },
});
