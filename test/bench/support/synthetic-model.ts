/** A random llama checkpoint of a chosen size, written in pieces of some megabytes so that the writer needs little memory. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

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

export function writeSyntheticModel(folder: string, model: SyntheticModel): { readonly bytes: number } {
  mkdirSync(folder, { recursive: true });
  const hidden = model.heads * model.headDim;
  const keys = (model.kvHeads ?? model.heads) * model.headDim;
  const { dtype = 'F32' } = model;
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
  for (const [, [rows = 1, columns]] of shapes) {
    const numbers = rows * (columns ?? 1);
    // Uniform with the deviation 1 / sqrt(width); gains are 1.
    const scale = columns === undefined ? 0 : Math.sqrt(3 / columns);
    for (let start = 0; start < numbers; start += piece) {
      const data = new Float32Array(Math.min(piece, numbers - start));
      if (scale === 0) data.fill(1);
      for (let i = 0; scale > 0 && i < data.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        data[i] = (state / 2 ** 31 - 1) * scale;
      }
      writeSync(file, dtype === 'BF16' ? upperHalves(data) : new Uint8Array(data.buffer));
    }
  }
  closeSync(file);
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      hidden_size: hidden,
      intermediate_size: model.inner,
      num_hidden_layers: model.layers,
      num_attention_heads: model.heads,
      num_key_value_heads: model.kvHeads ?? model.heads,
      vocab_size: model.vocabulary,
      max_position_embeddings: model.contextLength,
      rms_norm_eps: 1e-6,
      rope_theta: 10000,
      hidden_act: 'silu',
      tie_word_embeddings: true,
      torch_dtype: dtype === 'F32' ? 'float32' : 'bfloat16',
    }),
  );
  return { bytes: offset };
}

/** bfloat16 is the upper half of float32 (cut, not rounded). */
function upperHalves(data: Float32Array): Uint8Array {
  const bits = new Uint32Array(data.buffer);
  const halves = new Uint16Array(data.length);
  for (let i = 0; i < halves.length; i++) halves[i] = (bits[i] ?? 0) >>> 16;
  return new Uint8Array(halves.buffer);
}
