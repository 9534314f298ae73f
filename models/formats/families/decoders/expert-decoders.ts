import type { FeedForward } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { namedExperts, separateExperts } from '../shared/decoder-layout';
import { groupedKeys, groupedSigmoid, normalisedSoftmax, softmaxByKey } from '../shared/routers';
import { honoured, idle, llamaLikeKeys, only, routerIdle } from '../shared/run-keys';
import { deepseekExperts } from './deepseek';
import { ernieLayout } from './ernie-layout';
import { llamaLayout } from './llama';

/** Decoders with experts that keep Llama's names elsewhere. */

/** The first model of DeepSeek with experts, before latent attention. */
export const deepseekMoe = decoderFamily({
  id: 'deepseek_moe',
  title: 'DeepSeek MoE',
  types: ['deepseek'],
  architectures: /^DeepseekFor/,
  run: {
    ...llamaLikeKeys,
    ...groupedKeys,
    ...honoured('attention_bias'),
    ...only(['softmax'], 'scoring_func'),
    ...only([1, null], 'routed_scaling_factor', 'ep_size'),
    ...only([null], 'n_group', 'topk_group'),
    ...idle('a loss of training', 'seq_aux'),
  },
  computes: { router: softmaxByKey },
  layout: { ...llamaLayout, experts: deepseekExperts(false), mlp: { ...llamaLayout.mlp, bias: false } },
});

export const dots1 = decoderFamily({
  id: 'dots1',
  title: 'dots.llm1',
  types: ['dots1'],
  architectures: /^Dots1For/,
  run: {
    ...llamaLikeKeys,
    ...groupedKeys,
    ...honoured('attention_bias', 'sliding_window', 'max_window_layers', 'layer_types'),
  },
  computes: { router: groupedSigmoid },
  choice: (reader) => {
    const first = reader.integer('max_window_layers') ?? 0;
    return { windowed: (index) => index >= first };
  },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'head' },
    experts: deepseekExperts(true),
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});

const ernieExperts = {
  prefix: 'mlp.',
  router: 'gate',
  projections: ['gate_proj', 'up_proj', 'down_proj'],
  shared: 'shared_experts.',
} as const;

export const ernie45Moe = decoderFamily({
  id: 'ernie4_5_moe',
  title: 'ERNIE 4.5 MoE',
  types: ['ernie4_5_moe'],
  architectures: /^Ernie4_5_MoeFor/,
  tied: true,
  run: {
    ...llamaLikeKeys,
    ...only([false], 'use_bias'),
    ...honoured('moe_intermediate_size', 'moe_k', 'moe_num_experts', 'moe_num_shared_experts', 'num_experts'),
    ...honoured('moe_layer_start_index', 'moe_layer_end_index', 'num_experts_per_tok'),
    ...only([1], 'moe_layer_interval'),
    ...idle('keeps a sum of shares from being nothing', 'moe_norm_min'),
    ...routerIdle,
  },
  computes: { router: normalisedSoftmax },
  choice: (reader) => {
    const start = reader.integer('moe_layer_start_index') ?? 0;
    const interval = reader.integer('moe_layer_interval', 1) ?? 1;
    // -1 is the last layer.
    const end = reader.number('moe_layer_end_index') ?? -1;
    const size = reader.integer('intermediate_size') ?? 0;
    const routed = (index: number): boolean =>
      index >= start && (end < 0 || index <= end) && (index + 1) % interval === 0;
    return {
      rope: { layout: 'interleaved' },
      feedForward: (index): FeedForward | undefined =>
        routed(index) ? undefined : { kind: 'dense', size, gated: true },
    };
  },
  layout: {
    ...ernieLayout,
    experts: namedExperts(
      (writer, feedForward, layer, part) => {
        separateExperts(ernieExperts)(writer, feedForward, layer, part);
        writer.add('router', 'mlp.moe_statics.e_score_correction_bias', [1, feedForward.experts?.count ?? 0]);
      },
      { ...ernieExperts, routerBias: 'moe_statics.e_score_correction_bias' },
    ),
  },
});
