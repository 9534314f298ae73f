import { withLatentExperts } from '../shared/latent-experts';
import type { FeedForward, ModelPart } from '../../model-description';
import { isObject } from '../../config/config-reader';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import { flag, sizeOf } from '../shared/family';
import { llamaLayout } from './llama';

/**
 * Kimi Linear (arXiv:2510.26692) and the text model of Kimi K3: Kimi delta attention in three layers of four, latent
 * attention without rotation in the fourth. K3 adds gates on the outputs, experts that work in a narrower space, and
 * learned weights over the outputs of earlier blocks of layers.
 */

interface DeltaSizes {
  readonly heads: number;
  readonly headDim: number;
  readonly kernel: number;
  /** The gate of the output is one projection, where others take a detour over `headDim` numbers. */
  readonly fullGate: boolean;
}

function deltaSizes(part: ModelPart): DeltaSizes {
  const config = part.fields['linear_attn_config']?.value;
  const object = isObject(config) ? config : {};
  const number = (key: string): number => {
    const value = object[key];
    return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0;
  };
  return {
    heads: number('num_heads'),
    headDim: number('head_dim'),
    kernel: number('short_conv_kernel_size'),
    fullGate: object['use_full_rank_gate'] === true,
  };
}

function writeDeltaAttention(writer: TensorWriter, part: ModelPart): void {
  const { heads, headDim, kernel, fullGate } = deltaSizes(part);
  const own = writer.under('self_attn.');
  const hidden = part.hiddenSize;
  const width = heads * headDim;
  for (const name of ['q', 'k', 'v']) {
    own.linear('mixer', `${name}_proj`, hidden, width, false);
    own.add('mixer', `${name}_conv1d.weight`, [width, 1, kernel]);
  }
  own.linear('mixer', 'f_a_proj', hidden, headDim, false);
  own.linear('mixer', 'f_b_proj', headDim, width, false);
  own.add('mixer', 'dt_bias', [width]);
  // K3's files hold one number a dimension of a head where its published code has one a head (2026-07).
  own.add('mixer', 'A_log', fullGate ? [headDim] : [1, 1, heads, 1]);
  own.linear('mixer', 'b_proj', hidden, heads, false);
  if (fullGate) own.linear('mixer', 'g_proj', hidden, width, false);
  else {
    own.linear('mixer', 'g_a_proj', hidden, headDim, false);
    own.linear('mixer', 'g_b_proj', headDim, width, false);
  }
  own.norm('o_norm', headDim, false);
  own.linear('mixer', 'o_proj', width, hidden, false);
}

function writeExperts(writer: TensorWriter, feedForward: FeedForward, part: ModelPart): void {
  const { experts, size } = feedForward;
  if (experts === undefined) return;
  const own = writer.under('block_sparse_moe.');
  const hidden = part.hiddenSize;
  const inner = experts.latentSize ?? hidden;
  own.add('router', 'gate.weight', [experts.count, hidden]);
  own.add('router', 'gate.e_score_correction_bias', [experts.count]);
  const each = own.experts(experts, 'experts.{expert}.');
  each.linear('experts', 'w1', inner, size, false);
  each.linear('experts', 'w3', inner, size, false);
  each.linear('experts', 'w2', size, inner, false);
  if (inner !== hidden) {
    own.linear('mlp', 'routed_expert_down_proj', hidden, inner, false);
    own.linear('mlp', 'routed_expert_up_proj', inner, hidden, false);
    if (flag(part, 'latent_moe_use_norm')) own.norm('routed_expert_norm', inner, false);
  }
  if (experts.sharedSize === 0) return;
  const shared = own.under('shared_experts.');
  shared.linear('mlp', 'gate_proj', hidden, experts.sharedSize, false);
  shared.linear('mlp', 'up_proj', hidden, experts.sharedSize, false);
  shared.linear('mlp', 'down_proj', experts.sharedSize, hidden, false);
}

/** The weights over earlier blocks: a norm and one score, before each half of a layer and before the head. */
function writeResidualScore(writer: TensorWriter, name: string): void {
  writer.norm(`${name}_norm`, writer.part.hiddenSize, false);
  writer.linear('other', `${name}_proj`, writer.part.hiddenSize, 1, false);
}

const hasResidualScores = (part: ModelPart): boolean => (sizeOf(part, 'attn_res_block_size') ?? 0) > 0;

export const kimiLinear = decoderFamily({
  id: 'kimi_linear',
  title: 'Kimi Linear',
  types: ['kimi_linear'],
  architectures: /^KimiLinearFor/,
  record: [
    'linear_attn_config',
    'mla_use_nope',
    'mla_use_output_gate',
    'routed_expert_hidden_size',
    'latent_moe_use_norm',
    'attn_res_block_size',
    'num_nextn_predict_layers',
  ],
  choice: (reader) => ({
    norm: 'rms',
    ...(reader.boolean('mla_use_nope') === true ? { positions: 'none' as const } : {}),
  }),
  finish: (part) => withLatentExperts(part, sizeOf(part, 'routed_expert_hidden_size')),
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      inputBias: false,
      outputBias: false,
      more: (writer, { attention }, part) => {
        if (!flag(part, 'mla_use_output_gate')) return;
        writer.linear('attention', 'g_proj', part.hiddenSize, attention.heads * attention.valueDim, false);
      },
    },
    mlp: { ...llamaLayout.mlp, bias: false },
    mixer: (writer, _layer, part) => {
      writeDeltaAttention(writer, part);
    },
    experts: (writer, feedForward, _layer, part) => {
      writeExperts(writer, feedForward, part);
    },
    more: (writer, _layer, part) => {
      if (!hasResidualScores(part)) return;
      writeResidualScore(writer, 'self_attention_res');
      writeResidualScore(writer, 'mlp_res');
    },
    extra: (writer, part) => {
      if (hasResidualScores(part)) writeResidualScore(writer, 'output_attn_res');
    },
  },
});
