/** A tiny Qwen3-Next of random weights: one layer with a gated delta rule, one whose heads of attention have gates. */
import type { Checkpoint } from './planted-circuit';
import { randomCheckpoint } from './tiny-experts';

/** `attention`: the layer with attention. */
export const tinyGated = (attention: 0 | 1): Checkpoint =>
  randomCheckpoint({
    ...{ architectures: ['Qwen3NextForCausalLM'], model_type: 'qwen3_next', hidden_size: 24, vocab_size: 61 },
    ...{ num_hidden_layers: 2, intermediate_size: 16, head_dim: 8, rms_norm_eps: 1e-6, max_position_embeddings: 64 },
    layer_types: [0, 1].map((layer) => (layer === attention ? 'full_attention' : 'linear_attention')),
    ...{ num_attention_heads: 4, num_key_value_heads: 2, linear_num_key_heads: 2, linear_num_value_heads: 6 },
    ...{ linear_key_head_dim: 8, linear_value_head_dim: 4, linear_conv_kernel_dim: 4, hidden_act: 'silu' },
    ...{ num_experts: 0, mlp_only_layers: [0, 1], decoder_sparse_step: 1, num_experts_per_tok: 2 },
    ...{ moe_intermediate_size: 8, shared_expert_intermediate_size: 8, tie_word_embeddings: false },
  });
