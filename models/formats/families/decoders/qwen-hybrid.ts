import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import type { Computation } from '../shared/computation';
import { separateExperts, stackedExperts } from '../shared/decoder-layout';
import { flag, sizeOf } from '../shared/family';
import { normalisedSoftmax, softmaxByKey } from '../shared/routers';
import { honoured, llamaLikeKeys, only, type RunKeys } from '../shared/run-keys';
import { llamaLayout } from './llama';
import { expertKeys, qwen3Attention } from './qwen';

/**
 * The gated delta net (arXiv:2412.06464) that three layers in four have instead of attention. Qwen3-Next stores queries,
 * keys, values and gates in one tensor and the two rates of each head in another; Qwen3.5 has four.
 */
function writeDeltaNet(writer: TensorWriter, part: ModelPart, fused: boolean): void {
  const hidden = part.hiddenSize;
  const valueHeads = sizeOf(part, 'linear_num_value_heads') ?? 0;
  const keys = (sizeOf(part, 'linear_num_key_heads') ?? 0) * (sizeOf(part, 'linear_key_head_dim') ?? 0);
  const valueDim = sizeOf(part, 'linear_value_head_dim') ?? 0;
  const values = valueHeads * valueDim;
  const own = writer.under('linear_attn.');
  if (fused) {
    own.linear('mixer', 'in_proj_qkvz', hidden, 2 * keys + 2 * values, false);
    own.linear('mixer', 'in_proj_ba', hidden, 2 * valueHeads, false);
  } else {
    own.linear('mixer', 'in_proj_qkv', hidden, 2 * keys + values, false);
    own.linear('mixer', 'in_proj_z', hidden, values, false);
    own.linear('mixer', 'in_proj_a', hidden, valueHeads, false);
    own.linear('mixer', 'in_proj_b', hidden, valueHeads, false);
  }
  own.add('mixer', 'conv1d.weight', [2 * keys + values, 1, sizeOf(part, 'linear_conv_kernel_dim') ?? 4]);
  own.add('mixer', 'dt_bias', [valueHeads]);
  own.add('mixer', 'A_log', [valueHeads]);
  own.norm('norm', valueDim, false);
  own.linear('mixer', 'out_proj', values, hidden, false);
}

const deltaNetKeys = [
  'linear_num_value_heads',
  'linear_num_key_heads',
  'linear_key_head_dim',
  'linear_value_head_dim',
  'linear_conv_kernel_dim',
];

/** Layers by their list, or each one that the interval counts has attention. */
const deltaKeys: RunKeys = {
  ...llamaLikeKeys,
  ...honoured(...deltaNetKeys, 'layer_types', 'full_attention_interval', 'partial_rotary_factor', 'attention_bias'),
};

const sharedKeys: RunKeys = { ...expertKeys, ...honoured('shared_expert_intermediate_size') };

/** Norms multiply by 1 plus what is stored, but for those behind the recurrence. */
const deltaComputes = (fused: boolean): Computation => ({
  gainOffset: 1,
  state: (part, { attention }) =>
    attention.kind === 'linear'
      ? {
          kind: 'gated-delta',
          prefix: 'linear_attn.',
          fused,
          heads: sizeOf(part, 'linear_num_value_heads') ?? 0,
          keyHeads: sizeOf(part, 'linear_num_key_heads') ?? 0,
          keyDim: sizeOf(part, 'linear_key_head_dim') ?? 0,
          headDim: sizeOf(part, 'linear_value_head_dim') ?? 0,
          kernel: sizeOf(part, 'linear_conv_kernel_dim') ?? 4,
        }
      : undefined,
});

const layout = {
  ...llamaLayout,
  attention: { ...qwen3Attention, gate: (part: ModelPart) => flag(part, 'attn_output_gate', true) },
  mixer: (writer: TensorWriter, _layer: unknown, part: ModelPart) => {
    writeDeltaNet(writer, part, false);
  },
};

const sharedExpert = {
  prefix: 'mlp.',
  router: 'gate',
  shared: 'shared_expert.',
  sharedGate: 'shared_expert_gate',
} as const;

export const qwen35 = decoderFamily({
  id: 'qwen3_5',
  title: 'Qwen3.5',
  types: ['qwen3_5_text'],
  run: { ...deltaKeys, ...only([true, null], 'attn_output_gate') },
  computes: deltaComputes(false),
  record: ['attention_bias', 'attn_output_gate', ...deltaNetKeys],
  layout,
});

export const qwen35Moe = decoderFamily({
  id: 'qwen3_5_moe',
  title: 'Qwen3.5 MoE',
  types: ['qwen3_5_moe_text'],
  architectures: /^Qwen3_5MoeForCausalLM/,
  run: { ...deltaKeys, ...sharedKeys, ...only([true, null], 'attn_output_gate') },
  computes: { ...deltaComputes(false), router: normalisedSoftmax },
  record: ['attention_bias', 'attn_output_gate', 'shared_expert_intermediate_size', ...deltaNetKeys],
  layout: { ...layout, experts: stackedExperts(sharedExpert) },
});

export const qwen3Next = decoderFamily({
  id: 'qwen3_next',
  title: 'Qwen3-Next',
  types: ['qwen3_next'],
  architectures: /^Qwen3NextFor/,
  run: { ...deltaKeys, ...sharedKeys },
  computes: { ...deltaComputes(true), router: softmaxByKey },
  record: ['attention_bias', 'shared_expert_intermediate_size', ...deltaNetKeys],
  layout: {
    ...layout,
    attention: { ...qwen3Attention, gate: true },
    experts: separateExperts({ ...sharedExpert, projections: ['gate_proj', 'up_proj', 'down_proj'] }),
    mixer: (writer, _layer, part) => {
      writeDeltaNet(writer, part, true);
    },
  },
});
