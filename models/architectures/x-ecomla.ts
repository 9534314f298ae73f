/** Llama with multi-head latent attention in place of its own (X-EcoMLA, arXiv:2503.11132). */
import type { Layer, ModelPart } from '../formats/model-description';
import type { Architecture, Names } from './architecture';
import { specifyLlama } from './llama';
import { ModelError, type AttentionSpec } from './model-spec';

export const xEcomla: Architecture = {
  families: ['x_ecomla'],
  specify: (input) => specifyLlama(input, { attention: latentAttention }),
};

function latentAttention(part: ModelPart, layer: Layer, at: Names): AttentionSpec {
  const { heads, latent, rope } = layer.attention;
  if (!latent) throw new ModelError(`Layer ${layer.index} has no kv_lora_rank, which latent attention needs.`);
  if (part.fields['use_lora_layer_norm']?.value === true) {
    throw new ModelError(
      'use_lora_layer_norm is true: Headscope computes latent attention without a norm on the latent.',
    );
  }
  const { kvRank: rank, queryRank, nopeDim: plain, ropeDim: rotary, valueDim: value } = latent;
  const hidden = part.hiddenSize;
  const queries = heads * (plain + rotary);
  return {
    projection: {
      kind: 'latent',
      ...(queryRank === undefined
        ? { query: at.linear('q_proj', hidden, queries) }
        : {
            queryDown: at.linear('q_a_proj', hidden, queryRank),
            query: at.linear('q_b_proj', queryRank, queries),
          }),
      down: at.linear('kv_a_proj_with_mqa', hidden, rank + rotary),
      up: at.linear('kv_b_proj', rank, heads * (plain + value)),
      rank,
      rotary,
      plain,
      value,
    },
    output: at.linear('o_proj', heads * value, hidden),
    heads,
    kvHeads: 1,
    headDim: rotary + rank,
    scale: (plain + rotary) ** -0.5,
    causal: true,
    ...(rope === undefined || rotary === 0 ? {} : { rope }),
  };
}
