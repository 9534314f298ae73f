/** Recurrences with other values of their keys and weights that make up for them, as in `variants.ts`. */
import { times, type Tensors, type Variant } from './variant-tensors';

/** A kernel one position longer, whose first weight is nothing. */
function longerKernels(tensors: Tensors): void {
  for (const [name, { shape, data }] of tensors) {
    if (!/conv(_1d|1d)?\.weight$/.test(name)) continue;
    const [channels = 0, one = 1, size = 0] = shape;
    const wider = new Float32Array(channels * (size + 1));
    for (let at = 0; at < channels; at++) wider.set(data.subarray(at * size, (at + 1) * size), at * (size + 1) + 1);
    tensors.set(name, { shape: [channels, one, size + 1], data: wider });
  }
}

const noBiases =
  (layer: number, width: number) =>
  (tensors: Tensors): void => {
    for (const [name, size] of [
      ['in_proj', 3 * width],
      ['conv', width],
      ['out_proj', width],
    ] as const)
      tensors.set(`model.layers.${layer}.conv.${name}.bias`, { shape: [size], data: new Float32Array(size) });
  };

/** Each expert is the network that the layer had; which of them a token takes makes no difference. */
function equalExperts(tensors: Tensors): void {
  const prefix = 'model.layers.0.feed_forward.';
  for (const [name, tensor] of [...tensors]) {
    const part = /^model\.layers\.0\.feed_forward\.(\w+_proj\.weight)$/.exec(name)?.[1];
    if (part === undefined) continue;
    tensors.delete(name);
    for (const expert of [0, 1]) tensors.set(`${prefix}experts.${expert}.${part}`, tensor);
  }
  tensors.set(`${prefix}router.weight`, { shape: [2, 32], data: Float32Array.from({ length: 64 }, (_, at) => at % 5) });
}

const minimax = 'minimax--MiniMaxForCausalLM';
const recurrentGemma = 'recurrent_gemma--RecurrentGemmaForCausalLM';
const lfm2s = ['lfm2--Lfm2ForCausalLM', 'lfm2_moe--Lfm2MoeForCausalLM'];

export const ofChannels: readonly Variant[] = [
  {
    of: minimax,
    what: 'factors on the stream and on what is added to it',
    // A stream twice as large in front of every norm.
    config: {
      ...{ full_attn_alpha_factor: 2, linear_attn_alpha_factor: 2, mlp_alpha_factor: 2, rms_norm_eps: 4e-5 },
      ...{ full_attn_beta_factor: 4, linear_attn_beta_factor: 8, mlp_beta_factor: 0.5 },
    },
    tensors(tensors) {
      times(tensors, /embed_tokens/, 2);
      times(tensors, /o_proj/, 1 / 2);
      times(tensors, /out_proj/, 1 / 4);
      times(tensors, /w2\.weight/, 4);
    },
  },
  {
    of: 'jamba--JambaForCausalLM',
    what: 'experts in each layer',
    config: { attn_layer_period: 7, expert_layer_period: 1, expert_layer_offset: 0 },
    tensors: equalExperts,
  },
  {
    // What its norms read is twice as large.
    of: 'falcon_mamba--FalconMambaForCausalLM',
    what: 'another epsilon of its parameters',
    config: { mixer_rms_eps: 4e-6 },
    tensors: (tensors) => times(tensors, /x_proj/, 2),
  },
  ...lfm2s.flatMap((of): readonly Variant[] => [
    { of, what: 'a longer convolution', config: { conv_L_cache: 4 }, tensors: longerKernels },
    { of, what: 'biases of nothing', config: { conv_bias: true }, tensors: noBiases(1, 32) },
    { of, what: 'attention by its places', config: { layer_types: undefined, full_attn_idxs: [0] } },
  ]),
  {
    of: 'lfm2--Lfm2ForCausalLM',
    what: 'the width as it is written',
    config: { block_auto_adjust_ff_dim: false, intermediate_size: 256 },
  },
  {
    // Two thirds of 32, times 8, is below the multiple of 256 still.
    of: 'lfm2--Lfm2ForCausalLM',
    what: 'a factor on the width',
    config: { block_ffn_dim_multiplier: 8 },
  },
  { of: 'rwkv--RwkvForCausalLM', what: 'another context', config: { context_length: 512 } },
  {
    of: recurrentGemma,
    what: 'a longer convolution, a smaller window',
    config: { conv1d_width: 5, attention_window_size: 64, block_types: ['recurrent'] },
    tensors: longerKernels,
  },
  {
    of: recurrentGemma,
    what: 'logits of half the size, and their cap',
    config: { logits_soft_cap: 15, block_types: undefined, _block_types: ['recurrent', 'recurrent'] },
    tensors: (tensors) => times(tensors, /lm_head/, 1 / 2),
    logits: 0.5,
  },
];
