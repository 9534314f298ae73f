import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { word } from '../shared/family';
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

export const latentRecord = ['attention_bias', 'topk_method', 'num_nextn_predict_layers', 'routed_scaling_factor'];

export const deepseekV2 = decoderFamily({
  id: 'deepseek_v2',
  title: 'DeepSeek-V2',
  types: ['deepseek_v2'],
  architectures: /^DeepseekV2For/,
  record: latentRecord,
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: { ...llamaLayout, experts: deepseekExperts(false), mlp: { ...llamaLayout.mlp, bias: false } },
});

export const deepseekV3 = decoderFamily({
  id: 'deepseek_v3',
  title: 'DeepSeek-V3',
  types: ['deepseek_v3', 'kimi_k2'],
  architectures: /^DeepseekV3For/,
  record: latentRecord,
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: {
    ...llamaLayout,
    experts: (writer, feedForward, layer, part) => {
      const method = word(part, 'topk_method');
      deepseekExperts(method === undefined || method === 'noaux_tc')(writer, feedForward, layer, part);
    },
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});
