/**
 * Two layers of 8 experts, one for each token. In layer 0 token 7 takes expert 3, and every other token an expert by the token before
 * it; in layer 1 all do, so that over random tokens the expert has nothing to do with the token. Networks of experts write nothing.
 *
 * The stream: channel 0 is 1, channels 1 to 8 are signs that tell tokens apart, channel 9 marks token 7, and 12 to 19 are the signs of
 * the token before, which the first head of layer 0 copies: with k = (1, 0) and q = (cos t, -sin t) in each rotated plane of angle t, its
 * score at distance d is a sum of cos((d - 1) t), largest at 1.
 */
import type { Checkpoint } from './planted-circuit';
import { random } from '../../../kernels/tensors/random';
import { tinyExperts } from './tiny-experts';

export const plantedRouter = { layer: 0, expert: 3, token: 7, vocabulary: 61 } as const;

const [width, headDim, experts] = [24, 8, 8];
const [one, signs, mark, before] = [0, 1, 9, 12];

export function plantedRouterModel(): Checkpoint {
  const made = tinyExperts('qwen3_moe', {
    num_key_value_heads: 4,
    num_experts: experts,
    num_experts_per_tok: 1,
    bos_token_id: null,
  });
  const data = (name: string): Float32Array => {
    const found = made.tensors.get(name)?.data;
    if (!found) throw new Error(`the checkpoint has no "${name}"`);
    return found;
  };
  const numbers = random(11);
  const embedding = data('model.embed_tokens.weight').fill(0);
  for (let token = 0; token < plantedRouter.vocabulary; token++) {
    embedding[token * width + one] = 1;
    for (let i = 0; i < 8; i++) embedding[token * width + signs + i] = numbers.uniform() < 0.5 ? -1 : 1;
  }
  embedding[plantedRouter.token * width + mark] = 1;
  for (const layer of [0, 1]) {
    const at = `model.layers.${layer}`;
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) data(`${at}.${norm}.weight`).fill(1);
    const [query, key, value, output] = ['q', 'k', 'v', 'o'].map((name) =>
      data(`${at}.self_attn.${name}_proj.weight`).fill(0),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    for (const norm of ['q_norm', 'k_norm']) data(`${at}.self_attn.${norm}.weight`).fill(8);
    for (let plane = 0; plane < headDim / 2; plane++) {
      const angle = 10_000 ** ((-2 * plane) / headDim);
      query[plane * width + one] = Math.cos(angle);
      query[(plane + headDim / 2) * width + one] = -Math.sin(angle);
      key[plane * width + one] = 1;
    }
    for (let i = 0; i < 8; i++) {
      value[i * width + signs + i] = 1;
      // Rows of the output are channels; its columns are the heads side by side.
      if (layer === 0) output[(before + i) * 4 * headDim + i] = 1;
    }
    const router = data(`${at}.mlp.gate.weight`).fill(0);
    for (let expert = 0; expert < experts; expert++) {
      for (let i = 0; i < 8; i++) router[expert * width + before + i] = numbers.normal();
    }
    if (layer === plantedRouter.layer) {
      router.fill(0, plantedRouter.expert * width, (plantedRouter.expert + 1) * width);
      router[plantedRouter.expert * width + mark] = 60;
      router[plantedRouter.expert * width + one] = -10;
    }
    for (let expert = 0; expert < experts; expert++) data(`${at}.mlp.experts.${expert}.down_proj.weight`).fill(0);
  }
  return made;
}

/** Random tokens, one of seven of which is the planted one. */
export function plantedTokens(count: number, seed: number): readonly number[] {
  const numbers = random(seed);
  return Array.from({ length: count }, () =>
    numbers.uniform() < 1 / 7 ? plantedRouter.token : 10 + numbers.whole(20),
  );
}
