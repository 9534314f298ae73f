import { mambaState, numberOf } from '../../config/recurrent-state';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
import {
  honoured,
  idle,
  idleOfText,
  llamaLikeKeys,
  only,
  routerIdle,
  activations,
  type RunKeys,
} from '../shared/run-keys';
import type { SelectiveScanRow } from '../shared/state-row';
import { llamaLayout } from './llama';
import { mixerIdle } from './mamba2';

interface MixerSizes {
  readonly inner: number;
  readonly state: number;
  readonly kernel: number;
  readonly rank: number;
}

/** The selective state-space mixer of Mamba (arXiv:2312.00752, section 3.4). */
function writeMixer(
  writer: TensorWriter,
  hidden: number,
  sizes: MixerSizes,
  bias: { readonly projections: boolean; readonly convolution: boolean },
): void {
  const { inner, state, kernel, rank } = sizes;
  writer.linear('mixer', 'in_proj', hidden, 2 * inner, bias.projections);
  writer.add('mixer', 'conv1d.weight', [inner, 1, kernel]);
  if (bias.convolution) writer.add('mixer', 'conv1d.bias', [inner]);
  writer.linear('mixer', 'x_proj', inner, rank + 2 * state, false);
  writer.linear('mixer', 'dt_proj', rank, inner, true);
  writer.add('mixer', 'A_log', [inner, state]);
  writer.add('mixer', 'D', [inner]);
  writer.linear('mixer', 'out_proj', inner, hidden, bias.projections);
}

const rankOf = (part: ModelPart, key: string): number => amount(part, key) ?? Math.ceil(part.hiddenSize / 16);

/** expand x hidden_size, unless the file gives the product: Falcon Mamba's files have an expand that nothing reads. */
const innerOf = (hidden: number, expand: number | undefined, written: number | undefined): number =>
  written ?? Math.trunc((expand ?? 2) * hidden);

/** The sizes under the names of Mamba and Falcon Mamba. */
const ownSizes = (part: ModelPart): MixerSizes => ({
  inner: innerOf(part.hiddenSize, amount(part, 'expand'), amount(part, 'intermediate_size')),
  state: amount(part, 'state_size') ?? 16,
  kernel: amount(part, 'conv_kernel') ?? 4,
  rank: rankOf(part, 'time_step_rank'),
});

const ownKeys: RunKeys = {
  ...idleOfText,
  ...mixerIdle,
  ...honoured('vocab_size', 'hidden_size', 'num_hidden_layers', 'layer_norm_epsilon', 'tie_word_embeddings'),
  ...honoured(
    'state_size',
    'conv_kernel',
    'use_bias',
    'use_conv_bias',
    'time_step_rank',
    'intermediate_size',
    'expand',
  ),
  ...only(activations, 'hidden_act'),
  ...idle('first values of weights that are stored', 'time_step_scale', 'time_step_init_scheme'),
  ...idle('no position is computed; headers of GGUF files name a length', 'max_position_embeddings'),
  ...idle('the same sums in float32, which all are', 'residual_in_fp32'),
  ...idle('the same recurrence by another program', 'use_mambapy', 'use_falcon_mambapy'),
};

