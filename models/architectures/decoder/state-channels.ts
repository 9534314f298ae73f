/** Recurrences of channels, of blocks of them, and lightning attention, from the rows of their layers. */
import type {
  LightningRow,
  MatrixWkvRow,
  RealGatedRow,
  SelectiveScanRow,
  ShortConvolutionRow,
  WkvRow,
} from '../../formats/families/shared/state-row';
import { activationOf, type Names } from '../architecture';
import { ModelError } from '../model-spec';
import {
  matrixWkvReaders,
  type LightningSpec,
  type MatrixWkvReader,
  type MatrixWkvSpec,
  type RealGatedSpec,
  type SelectiveScanSpec,
  type ShortConvolutionSpec,
  type WkvSpec,
} from '../state-spec';
import { blockOf } from '../states/channels';
import { lightningSlopes } from '../states/lightning';
import type { Linear, Norm } from '../weights-spec';
import { activationName } from './network';
import type { Stack } from './stack';
import { convolutionOf } from './state-parts';

/** Channels in blocks side by side. */
const inBlocks = (channels: number): { readonly heads: number; readonly headDim: number } => {
  const headDim = blockOf(channels);
  return { heads: channels / headDim, headDim };
};

/** Blocks of channels that never span two groups. */
function inGroups(channels: number, groups: number): ReturnType<typeof inBlocks> {
  if (groups < 1 || channels % groups !== 0)
    throw new ModelError(
      `A recurrence has ${channels} channels, which ${groups} groups do not divide. Correct n_mamba_heads.`,
    );
  const headDim = blockOf(channels / groups);
  return { heads: channels / headDim, headDim };
}

/** The maps of each group: its part of the tensors that hold all groups. */
function stackedMaps({ inner, state, rank }: SelectiveScanRow, groups: number, at: Names): SelectiveScanSpec['groups'] {
  const channels = inner / groups;
  const parameters = rank + 2 * state;
  const map = (name: string, group: number, inputs: number, outputs: number): Linear => ({
    ...{ weight: at.name(name), inputs, outputs, stored: 'outputs-inputs' },
    ...{ storedShape: [groups, outputs, inputs], firstRow: group * outputs },
  });
  return Array.from({ length: groups }, (_, group) => ({
    parameters: map('x_proj_weight', group, channels, parameters),
    step: {
      ...map('dt_proj_weight', group, rank, channels),
      ...{ bias: at.name('dt_proj_bias'), biasRow: { row: group, rows: groups } },
    },
  }));
}

export function selectiveScanOf(stack: Stack, row: SelectiveScanRow, at: Names): SelectiveScanSpec {
  const { inner, state, kernel, rank, norms, groups } = row;
  const hidden = stack.part.hiddenSize;
  const normOf = (which: 0 | 1 | 2, size: number): Norm =>
    norms && 'names' in norms
      ? at.rms(norms.names[which], size, stack.epsilon)
      : { kind: 'rms', size, epsilon: norms?.epsilon ?? stack.epsilon };
  return {
    kind: 'mamba',
    ...(groups === undefined ? inBlocks(inner) : inGroups(inner, groups)),
    state,
    rank,
    input: at.linear('in_proj', hidden, 2 * inner),
    convolution: convolutionOf(at, inner, kernel),
    activation: activationOf(row.activation ?? activationName(stack)),
    ...(norms ? { parameterNorms: { step: normOf(0, rank), b: normOf(1, state), c: normOf(2, state) } } : {}),
    ...(groups === undefined
      ? {
          groups: [
            { parameters: at.linear('x_proj', inner, rank + 2 * state), step: at.linear('dt_proj', rank, inner) },
          ],
        }
      : { groups: stackedMaps(row, groups, at), stacked: true as const }),
    decay: at.name('A_log'),
    skip: at.name('D'),
    output: at.linear('out_proj', inner, hidden),
  };
}

export function realGatedOf(stack: Stack, { width, kernel }: RealGatedRow, index: number, at: Names): RealGatedSpec {
  const { hiddenSize, heads } = stack.part;
  if (heads < 1 || width % heads !== 0)
    throw new ModelError(
      `Layer ${index} has ${width} channels of its recurrence for ${heads} heads. Correct lru_width or num_attention_heads.`,
    );
  const gate = (name: string) => ({ weight: at.name(`rg_lru.${name}_weight`), bias: at.name(`rg_lru.${name}_bias`) });
  return {
    kind: 'rg-lru',
    heads,
    headDim: width / heads,
    input: at.linear('linear_x', hiddenSize, width),
    gate: at.linear('linear_y', hiddenSize, width),
    activation: activationOf(activationName(stack)),
    convolution: convolutionOf(at, width, kernel, 'conv_1d'),
    inputGate: gate('input_gate'),
    recurrenceGate: gate('recurrent_gate'),
    lambda: at.name('rg_lru.recurrent_param'),
    output: at.linear('linear_out', width, hiddenSize),
  };
}

