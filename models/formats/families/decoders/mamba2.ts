import { fieldOf, mamba2Sizes, mamba2State } from '../../config/recurrent-state';
import type { Mamba2Sizes } from '../../config/recurrent-state';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag } from '../shared/family';
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

export const mamba2 = decoderFamily({
  id: 'mamba2',
  title: 'Mamba-2',
  types: ['mamba2'],
  architectures: /^Mamba2For/,
  record: ['num_heads', 'head_dim', 'state_size', 'expand', 'conv_kernel', 'n_groups', 'use_bias', 'use_conv_bias'],
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
