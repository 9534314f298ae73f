/** A random llama checkpoint of a chosen size, written in pieces of some megabytes so that the writer needs little memory. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { clipProcessor } from '../../support/checkpoints/tiny-vision';

export interface SyntheticModel {
  readonly layers: number;
  readonly heads: number;
  /** Default: as many as heads. */
  readonly kvHeads?: number;
  readonly headDim: number;
  readonly inner: number;
  readonly vocabulary: number;
  readonly contextLength: number;
  /** Default: F32. */
  readonly dtype?: 'F32' | 'BF16';
  /** The language head has a matrix of its own. */
  readonly untied?: true;
}

/** 4 layers of 8 heads of 64. */
export const fourLayers: SyntheticModel = {
  layers: 4,
  heads: 8,
  headDim: 64,
  inner: 1024,
  vocabulary: 1000,
  contextLength: 32768,
};

/** 322 million parameters, as a small model that people use has: 1.29 GB in float32, 0.64 GB in bfloat16. */
export const realSize: SyntheticModel = {
  layers: 24,
  heads: 16,
  kvHeads: 4,
  headDim: 64,
  inner: 3072,
  vocabulary: 32000,
  contextLength: 32768,
};

/** 1.2 billion parameters in the shape of Llama 3.2 1B. */
export const oneBillion: SyntheticModel = {
  layers: 16,
  heads: 32,
  kvHeads: 8,
  headDim: 64,
  inner: 8192,
  vocabulary: 128256,
  contextLength: 131072,
};

/** 1.1 billion parameters in the shape of TinyLlama. */
export const tinyLlama: SyntheticModel = {
  layers: 22,
  heads: 32,
  kvHeads: 4,
  headDim: 64,
  inner: 5632,
  vocabulary: 32000,
  contextLength: 2048,
  untied: true,
};

/** 3.2 billion parameters in the shape of Llama 3.2 3B: 6.4 GB in bfloat16. */
export const threeBillion: SyntheticModel = {
  layers: 28,
  heads: 24,
  kvHeads: 8,
  headDim: 128,
  inner: 8192,
  vocabulary: 128256,
  contextLength: 131072,
  dtype: 'BF16',
};

/** Numbers made and written at once. */
const piece = 2 ** 22;

export const hiddenOf = ({ heads, headDim }: Pick<SyntheticModel, 'heads' | 'headDim'>): number => heads * headDim;

export function shapesOf(model: SyntheticModel): readonly [string, number[]][] {
  const hidden = hiddenOf(model);
  const keys = (model.kvHeads ?? model.heads) * model.headDim;
  const shapes: [string, number[]][] = [
    ['model.embed_tokens.weight', [model.vocabulary, hidden]],
    ['model.norm.weight', [hidden]],
  ];
  for (let l = 0; l < model.layers; l++) {
    const at = `model.layers.${l}`;
    shapes.push(
      [`${at}.input_layernorm.weight`, [hidden]],
      [`${at}.post_attention_layernorm.weight`, [hidden]],
      [`${at}.self_attn.q_proj.weight`, [hidden, hidden]],
      [`${at}.self_attn.k_proj.weight`, [keys, hidden]],
      [`${at}.self_attn.v_proj.weight`, [keys, hidden]],
      [`${at}.self_attn.o_proj.weight`, [hidden, hidden]],
      [`${at}.mlp.gate_proj.weight`, [model.inner, hidden]],
      [`${at}.mlp.up_proj.weight`, [model.inner, hidden]],
      [`${at}.mlp.down_proj.weight`, [hidden, model.inner]],
    );
  }
  if (model.untied) shapes.push(['lm_head.weight', [model.vocabulary, hidden]]);
  return shapes;
}

export const configOf = (model: SyntheticModel) => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: hiddenOf(model),
  intermediate_size: model.inner,
  num_hidden_layers: model.layers,
  num_attention_heads: model.heads,
  num_key_value_heads: model.kvHeads ?? model.heads,
  vocab_size: model.vocabulary,
  max_position_embeddings: model.contextLength,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  hidden_act: 'silu',
  tie_word_embeddings: !model.untied,
  torch_dtype: (model.dtype ?? 'F32') === 'F32' ? 'float32' : 'bfloat16',
});

export function writeSyntheticModel(folder: string, model: SyntheticModel): { readonly bytes: number } {
  mkdirSync(folder, { recursive: true });
  const { dtype = 'F32' } = model;
  const bytes = writeWeights(folder, shapesOf(model), dtype);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configOf(model)));
  return { bytes };
}

