/** What recurrent layers keep of a sequence, from whatever names the file uses. */
import type { ModelPart } from '../model-description';
import type { ConfigReader } from './config-reader';
import { largestInteger } from './config-reader';

/** A number under one of several names; a word such as `auto` is none, nor is a size that no model has. */
type LookUp = (key: string) => number | undefined;

const size = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value <= largestInteger ? value : undefined;

export const numberOf =
  (reader: ConfigReader): LookUp =>
  (key) =>
    size(reader.raw(key));

/** The same of a part that was read: its writers of tensors see the fields alone. */
export const fieldOf =
  ({ fields }: { readonly fields: ModelPart['fields'] }): LookUp =>
  (key) =>
    Object.hasOwn(fields, key) ? size(fields[key]?.value) : undefined;

/** The mixer of Mamba-2 (arXiv:2405.21060, section 7): heads share an input and output matrix by group. */
export interface Mamba2Sizes {
  readonly heads: number;
  /** Width of all heads together. */
  readonly inner: number;
  readonly state: number;
  readonly groups: number;
  readonly kernel: number;
}

const first = (look: LookUp, keys: readonly string[]): number | undefined => {
  for (const key of keys) {
    const value = look(key);
    if (value !== undefined) return value;
  }
  return undefined;
};

const stateKeys = ['ssm_state_size', 'mamba_d_state', 'state_size'];
const kernelKeys = ['mamba_d_conv', 'conv_kernel'];
const expandKeys = ['mamba_expand', 'expand'];

/** Every key of the mixers, so that a family can record them. */
export const mamba2Keys = [
  'mamba_num_heads',
  'mamba_n_heads',
  'n_mamba_heads',
  'mamba_head_dim',
  'mamba_d_head',
  'mamba_d_ssm',
  'n_groups',
  'mamba_n_groups',
  'mamba_ngroups',
  ...stateKeys,
  ...kernelKeys,
  ...expandKeys,
];

/** The sizes under the names of Bamba, Falcon-H1, Granite 4, Nemotron-H and Zamba2; undefined where no heads are named. */
export function mamba2Sizes(look: LookUp, hiddenSize: number): Mamba2Sizes | undefined {
  const heads = first(look, ['mamba_num_heads', 'mamba_n_heads', 'n_mamba_heads']);
  const state = first(look, stateKeys);
  if (heads === undefined || state === undefined) return undefined;
  const headDim = first(look, ['mamba_head_dim', 'mamba_d_head']);
  const inner =
    look('mamba_d_ssm') ??
    (headDim === undefined ? Math.trunc((first(look, expandKeys) ?? 2) * hiddenSize) : heads * headDim);
  return {
    heads,
    inner,
    state,
    groups: first(look, ['n_groups', 'mamba_n_groups', 'mamba_ngroups']) ?? 1,
    kernel: first(look, kernelKeys) ?? 4,
  };
}

/**
 * Heads x head width x state, and the last kernel - 1 inputs of the convolution, which is as wide as the heads together and
 * the two matrices of each group.
 */
export const mamba2State = ({ inner, state, groups, kernel }: Mamba2Sizes): number =>
  inner * state + (inner + 2 * groups * state) * (kernel - 1);

/** Inner x state, and the last kernel - 1 inputs of the convolution (Mamba, arXiv:2312.00752, section 3.4). */
export const mambaState = (inner: number, state: number, kernel: number): number => inner * (state + kernel - 1);

/**
 * Elements that one layer keeps of a sequence, where the keys give them: those of the two Mambas as above; of the gated
 * delta rule value heads x key width x value width, and the last kernel - 1 inputs of the convolution over queries, keys
 * and values (Qwen3-Next).
 */
export function stateElements(reader: ConfigReader, kind: 'linear' | 'mamba', hiddenSize: number): number | undefined {
  const look = numberOf(reader);
  if (kind === 'linear') {
    const linear = reader.child('linear_attn_config');
    const inner: LookUp = linear === undefined ? () => undefined : numberOf(linear);
    const heads = look('linear_num_value_heads') ?? inner('num_heads');
    const key = look('linear_key_head_dim') ?? inner('head_dim');
    const value = look('linear_value_head_dim') ?? inner('head_dim');
    if (heads === undefined || key === undefined || value === undefined) return undefined;
    const kernel = look('linear_conv_kernel_dim') ?? inner('short_conv_kernel_size') ?? 1;
    const keyHeads = look('linear_num_key_heads') ?? heads;
    return heads * key * value + (2 * keyHeads * key + heads * value) * (kernel - 1);
  }
  const sizes = mamba2Sizes(look, hiddenSize);
  if (sizes !== undefined) return mamba2State(sizes);
  const state = first(look, stateKeys);
  const expand = first(look, expandKeys);
  if (state === undefined || expand === undefined) return undefined;
  return mambaState(Math.trunc(expand * hiddenSize), state, first(look, kernelKeys) ?? 4);
}
