/** Tiny random checkpoints of vision encoders and of vision-language models, with their processor files. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { llamaLikeRun, type LlamaLikeConfig } from '../reference/llama-like';
import {
  llavaFeatures,
  shuffledFeatures,
  visionRun,
  type Picture,
  type VisionConfig,
  type VisionRun,
} from '../reference/vision';
import { below, type Parameters, type ReferenceRun } from '../reference/vectors';
import { llamaLike, type TinyModel } from './tiny-models';

type Shapes = Record<string, readonly number[]>;

const hidden = 24;
const inner = 40;
const patch = 4;

export interface TinyTower {
  readonly config: VisionConfig & Readonly<Record<string, unknown>>;
  readonly shapes: Shapes;
}

function linear(shapes: Shapes, name: string, outputs: number, inputs: number): void {
  shapes[`${name}.weight`] = [outputs, inputs];
  shapes[`${name}.bias`] = [outputs];
}

function norm(shapes: Shapes, name: string): void {
  shapes[`${name}.weight`] = [hidden];
  shapes[`${name}.bias`] = [hidden];
}

export function tinyTower(
  model_type: string,
  imageSize: number,
  extras: Readonly<Record<string, unknown>> = {},
): TinyTower {
  const clip = model_type === 'clip_vision_model';
  const siglip =
    model_type === 'siglip_vision_model' || model_type.includes('idefics3') || model_type.includes('smolvlm');
  const config = {
    model_type,
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: 3,
    num_attention_heads: 3,
    image_size: imageSize,
    patch_size: patch,
    num_channels: 3,
    layer_norm_eps: 1e-5,
    hidden_act: clip ? 'quick_gelu' : siglip ? 'gelu_pytorch_tanh' : 'gelu',
    ...(siglip ? { vision_use_head: false } : {}),
    ...(model_type === 'dinov2' ? { mlp_ratio: 2, use_swiglu_ffn: false } : {}),
    ...extras,
  };
  const patches = Math.floor(imageSize / patch) ** 2;
  const shapes: Shapes = {};
  if (clip || siglip) {
    const at = 'vision_model.';
    shapes[`${at}embeddings.patch_embedding.weight`] = [hidden, 3, patch, patch];
    if (siglip) shapes[`${at}embeddings.patch_embedding.bias`] = [hidden];
    if (clip) {
      shapes[`${at}embeddings.class_embedding`] = [hidden];
      norm(shapes, `${at}pre_layrnorm`);
    }
    shapes[`${at}embeddings.position_embedding.weight`] = [patches + (clip ? 1 : 0), hidden];
    for (let l = 0; l < config.num_hidden_layers; l++) {
      const layer = `${at}encoder.layers.${l}`;
      for (const name of ['q_proj', 'k_proj', 'v_proj', 'out_proj'])
        linear(shapes, `${layer}.self_attn.${name}`, hidden, hidden);
      norm(shapes, `${layer}.layer_norm1`);
      norm(shapes, `${layer}.layer_norm2`);
      linear(shapes, `${layer}.mlp.fc1`, inner, hidden);
      linear(shapes, `${layer}.mlp.fc2`, hidden, inner);
    }
    norm(shapes, `${at}post_layernorm`);
    return { config, shapes };
  }
  const at = model_type === 'dinov2' ? '' : `${model_type}.`;
  shapes[`${at}embeddings.cls_token`] = [1, 1, hidden];
  if (model_type === 'deit') shapes[`${at}embeddings.distillation_token`] = [1, 1, hidden];
  shapes[`${at}embeddings.position_embeddings`] = [1, patches + (model_type === 'deit' ? 2 : 1), hidden];
  shapes[`${at}embeddings.patch_embeddings.projection.weight`] = [hidden, 3, patch, patch];
  shapes[`${at}embeddings.patch_embeddings.projection.bias`] = [hidden];
  const gated = extras['use_swiglu_ffn'] === true;
  // Two thirds of mlp_ratio * hidden, rounded up to a multiple of 8.
  const dinoInner = gated ? Math.floor((Math.trunc((2 * hidden * 2) / 3) + 7) / 8) * 8 : 2 * hidden;
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const layer = `${at}encoder.layer.${l}`;
    for (const name of ['query', 'key', 'value']) {
      linear(shapes, `${layer}.attention.attention.${name}`, hidden, hidden);
      if (extras['qkv_bias'] === false) delete shapes[`${layer}.attention.attention.${name}.bias`];
    }
    linear(shapes, `${layer}.attention.output.dense`, hidden, hidden);
    if (model_type === 'dinov2') {
      norm(shapes, `${layer}.norm1`);
      norm(shapes, `${layer}.norm2`);
      shapes[`${layer}.layer_scale1.lambda1`] = [hidden];
      shapes[`${layer}.layer_scale2.lambda1`] = [hidden];
      linear(shapes, `${layer}.mlp.${gated ? 'weights_in' : 'fc1'}`, gated ? 2 * dinoInner : dinoInner, hidden);
      linear(shapes, `${layer}.mlp.${gated ? 'weights_out' : 'fc2'}`, hidden, dinoInner);
    } else {
      norm(shapes, `${layer}.layernorm_before`);
      norm(shapes, `${layer}.layernorm_after`);
      linear(shapes, `${layer}.intermediate.dense`, inner, hidden);
      linear(shapes, `${layer}.output.dense`, hidden, inner);
    }
  }
  norm(shapes, `${at}layernorm`);
  return { config, shapes };
}

export const clipProcessor = (size: number) => ({
  image_processor_type: 'CLIPImageProcessor',
  do_resize: true,
  size: { shortest_edge: size },
  resample: 3,
  do_center_crop: true,
  crop_size: { height: size, width: size },
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
});

export const squareProcessor = (type: string, size: number, resample = 3) => ({
  image_processor_type: type,
  do_resize: true,
  size: { height: size, width: size },
  resample,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
});

/** What a processor makes of one channel value. */
export function normalisedPicture(
  tile: { readonly width: number; readonly height: number; readonly data: Uint8Array },
  { image_mean, image_std }: { readonly image_mean: readonly number[]; readonly image_std: readonly number[] },
): Picture {
  return [0, 1, 2].map((c) =>
    Array.from({ length: tile.height }, (_, y) =>
      Array.from(
        { length: tile.width },
        (_, x) => ((tile.data[(y * tile.width + x) * 3 + c] ?? 0) / 255 - (image_mean[c] ?? 0)) / (image_std[c] ?? 1),
      ),
    ),
  );
}