/** Random weights of given shapes in one file, and how many bytes they take. */
export function writeWeights(
  folder: string,
  shapes: readonly (readonly [string, readonly number[]])[],
  dtype: 'F32' | 'BF16',
): number {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const [name, shape] of shapes) {
    const bytes = (dtype === 'F32' ? 4 : 2) * shape.reduce((product, axis) => product * axis, 1);
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  writeSync(file, length);
  writeSync(file, json);
  let state = 1;
  for (const [name, [rows = 1, ...inner]] of shapes) {
    const columns = inner.reduce((product, axis) => product * axis, 1);
    const numbers = rows * columns;
    // Uniform with the deviation 1 / sqrt(width); gains are 1, biases 0.
    const scale = inner.length === 0 ? 0 : Math.sqrt(3 / columns);
    for (let start = 0; start < numbers; start += piece) {
      const data = new Float32Array(Math.min(piece, numbers - start));
      if (scale === 0 && !name.endsWith('.bias')) data.fill(1);
      for (let i = 0; scale > 0 && i < data.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        data[i] = (state / 2 ** 31 - 1) * scale;
      }
      writeSync(file, dtype === 'BF16' ? upperHalves(data) : new Uint8Array(data.buffer));
    }
  }
  closeSync(file);
  return offset;
}

/** bfloat16 is the upper half of float32 (cut, not rounded). */
function upperHalves(data: Float32Array): Uint8Array {
  const bits = new Uint32Array(data.buffer);
  const halves = new Uint16Array(data.length);
  for (let i = 0; i < halves.length; i++) halves[i] = (bits[i] ?? 0) >>> 16;
  return new Uint8Array(halves.buffer);
}

/** A CLIP encoder. */
export interface SyntheticEncoder {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly inner: number;
  /** Sides in pixels. */
  readonly imageSize: number;
  readonly patch: number;
}

/** The layout of llava 1.5, random weights in float32. Its image token is the last of the vocabulary. */
export function writeSyntheticLlava(folder: string, text: SyntheticModel, encoder: SyntheticEncoder): void {
  mkdirSync(folder, { recursive: true });
  const [hidden, width] = [hiddenOf(text), hiddenOf(encoder)];
  const { imageSize, patch } = encoder;
  const tower = 'vision_tower.vision_model';
  const patches = Math.floor(imageSize / patch) ** 2;
  const linear = (name: string, outputs: number, inputs: number): readonly [string, number[]][] => [
    [`${name}.weight`, [outputs, inputs]],
    [`${name}.bias`, [outputs]],
  ];
  const norm = (name: string): readonly [string, number[]][] => [
    [`${name}.weight`, [width]],
    [`${name}.bias`, [width]],
  ];
  const layer = (at: string): readonly [string, number[]][] => [
    ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name) => linear(`${at}.self_attn.${name}`, width, width)),
    ...norm(`${at}.layer_norm1`),
    ...norm(`${at}.layer_norm2`),
    ...linear(`${at}.mlp.fc1`, encoder.inner, width),
    ...linear(`${at}.mlp.fc2`, width, encoder.inner),
  ];
  const shapes: readonly (readonly [string, number[]])[] = [
    [`${tower}.embeddings.class_embedding`, [width]],
    [`${tower}.embeddings.patch_embedding.weight`, [width, 3, patch, patch]],
    [`${tower}.embeddings.position_embedding.weight`, [patches + 1, width]],
    ...norm(`${tower}.pre_layrnorm`),
    ...Array.from({ length: encoder.layers }, (_, l) => layer(`${tower}.encoder.layers.${l}`)).flat(),
    ...norm(`${tower}.post_layernorm`),
    ...linear('multi_modal_projector.linear_1', hidden, width),
    ...linear('multi_modal_projector.linear_2', hidden, hidden),
    ...shapesOf(text).map(([name, shape]): [string, number[]] => [`language_model.${name}`, shape]),
  ];
  writeWeights(folder, shapes, 'F32');
  const config = {
    model_type: 'llava',
    architectures: ['LlavaForConditionalGeneration'],
    image_token_index: text.vocabulary - 1,
    image_seq_length: patches,
    projector_hidden_act: 'gelu',
    vision_feature_layer: -2,
    vision_feature_select_strategy: 'default',
    tie_word_embeddings: true,
    text_config: configOf(text),
    vision_config: {
      model_type: 'clip_vision_model',
      hidden_size: width,
      intermediate_size: encoder.inner,
      num_hidden_layers: encoder.layers,
      num_attention_heads: encoder.heads,
      num_channels: 3,
      image_size: imageSize,
      patch_size: patch,
      hidden_act: 'quick_gelu',
      layer_norm_eps: 1e-5,
    },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(clipProcessor(imageSize)));
}