const stateSpaces = (
  id: string,
  title: string,
  architectures: RegExp,
  more: {
    readonly run?: RunKeys;
    readonly record?: readonly string[];
    readonly norms?: (part: ModelPart) => SelectiveScanRow['norms'];
  } = {},
): StackFamily =>
  decoderFamily({
    id,
    title,
    types: [id],
    architectures,
    tied: true,
    record: [
      ...['state_size', 'expand', 'conv_kernel', 'use_bias', 'use_conv_bias', 'time_step_rank', 'intermediate_size'],
      ...(more.record ?? []),
    ],
    run: { ...ownKeys, ...more.run },
    computes: {
      norms: ['attention'],
      state: (part) => {
        const norms = more.norms?.(part);
        return { kind: 'mamba', prefix: 'mixer.', ...ownSizes(part), ...(norms ? { norms } : {}) };
      },
    },
    choice: (reader) => {
      const look = numberOf(reader);
      const inner = innerOf(look('hidden_size') ?? 0, look('expand'), look('intermediate_size'));
      return {
        heads: 0,
        kvHeads: 0,
        headDim: 0,
        positions: 'none',
        norm: 'rms',
        stateElements: mambaState(inner, look('state_size') ?? 16, look('conv_kernel') ?? 4),
        layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'mamba', feedForward: 'none' })),
      };
    },
    layout: {
      ...llamaLayout,
      root: 'backbone.',
      embedding: 'embeddings',
      norms: ['norm'],
      finalNorm: 'norm_f',
      mixer: (writer, _layer, part) => {
        const bias = { projections: flag(part, 'use_bias'), convolution: flag(part, 'use_conv_bias', true) };
        writeMixer(writer.under('mixer.'), part.hiddenSize, ownSizes(part), bias);
      },
    },
  });

export const mamba = stateSpaces('mamba', 'Mamba', /^MambaFor/);

/** Its norms on B, C and the step have no weights. */
export const falconMamba = stateSpaces('falcon_mamba', 'Falcon Mamba', /^FalconMambaFor/, {
  run: honoured('mixer_rms_eps'),
  record: ['mixer_rms_eps'],
  norms: (part) => ({ epsilon: amount(part, 'mixer_rms_eps') ?? 1e-6 }),
});

const jambaSizes = (part: ModelPart): MixerSizes => ({
  inner: (amount(part, 'mamba_expand') ?? 2) * part.hiddenSize,
  state: amount(part, 'mamba_d_state') ?? 16,
  kernel: amount(part, 'mamba_d_conv') ?? 4,
  rank: rankOf(part, 'mamba_dt_rank'),
});

const jambaNorms = ['dt_layernorm', 'b_layernorm', 'c_layernorm'] as const;
const jambaMixer = [
  'mamba_d_state',
  'mamba_d_conv',
  'mamba_expand',
  'mamba_dt_rank',
  'mamba_conv_bias',
  'mamba_proj_bias',
];

export const jamba = decoderFamily({
  id: 'jamba',
  title: 'Jamba',
  types: ['jamba'],
  architectures: /^JambaFor/,
  record: jambaMixer,
  run: {
    ...llamaLikeKeys,
    ...routerIdle,
    ...honoured(...jambaMixer, 'attn_layer_period', 'attn_layer_offset', 'expert_layer_period', 'expert_layer_offset'),
    ...honoured('num_experts', 'num_experts_per_tok', 'num_local_experts'),
    ...idle('the same recurrence by another program', 'use_mamba_kernels'),
    ...idle('logits of a part of the tokens, in Python', 'num_logits_to_keep'),
  },
  computes: {
    router: () => ({ scores: 'softmax' }),
    state: (part, { attention }) =>
      attention.kind === 'mamba'
        ? { kind: 'mamba', prefix: 'mamba.', ...jambaSizes(part), norms: { names: jambaNorms } }
        : undefined,
  },
  choice: () => ({ positions: 'none', norm: 'rms' }),
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, inputBias: false, outputBias: false },
    mlp: { prefix: 'feed_forward.', inputs: ['gate_proj', 'up_proj'], output: 'down_proj' },
    experts: separateExperts({
      prefix: 'feed_forward.',
      router: 'router',
      projections: ['gate_proj', 'up_proj', 'down_proj'],
    }),
    norms: ['input_layernorm', 'pre_ff_layernorm'],
    finalNorm: 'final_layernorm',
    mixer: (writer, _layer, part) => {
      const own = writer.under('mamba.');
      const sizes = jambaSizes(part);
      const bias = { projections: flag(part, 'mamba_proj_bias'), convolution: flag(part, 'mamba_conv_bias', true) };
      writeMixer(own, part.hiddenSize, sizes, bias);
      jambaNorms.forEach((name, at) => {
        own.norm(name, at === 0 ? sizes.rank : sizes.state, false);
      });
    },
  },
});
