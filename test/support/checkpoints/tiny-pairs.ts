/** Tiny random checkpoints of CLIP and SigLIP with both towers, and of their text towers alone. */
import { textRun, type TextConfig } from '../reference/contrastive';
import type { TinyModel } from './tiny-models';
import { clipProcessor, squareProcessor, tinyTower, type TinyTower } from './tiny-vision';

export type PairType = 'clip' | 'siglip';

const hidden = 24;
const inner = 40;
/** Width of the space that pictures and texts share; SigLIP's is as wide as its towers. */
export const clipWidth = 16;
export const endToken = 60;

export interface TinyPair extends Omit<TinyModel, 'run'> {
  readonly type: PairType;
  readonly text: TextConfig & Readonly<Record<string, unknown>>;
  readonly tower: TinyTower;
  readonly processor: ReturnType<typeof clipProcessor> | ReturnType<typeof squareProcessor>;
}

type Shapes = Record<string, readonly number[]>;

function linear(shapes: Shapes, name: string, outputs: number, inputs: number): void {
  shapes[`${name}.weight`] = [outputs, inputs];
  shapes[`${name}.bias`] = [outputs];
}

function norm(shapes: Shapes, name: string): void {
  shapes[`${name}.weight`] = [hidden];
  shapes[`${name}.bias`] = [hidden];
}

export function tinyTextTower(type: PairType, extras: Readonly<Record<string, unknown>> = {}): TinyModel {
  const config = {
    model_type: `${type}_text_model`,
    architectures: [type === 'clip' ? 'CLIPTextModel' : 'SiglipTextModel'],
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    vocab_size: 61,
    max_position_embeddings: type === 'clip' ? 32 : 20,
    layer_norm_eps: 1e-3,
    hidden_act: type === 'clip' ? 'quick_gelu' : 'gelu_pytorch_tanh',
    bos_token_id: 59,
    eos_token_id: endToken,
    pad_token_id: type === 'clip' ? endToken : 3,
    ...extras,
  };
  const at = 'text_model.';
  const shapes: Shapes = {
    [`${at}embeddings.token_embedding.weight`]: [61, hidden],
    [`${at}embeddings.position_embedding.weight`]: [config.max_position_embeddings, hidden],
  };
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const layer = `${at}encoder.layers.${l}`;
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'out_proj'])
      linear(shapes, `${layer}.self_attn.${name}`, hidden, hidden);
    norm(shapes, `${layer}.layer_norm1`);
    norm(shapes, `${layer}.layer_norm2`);
    linear(shapes, `${layer}.mlp.fc1`, inner, hidden);
    linear(shapes, `${layer}.mlp.fc2`, hidden, inner);
  }
  norm(shapes, `${at}final_layer_norm`);
  if (type === 'siglip') linear(shapes, `${at}head`, hidden, hidden);
  return { name: `${type}_text`, config, shapes, run: (p, ids) => textRun(config, p, ids) };
}

export function tinyPair(type: PairType, text: Readonly<Record<string, unknown>> = {}): TinyPair {
  const { config, shapes } = tinyTextTower(type, text);
  const tower = tinyTower(`${type}_vision_model`, 12, type === 'siglip' ? { vision_use_head: true } : {});
  const all: Shapes = { ...shapes, ...tower.shapes, logit_scale: type === 'clip' ? [] : [1] };
  if (type === 'clip') {
    all['text_projection.weight'] = [clipWidth, hidden];
    all['visual_projection.weight'] = [clipWidth, hidden];
  } else {
    all['logit_bias'] = [1];
    const head = 'vision_model.head';
    all[`${head}.probe`] = [1, 1, hidden];
    all[`${head}.attention.in_proj_weight`] = [3 * hidden, hidden];
    all[`${head}.attention.in_proj_bias`] = [3 * hidden];
    linear(all, `${head}.attention.out_proj`, hidden, hidden);
    norm(all, `${head}.layernorm`);
    linear(all, `${head}.mlp.fc1`, inner, hidden);
    linear(all, `${head}.mlp.fc2`, hidden, inner);
  }
  return {
    name: `${type} with both towers`,
    type,
    config: {
      model_type: type,
      architectures: [type === 'clip' ? 'CLIPModel' : 'SiglipModel'],
      ...(type === 'clip' ? { projection_dim: clipWidth } : {}),
      text_config: config,
      vision_config: tower.config,
    },
    shapes: all,
    text: config as unknown as TinyPair['text'],
    tower,
    processor: type === 'clip' ? clipProcessor(12) : squareProcessor('SiglipImageProcessor', 12),
  };
}

export const tinyTextTowers: readonly TinyModel[] = [tinyTextTower('clip'), tinyTextTower('siglip')];
