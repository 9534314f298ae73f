import { decoderFamily } from '../shared/decoder-family';
import { llamaLayout } from './llama';
import { normsBehind } from './olmo';
import { honoured, llamaLikeKeys } from '../shared/run-keys';

const noBias = { inputBias: false, outputBias: false } as const;

/** EXAONE 3.0 and 3.5. */
export const exaone = decoderFamily({
  id: 'exaone',
  title: 'EXAONE 3',
  types: ['exaone'],
  architectures: /^ExaoneFor/,
  tied: true,
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

/** Norms after attention and network alone; where some layers have a window, only these rotate. */
export const exaone4 = decoderFamily({
  id: 'exaone4',
  title: 'EXAONE 4',
  types: ['exaone4', 'exaone4_5_text'],
  architectures: /^Exaone4For/,
  run: { ...llamaLikeKeys, ...honoured('sliding_window', 'sliding_window_pattern', 'layer_types') },
  computes: normsBehind,
  choice: (reader) => {
    const mixed = reader.integer('sliding_window', 1) !== undefined;
    return { unrotated: (_index, kind) => mixed && kind === 'full' };
  },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, ...noBias, norm: () => 'head' },
    mlp: { ...llamaLayout.mlp, bias: false },
    norms: ['post_attention_layernorm', 'post_feedforward_layernorm'],
  },
});
