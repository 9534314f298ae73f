import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { word } from '../shared/family';
import { llamaDefaults, llamaLayout } from './llama';

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
  types: {
    deepseek_v2: [
      'DeepseekV2Config',
      {
        ...llamaDefaults,
        first_k_dense_replace: 0,
        kv_lora_rank: 512,
        q_lora_rank: 1536,
        n_routed_experts: 64,
        n_shared_experts: 2,
        qk_nope_head_dim: 128,
        qk_rope_head_dim: 64,
        v_head_dim: 128,
        moe_intermediate_size: 1407,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^DeepseekV2For/,
  record: latentRecord,
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: { ...llamaLayout, experts: deepseekExperts(false), mlp: { ...llamaLayout.mlp, bias: false } },
});

export const v3Values = {
  vocab_size: 129280,
  hidden_size: 7168,
  intermediate_size: 18432,
  moe_intermediate_size: 2048,
  num_hidden_layers: 61,
  num_attention_heads: 128,
  num_key_value_heads: 128,
  n_shared_experts: 1,
  n_routed_experts: 256,
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  qk_nope_head_dim: 128,
  num_experts_per_tok: 8,
  first_k_dense_replace: 3,
  hidden_act: 'silu',
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  attention_bias: false,
  bos_token_id: 0,
  eos_token_id: 1,
  tie_word_embeddings: false,
};

export const deepseekV3 = decoderFamily({
  id: 'deepseek_v3',
  title: 'DeepSeek-V3',
  types: {
    deepseek_v3: ['DeepseekV3Config', v3Values],
    // Kimi K2 is published with the DeepSeek-V3 class under a type of its own.
    kimi_k2: ['DeepseekV3Config', v3Values],
  },
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