/** Pixels by a formula of whole numbers. */
export function tinyPixels(width: number, height: number): { width: number; height: number; data: Uint8Array } {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      data[at] = (x * 7 + y * 13 + ((x * y) % 31) * 5) % 256;
      data[at + 1] = (x * x + 3 * y) % 256;
      data[at + 2] = ((Math.floor(x / 5) + Math.floor(y / 7)) % 2) * 255;
    }
  }
  return { width, height, data };
}

export function writePng(
  path: string,
  { width, height, data }: { readonly width: number; readonly height: number; readonly data: Uint8Array },
): string {
  const png = new PNG({ width, height });
  for (let i = 0; i < width * height; i++) {
    png.data.set([data[i * 3] ?? 0, data[i * 3 + 1] ?? 0, data[i * 3 + 2] ?? 0, 255], i * 4);
  }
  writeFileSync(path, PNG.sync.write(png));
  return path;
}

export interface TinyVlm extends TinyModel {
  readonly processor: Readonly<Record<string, unknown>> & {
    readonly image_mean: readonly number[];
    readonly image_std: readonly number[];
  };
  readonly joint?: Readonly<Record<string, unknown>>;
  readonly imageToken: number;
  /** Rows that the projector gives for one tile. */
  readonly features: (parameters: Parameters, tile: Picture) => number[][];
  /** The encoder's run on one tile. */
  readonly encode: (parameters: Parameters, tile: Picture) => VisionRun;
  /** The language model's run on ids, with rows replaced. */
  readonly read: (
    parameters: Parameters,
    ids: readonly number[],
    rows: ReadonlyMap<number, readonly number[]>,
  ) => ReferenceRun;
}

