/** Tiny decoders with routed experts, of random weights: Qwen3 MoE (softmax) and GLM-4.5 (sigmoid, learned biases of the choice). */
import { describeModel } from '../../../models/formats/describe-model';
import { expectedTensors, tensorNames } from '../../../models/formats/expected-tensors';
import type { Checkpoint } from './planted-circuit';
import type { CheckpointTensor } from '../safetensors-file';

const sizes = {
  hidden_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 61,
  moe_intermediate_size: 10,
  intermediate_size: 16,
  num_experts_per_tok: 2,
  norm_topk_prob: true,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-6,
  hidden_act: 'silu',
  tie_word_embeddings: false,
  bos_token_id: 0,
};

const families = {
  qwen3_moe: {
    architectures: ['Qwen3MoeForCausalLM'],
    model_type: 'qwen3_moe',
    num_experts: 6,
    decoder_sparse_step: 1,
  },
  glm4_moe: {
    ...{ architectures: ['Glm4MoeForCausalLM'], model_type: 'glm4_moe', n_routed_experts: 6, n_shared_experts: 1 },
    ...{ first_k_dense_replace: 1, n_group: 1, topk_group: 1, routed_scaling_factor: 1.7, use_qk_norm: true },
    ...{ num_hidden_layers: 3, partial_rotary_factor: 0.5, attention_bias: false },
  },
} as const;

export type ExpertFamily = keyof typeof families;

/** Random numbers from a name, the same in every checkpoint that has it. */
function numbersFor(name: string, count: number): Float32Array {
  let state = [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0, 7);
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** With other keys of the config than the family's own. */
export function tinyExperts(family: ExpertFamily, keys: Readonly<Record<string, unknown>> = {}): Checkpoint {
  return randomCheckpoint({ ...sizes, ...families[family], ...keys });
}

/** Random weights of every tensor that a config asks for. */
export function randomCheckpoint(config: Checkpoint['config']): Checkpoint {
  const tensors = new Map<string, CheckpointTensor>();
  for (const expected of expectedTensors(describeModel(config)) ?? []) {
    for (const name of tensorNames(expected)) {
      const { shape } = expected;
      const data = numbersFor(
        name,
        shape.reduce((product, axis) => product * axis, 1),
      );
      const norm = /norm/.test(name);
      const scale = norm ? 0.1 : name.endsWith('correction_bias') ? 0.3 : Math.sqrt(3 / (shape.at(-1) ?? 1));
      tensors.set(name, { shape, data: data.map((value) => value * scale + (norm ? 1 : 0)) });
    }
  }
  return { config, tensors };
}