export function lightningOf(stack: Stack, { heads, headDim }: LightningRow, index: number, at: Names): LightningSpec {
  const { hiddenSize, layers } = stack.part;
  const width = heads * headDim;
  return {
    kind: 'lightning',
    heads,
    headDim,
    input: at.linear('qkv_proj', hiddenSize, 3 * width),
    activation: activationOf(activationName(stack)),
    slopes: lightningSlopes(heads, index, layers.length),
    // The class gives this norm the epsilon that its own class has, whatever the key says.
    norm: at.rms('norm', width, 1e-6),
    gate: at.linear('output_gate', hiddenSize, width),
    output: at.linear('out_proj', width, hiddenSize),
  };
}

export function shortConvolutionOf(stack: Stack, { kernel }: ShortConvolutionRow, at: Names): ShortConvolutionSpec {
  const { hiddenSize } = stack.part;
  return {
    kind: 'short-convolution',
    ...inBlocks(hiddenSize),
    input: at.linear('in_proj', hiddenSize, 3 * hiddenSize),
    convolution: convolutionOf(at, hiddenSize, kernel, 'conv'),
    output: at.linear('out_proj', hiddenSize, hiddenSize),
  };
}

export function wkvOf(stack: Stack, { width }: WkvRow, at: Names): WkvSpec {
  const { hiddenSize } = stack.part;
  const map = (name: string) => at.linear(name, hiddenSize, width);
  return {
    kind: 'wkv',
    ...inBlocks(width),
    key: map('key'),
    value: map('value'),
    receptance: map('receptance'),
    mix: {
      key: at.name('time_mix_key'),
      value: at.name('time_mix_value'),
      receptance: at.name('time_mix_receptance'),
    },
    decay: at.name('time_decay'),
    first: at.name('time_first'),
    output: at.linear('output', width, hiddenSize),
  };
}

const letterOf: Readonly<Record<MatrixWkvReader, string>> = {
  decay: 'w',
  key: 'k',
  value: 'v',
  receptance: 'r',
  gate: 'g',
};

export function matrixWkvOf(stack: Stack, row: MatrixWkvRow, index: number, at: Names): MatrixWkvSpec {
  const { width, headDim, rank, epsilon } = row;
  const { hiddenSize } = stack.part;
  if (width % headDim !== 0)
    throw new ModelError(
      `Layer ${index} has ${width} channels of its recurrence for heads of ${headDim}. Correct attention_hidden_size or head_size.`,
    );
  if (width !== hiddenSize)
    throw new ModelError(
      `Layer ${index} has ${width} channels of its recurrence, but the class norms ${hiddenSize}. Correct attention_hidden_size.`,
    );
  const map = (name: string) => at.linear(name, hiddenSize, width);
  /** Stored input by input. */
  const matrix = (name: string, inputs: number, outputs: number): Linear => ({
    ...{ weight: at.name(name), inputs, outputs, stored: 'inputs-outputs' },
  });
  const readers = matrixWkvReaders.length;
  const own = (reader: MatrixWkvReader, place: number) => ({
    share: at.name(`time_maa_${letterOf[reader]}`),
    up: {
      ...matrix('time_maa_w2', rank, hiddenSize),
      ...{ storedShape: [readers, rank, hiddenSize], firstRow: place * rank },
    },
  });
  return {
    kind: 'wkv6',
    heads: width / headDim,
    headDim,
    receptance: map('receptance'),
    key: map('key'),
    value: map('value'),
    gate: map('gate'),
    mix: {
      all: at.name('time_maa_x'),
      down: matrix('time_maa_w1', hiddenSize, readers * rank),
      own: Object.fromEntries(matrixWkvReaders.map((reader, place) => [reader, own(reader, place)])) as Record<
        MatrixWkvReader,
        ReturnType<typeof own>
      >,
      rank,
    },
    decay: {
      base: at.name('time_decay'),
      down: matrix('time_decay_w1', hiddenSize, 2 * rank),
      up: matrix('time_decay_w2', 2 * rank, width),
    },
    first: at.name('time_faaaa'),
    norm: { weight: at.name('ln_x.weight'), bias: at.name('ln_x.bias'), epsilon },
    output: at.linear('output', width, hiddenSize),
  };
}
