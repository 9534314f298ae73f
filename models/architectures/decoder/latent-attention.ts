/** Multi-head latent attention in DeepSeek's names (arXiv:2405.04434; X-EcoMLA, arXiv:2503.11132). */
import type { Layer, ModelPart } from '../../formats/model-description';
import type { Names } from '../architecture';
import type { AttentionSpec } from '../attention-spec';
import { ModelError } from '../model-spec';
import { scaled } from './stack';

/** `epsilon` is that of the norms of the latents; absent: they have none. */
export function latentAttention(
  part: ModelPart,
  layer: Layer,
  at: Names,
  epsilon: number | undefined,
  scale: number | undefined,
  factors?: { readonly query: number; readonly latent: number },
): AttentionSpec {
  const { heads, latent, rope } = layer.attention;
  if (!latent) throw new ModelError(`Layer ${layer.index} has no kv_lora_rank, which latent attention needs.`);
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
            query: scaled(at.linear('q_b_proj', queryRank, queries), factors?.query),
            ...(epsilon === undefined ? {} : { queryNorm: at.rms('q_a_layernorm', queryRank, epsilon) }),
          }),
      down: at.linear('kv_a_proj_with_mqa', hidden, rank + rotary),
      ...(epsilon === undefined ? {} : { latentNorm: at.rms('kv_a_layernorm', rank, epsilon) }),
      ...(factors ? { latentFactor: factors.latent } : {}),
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
    scale: scale ?? (plain + rotary) ** -0.5,
    causal: true,
    ...(rope === undefined || rotary === 0 ? {} : { rope }),
  };
}