function joinShapes(...parts: readonly (readonly [prefix: string, shapes: Shapes])[]): Shapes {
  return Object.fromEntries(
    parts.flatMap(([prefix, shapes]) => Object.entries(shapes).map(([name, shape]) => [prefix + name, shape] as const)),
  );
}

const imageToken = 60;

/** LLaVA 1.5 and NeXT over CLIP and a llama; `inMemory` writes the names of transformers 4.52 and later. */
export function tinyLlava(
  options: {
    readonly name?: string;
    readonly next?: boolean;
    readonly layer?: number | readonly number[];
    readonly strategy?: 'default' | 'full';
    readonly text?: TinyModel;
    readonly inMemory?: boolean;
    readonly bias?: boolean;
  } = {},
): TinyVlm {
  const { next = false, layer = -2, strategy = 'default', inMemory = false, bias = true } = options;
  const size = 12;
  const tower = tinyTower('clip_vision_model', size);
  const text = options.text ?? llamaLike('llama', 'llama', { architectures: ['LlamaForCausalLM'] });
  const width = text.config['hidden_size'] as number;
  const layers = typeof layer === 'number' ? [layer] : layer;
  const rest = inMemory ? 'model.' : '';
  const textPrefix = (name: string): string => {
    if (!inMemory) return `language_model.${name}`;
    return name.startsWith('model.') ? `model.language_model.${name.slice(6)}` : name;
  };
  const shapes = joinShapes(
    [`${rest}vision_tower.`, tower.shapes],
    [
      rest,
      {
        // Weights are drawn in this order, and planted checkpoints hold on to what is drawn.
        'multi_modal_projector.linear_1.weight': [width, hidden * layers.length],
        ...(bias ? { 'multi_modal_projector.linear_1.bias': [width] } : {}),
        'multi_modal_projector.linear_2.weight': [width, width],
        ...(bias ? { 'multi_modal_projector.linear_2.bias': [width] } : {}),
        ...(next ? { image_newline: [width] } : {}),
      },
    ],
  );
  for (const [name, shape] of Object.entries(text.shapes)) shapes[textPrefix(name)] = shape;
  const textParameters = (p: Parameters): Parameters => ({
    vector: (name) => p.vector(textPrefix(name)),
    matrix: (name) => p.matrix(textPrefix(name)),
    has: (name) => p.has(textPrefix(name)),
  });
  const encode = (p: Parameters, tile: Picture) => visionRun(tower.config, below(p, `${rest}vision_tower.`), tile);
  return {
    name: options.name ?? (next ? 'llava_next' : 'llava'),
    config: {
      model_type: next ? 'llava_next' : 'llava',
      architectures: [next ? 'LlavaNextForConditionalGeneration' : 'LlavaForConditionalGeneration'],
      image_token_index: imageToken,
      projector_hidden_act: 'gelu',
      vision_feature_layer: layer,
      vision_feature_select_strategy: strategy,
      ...(bias ? {} : { multimodal_projector_bias: false }),
      ...(next
        ? {
            image_grid_pinpoints: [
              [12, 24],
              [24, 12],
              [24, 24],
              [36, 12],
            ],
          }
        : {}),
      text_config: text.config,
      vision_config: tower.config,
      tie_word_embeddings: text.config['tie_word_embeddings'],
    },
    shapes,
    processor: { ...clipProcessor(size), ...(next ? { image_processor_type: 'LlavaNextImageProcessor' } : {}) },
    joint: { patch_size: patch, vision_feature_select_strategy: strategy, num_additional_image_tokens: 1 },
    imageToken,
    encode,
    features: (p, tile) => llavaFeatures(below(p, rest), encode(p, tile), layers, strategy),
    read: (p, ids, rows) => llamaLikeRun(text.config as unknown as LlamaLikeConfig, textParameters(p), ids, { rows }),
    run: (p, ids) => llamaLikeRun(text.config as unknown as LlamaLikeConfig, textParameters(p), ids),
  };
}

