import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import type { FeedForward } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { flag, word } from '../shared/family';
import { activations, honoured, idle, idleOfText, only } from '../shared/run-keys';

/** `make_divisible` of the model's code: the nearest multiple, and the next one where that takes off more than a tenth. */
function nearestMultiple(value: number, divisor: number): number {
  const near = Math.max(divisor, Math.floor((value + divisor / 2) / divisor) * divisor);
  return near < 0.9 * value ? near + divisor : near;
}

/** Heads and networks that widen with depth, in lists by layer (arXiv:2404.14619, section 2.1). */
function choose(reader: ConfigReader): Partial<TransformerChoice> {
  const hidden = reader.integer('hidden_size') ?? 0;
  const divisor = reader.integer('ffn_dim_divisor', 1) ?? 256;
  const multipliers = reader.raw('ffn_multipliers');
  const gated = reader.boolean('ffn_with_glu') !== false;
  return {
    norm: 'rms',
    positions: 'rope',
    rope: { thetaKey: 'rope_freq_constant' },
    gated,
    layerAttention: (index) => ({
      heads: reader.integerAt('num_query_heads', index) ?? 0,
      kvHeads: reader.integerAt('num_kv_heads', index) ?? 0,
    }),
    feedForward: (index): FeedForward | undefined => {
      const multiplier: unknown = Array.isArray(multipliers) ? (multipliers as readonly unknown[])[index] : multipliers;
      if (typeof multiplier !== 'number' || !(multiplier > 0) || !Number.isFinite(multiplier * hidden))
        return undefined;
      return { kind: 'dense', size: nearestMultiple(multiplier * hidden, divisor), gated };
    },
  };
}

export const openElm = decoderFamily({
  id: 'openelm',
  title: 'OpenELM',
  types: ['openelm'],
  architectures: /^OpenELMFor/,
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'model_dim', 'num_transformer_layers', 'num_query_heads', 'num_kv_heads', 'head_dim'),
    ...honoured('max_context_length', 'ffn_multipliers', 'ffn_dim_divisor', 'rope_freq_constant'),
    ...honoured('share_input_output_layers'),
    ...only([true], 'normalize_qk_projections', 'ffn_with_glu'),
    ...only([...activations], 'activation_fn_name'),
    ...only(['rms_norm'], 'normalization_layer_name'),
    ...idle('from which the code makes the lists of heads', 'qkv_multipliers', 'num_gqa_groups'),
    ...idle('rows of a table that is computed', 'rope_max_length'),
  },
  record: ['activation_fn_name', 'normalize_qk_projections'],
  computes: { activation: (part) => word(part, 'activation_fn_name') ?? 'swish' },
  choice: choose,
  layout: {
    root: 'transformer.',
    embedding: 'token_embeddings',
    layer: 'layers.{layer}.',
    attention: {
      prefix: 'attn.',
      projections: ['qkv_proj'],
      output: 'out_proj',
      norm: (part) => (flag(part, 'normalize_qk_projections', true) ? 'head' : undefined),
    },
    mlp: { prefix: 'ffn.', inputs: ['proj_1'], fused: true, output: 'proj_2' },
    norms: ['attn_norm', 'ffn_norm'],
    finalNorm: 'norm',
  },
});
