import type { ConfigReader } from '../../config/config-reader';
import { numberOf } from '../../config/recurrent-state';
import type { ModelPart } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag } from '../shared/family';
import { honoured, idle, idleOfText, only } from '../shared/run-keys';
import type { GatedLinearRow } from '../shared/state-row';
import { llamaLayout } from './llama';

/** Two thirds of hidden_ratio x the width, up to a multiple of 256. */
function networkSize(reader: ConfigReader, hidden: number): number {
  const look = numberOf(reader);
  return look('intermediate_size') ?? 256 * Math.ceil(Math.trunc((hidden * (look('hidden_ratio') ?? 4) * 2) / 3) / 256);
}

/** Width of the bottleneck from which all decays are made; no key gives another one. */
const decayRank = 16;

const recorded = [
  ...['num_heads', 'num_kv_heads', 'expand_k', 'expand_v', 'feature_map', 'clamp_min'],
  ...['use_output_gate', 'elementwise_affine', 'fuse_norm'],
];

function rowOf(part: ModelPart): GatedLinearRow {
  const heads = amount(part, 'num_heads') ?? part.heads;
  const width = (key: string, otherwise: number): number =>
    heads === 0 ? 0 : Math.trunc(Math.trunc(part.hiddenSize * (amount(part, key) ?? otherwise)) / heads);
  const gated = flag(part, 'use_output_gate', true);
  const feature = part.fields['feature_map']?.value;
  const least = amount(part, 'clamp_min');
  return {
    ...{ kind: 'gla', prefix: 'attn.', heads, gated, rank: decayRank },
    kvHeads: amount(part, 'num_kv_heads') ?? heads,
    keyDim: width('expand_k', 0.5),
    headDim: width('expand_v', 1),
    ...(typeof feature === 'string' ? { feature } : {}),
    ...(least === undefined ? {} : { least }),
    norm: {
      // The class fuses norm and gate if it can, and the name of the norm says so.
      name: gated && flag(part, 'fuse_norm', true) ? 'g_norm_swish_gate' : 'g_norm',
      weighed: flag(part, 'elementwise_affine', true),
    },
  };
}

/** Gated linear attention (arXiv:2312.06635): each head keeps a matrix of key width x value width, and there is no cache. */
export const gla = decoderFamily({
  id: 'gla',
  title: 'Gated linear attention',
  types: ['gla'],
  architectures: /^GLAFor/,
  record: recorded,
  run: {
    ...idleOfText,
    ...honoured(...recorded, 'vocab_size', 'hidden_size', 'num_hidden_layers', 'num_attention_heads', 'hidden_ratio'),
    ...honoured('intermediate_size', 'norm_eps', 'tie_word_embeddings'),
    ...only(['swish', 'silu'], 'hidden_act'),
    // Decays of keys alone; those of values, convolutions and layers of attention are other models.
    ...only([true], 'use_gk'),
    ...only([false, null], 'use_gv', 'use_short_conv'),
    ...only([null], 'attn'),
    ...idle('the width of a convolution that the model does not have', 'conv_size', 'conv_bias'),
    ...idle('the same recurrence by another program', 'attn_mode', 'mode', 'share_conv_kernel'),
    ...idle('the same numbers in fewer passes', 'fuse_cross_entropy', 'fuse_swiglu', 'fuse_linear_cross_entropy'),
    ...idle('a loss of training', 'use_l2warp'),
    ...idle('no position is computed', 'max_position_embeddings'),
  },
  computes: { state: rowOf },
  choice: (reader) => {
    const hidden = reader.integer('hidden_size') ?? 0;
    const heads = reader.integer('num_attention_heads') ?? 0;
    const width = (key: string): number =>
      heads === 0 ? 0 : Math.floor(Math.trunc(hidden * (reader.number(key) ?? 1)) / heads);
    const [headDim, valueDim] = [width('expand_k'), width('expand_v')];
    return {
      headDim,
      valueDim,
      positions: 'none',
      norm: 'rms',
      gated: true,
      intermediateSize: networkSize(reader, hidden),
      stateElements: heads * headDim * valueDim,
      layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'linear' })),
    };
  },
  layout: {
    ...llamaLayout,
    embedding: 'embeddings',
    mlp: { ...llamaLayout.mlp, bias: false },
    norms: ['attn_norm', 'mlp_norm'],
    mixer: (writer, _layer, part) => {
      const own = writer.under('attn.');
      const { heads, kvHeads, keyDim, headDim, gated, rank, norm } = rowOf(part);
      const hidden = part.hiddenSize;
      own.linear('mixer', 'q_proj', hidden, heads * keyDim, false);
      own.linear('mixer', 'k_proj', hidden, kvHeads * keyDim, false);
      own.linear('mixer', 'v_proj', hidden, kvHeads * headDim, false);
      if (gated) own.linear('mixer', 'g_proj', hidden, heads * headDim, false);
      own.linear('mixer', 'gk_proj.0', hidden, rank, false);
      own.linear('mixer', 'gk_proj.1', rank, kvHeads * keyDim, true);
      own.linear('mixer', 'o_proj', heads * headDim, hidden, false);
      if (norm.weighed) own.norm(norm.name, headDim, false);
    },
  },
});