export function tinyPaligemma(version: 1 | 2 = 1, wider: Readonly<Record<string, unknown>> = {}): TinyVlm {
  const size = 12;
  const tower = tinyTower('siglip_vision_model', size);
  const gemma = { head_dim: 12, num_key_value_heads: 1, hidden_activation: 'gelu_pytorch_tanh' };
  const text =
    version === 1
      ? llamaLike('gemma', 'gemma', { ...gemma, ...wider })
      : llamaLike('gemma2', 'gemma2', {
          head_dim: 12,
          sliding_window: 7,
          query_pre_attn_scalar: 10,
          attn_logit_softcapping: 5,
          final_logit_softcapping: 3,
          hidden_activation: 'gelu_pytorch_tanh',
        });
  const width = text.config['hidden_size'] as number;
  const encode = (p: Parameters, tile: Picture) => visionRun(tower.config, below(p, 'vision_tower.'), tile);
  // PaliGemmaForConditionalGeneration puts lm_head on the text model without the cap of Gemma2ForCausalLM.
  const { final_logit_softcapping: _uncapped, ...config } = text.config as unknown as LlamaLikeConfig;
  return {
    name: `paligemma ${version}`,
    config: {
      model_type: 'paligemma',
      architectures: ['PaliGemmaForConditionalGeneration'],
      image_token_index: imageToken,
      projection_dim: width,
      hidden_size: width,
      tie_word_embeddings: text.config['tie_word_embeddings'],
      text_config: text.config,
      vision_config: tower.config,
    },
    shapes: joinShapes(
      ['vision_tower.', tower.shapes],
      ['language_model.', text.shapes],
      ['', { 'multi_modal_projector.linear.weight': [width, hidden], 'multi_modal_projector.linear.bias': [width] }],
    ),
    processor: squareProcessor('SiglipImageProcessor', size),
    imageToken,
    encode,
    features: (p, tile) => paligemmaFeatures(p, encode(p, tile)),
    read: (p, ids, rows) => llamaLikeRun(config, below(p, 'language_model.'), ids, { rows, prefix: ids.length }),
    run: (p, ids) => llamaLikeRun(config, below(p, 'language_model.'), ids, { prefix: ids.length }),
  };
}

function paligemmaFeatures(p: Parameters, { finished }: VisionRun): number[][] {
  const weight = p.matrix('multi_modal_projector.linear.weight');
  const bias = p.vector('multi_modal_projector.linear.bias');
  return finished.map((row) =>
    weight.map((w, o) => w.reduce((sum, value, i) => sum + value * (row[i] ?? 0), bias[o] ?? 0)),
  );
}

