import type { Layer, ModelPart } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { greedySoftmax, groupedKeys, groupedSigmoid } from '../shared/routers';
import { honoured, idle, llamaLikeKeys, only } from '../shared/run-keys';
import { mixtureKey } from '../../config/head-mixture';
import { llamaLayout } from './llama';

const projections = ['gate_proj', 'up_proj', 'down_proj'] as const;
/** `gate`, `experts.{expert}.` and `shared_experts.`, in the names that DeepSeek set and GLM kept. */
export const deepseekExperts = (routerBias: boolean) =>
  separateExperts({
    prefix: 'mlp.',
    router: 'gate',
    ...(routerBias ? { routerBias: 'gate.e_score_correction_bias' } : {}),
    projections,
    shared: 'shared_experts.',
  });

/** The root of the width of a query, times the square of YaRN's factor on cos and sin where the config has `mscale_all_dim`. */
export function latentScale(part: ModelPart, { attention: { headDim, rope } }: Layer): number {
  const scaling = rope === undefined ? undefined : part.ropes[rope]?.scaling;
  const { factor = 1, mscaleAllDim = 0 } = scaling?.kind === 'yarn' ? scaling : {};
  const sharper = factor > 1 ? 0.1 * mscaleAllDim * Math.log(factor) + 1 : 1;
  return headDim ** -0.5 * sharper ** 2;
}

/** Keys of latent attention. */
export const latentKeys = {
  ...only([null], mixtureKey),
  ...honoured('kv_lora_rank', 'q_lora_rank', 'qk_nope_head_dim', 'qk_rope_head_dim', 'v_head_dim', 'attention_bias'),
  ...only([true], 'rope_interleave'),
  ...idle('the sum of qk_nope_head_dim and qk_rope_head_dim', 'qk_head_dim'),
  ...idle('the class computes it from the parts', 'head_dim'),
};

export const latentRecord = ['attention_bias', 'topk_method', 'num_nextn_predict_layers', 'routed_scaling_factor'];

export const deepseekV2 = decoderFamily({
  id: 'deepseek_v2',
  title: 'DeepSeek-V2',
  types: ['deepseek_v2'],
  architectures: /^DeepseekV2For/,
  run: {
    ...llamaLikeKeys,
    ...groupedKeys,
    ...latentKeys,
    ...only(['greedy', 'group_limited_greedy'], 'topk_method'),
    // The class does not divide by the sum of the weights.
    ...only([false], 'norm_topk_prob'),
    ...honoured('mlp_bias'),
  },
  record: ['topk_method', 'num_nextn_predict_layers'],
  computes: { scale: latentScale, router: greedySoftmax },
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: { ...llamaLayout, experts: deepseekExperts(false), mlp: { ...llamaLayout.mlp, bias: false } },
});

export const deepseekV3 = decoderFamily({
  id: 'deepseek_v3',
  title: 'DeepSeek-V3',
  types: ['deepseek_v3', 'kimi_k2'],
  architectures: /^DeepseekV3For/,
  run: { ...llamaLikeKeys, ...groupedKeys, ...latentKeys },
  record: ['num_nextn_predict_layers'],
  computes: { scale: latentScale, router: groupedSigmoid },
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: {
    ...llamaLayout,
    experts: deepseekExperts(true),
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});
