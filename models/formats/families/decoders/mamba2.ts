import { fieldOf, mamba2Sizes, mamba2State } from '../../config/recurrent-state';
import type { Mamba2Sizes } from '../../config/recurrent-state';
import type { JsonValue, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag } from '../shared/family';
import { honoured, idle, idleOfText, only, type RunKeys } from '../shared/run-keys';
import type { Mamba2Row } from '../shared/state-row';
import { llamaLayout } from './llama';

export interface Mamba2Bias {
  readonly input: boolean;
  readonly output: boolean;
  readonly convolution: boolean;
}

/** The mixer of Mamba-2; `norm` is false where nothing is normalised behind it. */
function writeMamba2Mixer(writer: TensorWriter, sizes: Mamba2Sizes, bias: Mamba2Bias, norm = true): void {
  const { heads, inner, state, groups, kernel } = sizes;
  const hidden = writer.part.hiddenSize;
  const convolved = inner + 2 * groups * state;
  writer.linear('mixer', 'in_proj', hidden, inner + convolved + heads, bias.input);
  writer.add('mixer', 'conv1d.weight', [convolved, 1, kernel]);
  if (bias.convolution) writer.add('mixer', 'conv1d.bias', [convolved]);
  for (const name of ['dt_bias', 'A_log', 'D']) writer.add('mixer', name, [heads]);
  if (norm) writer.norm('norm', inner, false);
  writer.linear('mixer', 'out_proj', inner, hidden, bias.output);
}

/** The mixer of a part whose keys are those that `mamba2Sizes` knows. */
export function writeMamba2(writer: TensorWriter, part: ModelPart, bias: Mamba2Bias, norm = true): void {
  const sizes = mamba2Sizes(fieldOf(part), part.hiddenSize);
  if (sizes !== undefined) writeMamba2Mixer(writer, sizes, bias, norm);
}

/** Mamba-2 alone calls its heads as attention does. */
const ownSizes = (look: (key: string) => number | undefined): Mamba2Sizes => {
  const heads = look('num_heads') ?? 0;
  return {
    heads,
    inner: heads * (look('head_dim') ?? 0),
    state: look('state_size') ?? 0,
    groups: look('n_groups') ?? 1,
    kernel: look('conv_kernel') ?? 4,
  };
};

/** How a mixer with its own names of sizes is computed; the class norms all heads together, behind the gate. */
export const mamba2Row = (
  part: ModelPart,
  sizes: Mamba2Sizes,
  row: Omit<Mamba2Row, 'kind' | keyof Mamba2Sizes>,
): Mamba2Row => ({ kind: 'mamba2', ...sizes, ...stepLimitOf(part), ...row });

/** Limits that no step reaches are none: it is above 0. */
function stepLimitOf(part: ModelPart): Pick<Mamba2Row, 'stepLimit'> {
  const value = part.fields['time_step_limit']?.value;
  if (!Array.isArray(value)) return {};
  const [least, most] = (value as readonly JsonValue[]).map((each) => (typeof each === 'number' ? each : Infinity));
  if (least === undefined || most === undefined || (least <= 0 && most === Infinity)) return {};
  return { stepLimit: [least, most] };
}

/** Keys of the training and speed of a mixer. */
export const mixerIdle: RunKeys = {
  ...idle('the same recurrence in pieces', 'chunk_size', 'mamba_chunk_size'),
  ...idle(
    'first values of weights that are stored',
    'time_step_min',
    'time_step_max',
    'time_step_floor',
    'time_step_rank',
  ),
  ...idle('first values of weights that are stored', 'rescale_prenorm_residual'),
};

export const mamba2 = decoderFamily({
  id: 'mamba2',
  title: 'Mamba-2',
  types: ['mamba2'],
  architectures: /^Mamba2For/,
  run: {
    ...idleOfText,
    ...mixerIdle,
    ...honoured(
      'num_heads',
      'head_dim',
      'state_size',
      'expand',
      'conv_kernel',
      'n_groups',
      'use_bias',
      'use_conv_bias',
    ),
    ...honoured('vocab_size', 'hidden_size', 'num_hidden_layers', 'layer_norm_epsilon', 'tie_word_embeddings'),
    ...honoured('time_step_limit'),
    ...only(['silu', 'swish'], 'hidden_act'),
    // The class has the norm whatever the key says.
    ...idle('read by no class', 'rms_norm'),
    ...idle('the same sums in float32, which all are', 'residual_in_fp32'),
  },
  computes: {
    norms: ['attention'],
    state: (part) =>
      mamba2Row(
        part,
        ownSizes((key) => amount(part, key)),
        { prefix: 'mixer.', norm: { groups: 1, first: false } },
      ),
  },
  choice: (reader) => ({
    heads: 0,
    kvHeads: 0,
    headDim: 0,
    positions: 'none',
    norm: 'rms',
    stateElements: mamba2State(ownSizes((key) => reader.integer(key))),
    layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'mamba', feedForward: 'none' })),
  }),
  layout: {
    ...llamaLayout,
    root: 'backbone.',
    embedding: 'embeddings',
    norms: ['norm'],
    finalNorm: 'norm_f',
    mixer: (writer, _layer, part) => {
      const biased = flag(part, 'use_bias');
      const bias = { input: biased, output: biased, convolution: flag(part, 'use_conv_bias', true) };
      writeMamba2Mixer(
        writer.under('mixer.'),
        ownSizes((key) => amount(part, key)),
        bias,
      );
    },
  },
});