export function tinyIdefics3(
  model_type: 'idefics3' | 'smolvlm' = 'idefics3',
  { scale = 2, tied = false }: { readonly scale?: number; readonly tied?: boolean } = {},
): TinyVlm {
  const size = 16;
  const tower = tinyTower(model_type === 'idefics3' ? 'idefics3_vision' : 'smolvlm_vision', size);
  const text = llamaLike('llama', 'llama', { architectures: ['LlamaForCausalLM'], tie_word_embeddings: tied });
  const width = text.config['hidden_size'] as number;
  const textName = (name: string): string => name.replace(/^model\./, 'model.text_model.');
  const shapes = joinShapes(
    ['model.', tower.shapes],
    ['', { 'model.connector.modality_projection.proj.weight': [width, hidden * scale ** 2] }],
  );
  for (const [name, shape] of Object.entries(text.shapes)) shapes[textName(name)] = shape;
  const textParameters = (p: Parameters): Parameters => ({
    vector: (name) => p.vector(textName(name)),
    matrix: (name) => p.matrix(textName(name)),
    has: (name) => p.has(textName(name)),
  });
  const config = text.config as unknown as LlamaLikeConfig;
  const encode = (p: Parameters, tile: Picture) => visionRun(tower.config, below(p, 'model.'), tile);
  return {
    name: model_type,
    config: {
      model_type,
      architectures: [
        model_type === 'idefics3' ? 'Idefics3ForConditionalGeneration' : 'SmolVLMForConditionalGeneration',
      ],
      image_token_id: imageToken,
      scale_factor: scale,
      text_config: text.config,
      vision_config: tower.config,
      tie_word_embeddings: tied,
    },
    shapes,
    processor: {
      ...squareProcessor(model_type === 'idefics3' ? 'Idefics3ImageProcessor' : 'SmolVLMImageProcessor', size, 1),
      size: { longest_edge: 32 },
      max_image_size: { longest_edge: size },
      do_image_splitting: true,
    },
    joint: { image_seq_len: (size / patch / scale) ** 2 },
    imageToken,
    encode,
    features: (p, tile) => shuffledFeatures(p, encode(p, tile), scale),
    read: (p, ids, rows) => llamaLikeRun(config, textParameters(p), ids, { rows }),
    run: (p, ids) => llamaLikeRun(config, textParameters(p), ids),
  };
}

export function writeProcessor(folder: string, { processor, joint }: Pick<TinyVlm, 'processor' | 'joint'>): void {
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(processor));
  if (joint) writeFileSync(join(folder, 'processor_config.json'), JSON.stringify(joint));
}

export const tinyVlms: readonly TinyVlm[] = [
  tinyLlava(),
  tinyLlava({ next: true }),
  tinyPaligemma(1),
  tinyPaligemma(2),
  tinyIdefics3('idefics3'),
  tinyIdefics3('smolvlm'),
];

/** Pictures of one tile each, with keys of the configuration classes at their default and at others. */
export const singleTileVlms: readonly TinyVlm[] = [
  tinyLlava(),
  tinyLlava({ name: 'llava, last block and class row', layer: -1, strategy: 'full' }),
  tinyLlava({ name: 'llava, two layers side by side', layer: [-3, -2] }),
  tinyLlava({
    name: 'llava, names in memory, no biases in the projector, tied',
    inMemory: true,
    bias: false,
    text: llamaLike('llama', 'llama', { tie_word_embeddings: true }),
  }),
  { ...tinyPaligemma(1, { tie_word_embeddings: false }), name: 'paligemma 1, a head of its own' },
  tinyPaligemma(2),
];

/** A scale of 4 leaves one token of a tile. */
export const splitVlms: readonly TinyVlm[] = [
  tinyIdefics3('idefics3'),
  tinyIdefics3('smolvlm', { scale: 4, tied: true }),
];

/** Encoders alone, with keys of the configuration classes at their default and at others. */
export const towers = {
  clip: tinyTower('clip_vision_model', 12, { layer_norm_eps: 1e-2 }),
  siglip: tinyTower('siglip_vision_model', 14),
  vit: tinyTower('vit', 12),
  vitWithoutBiases: tinyTower('vit', 12, { qkv_bias: false }),
  deit: tinyTower('deit', 12, { qkv_bias: false }),
  dinov2: tinyTower('dinov2', 12),
  dinov2Smaller: tinyTower('dinov2', 20),
  dinov2Gated: tinyTower('dinov2', 12, { use_swiglu_ffn: true, qkv_bias: false }),
} as const;
