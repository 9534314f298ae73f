/**
 * A llama checkpoint in safetensors (one file, float32 or bfloat16) written as GGUF, which llama.cpp reads. The vocabulary is a
 * row of names: such a file is run on token ids, not on text. The npm packages that know the format read it; none writes
 * tensors (@huggingface/gguf 0.4.6 writes metadata alone).
 *
 * Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3. Rows of the query and key projections are
 * reordered as llama.cpp's converter does: its rotation pairs neighbours (2i, 2i + 1), that of transformers the halves
 * (i, i + d/2).
 */
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { toHalf } from '../../../kernels/tensors/half';

/** `stored` keeps the type of the safetensors file; `Q8_0` holds blocks of 32 numbers: a float16 scale and 32 bytes. */
export type GgufWeights = 'stored' | 'Q8_0';

interface Stored {
  readonly dtype: 'F32' | 'BF16';
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

interface Config {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
}

const alignment = 32;
const block = 32;
const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
/** Numbers of the types in the format. */
const ggml = { F32: 0, Q8_0: 8, BF16: 30 } as const;
const kinds = { uint32: 4, int32: 5, float32: 6, string: 8, array: 9 } as const;

/** `folder` holds `config.json` and `model.safetensors`. */
export function writeGguf(folder: string, file: string, weights: GgufWeights): void {
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config;
  const source = openSync(join(folder, 'model.safetensors'), 'r');
  const target = openSync(file, 'w');
  try {
    const { tensors, start } = headerOf(source);
    const headDim = config.hidden_size / config.num_attention_heads;
    const entries = Object.entries(tensors).filter(([name]) => name !== '__metadata__');
    const named = entries.map(([name, stored]) => {
      const [rows = 1, columns] = stored.shape;
      const width = columns ?? rows;
      // Vectors are norms, which llama.cpp takes in float32.
      const type = columns === undefined ? 'F32' : weights === 'Q8_0' ? 'Q8_0' : stored.dtype;
      const rowBytes = type === 'F32' ? width * 4 : type === 'BF16' ? width * 2 : (width / block) * (2 + block);
      const order = /\.[qk]_proj\./.test(name) ? interleaved(rows, headDim) : undefined;
      return {
        name: nameOf(name),
        stored,
        width,
        rows: columns === undefined ? 1 : rows,
        type,
        rowBytes,
        order,
      } as const;
    });
    const parts: Buffer[] = [Buffer.from('GGUF'), uint32(3), uint64(named.length)];
    const metadata = metadataOf(config);
    parts.push(uint64(metadata.length), ...metadata);
    let offset = 0;
    for (const { name, stored, type, rows, rowBytes } of named) {
      // Dimensions run from the one that changes fastest.
      const shape = [...stored.shape].reverse();
      parts.push(string(name), uint32(shape.length), ...shape.map(uint64), uint32(ggml[type]), uint64(offset));
      offset += aligned(rows * rowBytes);
    }
    const header = Buffer.concat(parts);
    writeSync(target, Buffer.concat([header, Buffer.alloc(aligned(header.length) - header.length)]));
    for (const { stored, width, rows, type, rowBytes, order } of named) {
      const bytes = Buffer.alloc(stored.data_offsets[1] - stored.data_offsets[0]);
      readSync(source, bytes, 0, bytes.length, start + stored.data_offsets[0]);
      const out = Buffer.alloc(aligned(rows * rowBytes));
      const stride = bytes.length / rows;
      for (let row = 0; row < rows; row++) {
        const from = (order?.[row] ?? row) * stride;
        encodeRow(bytes.subarray(from, from + stride), stored.dtype, type, width, out.subarray(row * rowBytes));
      }
      writeSync(target, out);
    }
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

function headerOf(file: number): { readonly tensors: Readonly<Record<string, Stored>>; readonly start: number } {
  const length = Buffer.alloc(8);
  readSync(file, length, 0, 8, 0);
  const json = Buffer.alloc(Number(length.readBigUInt64LE()));
  readSync(file, json, 0, json.length, 8);
  return { tensors: JSON.parse(json.toString()) as Readonly<Record<string, Stored>>, start: 8 + json.length };
}

/** The stored row of each row: within a head, row 2i is i and row 2i + 1 is i + d/2. */
function interleaved(rows: number, headDim: number): readonly number[] {
  return Array.from({ length: rows }, (_, row) => {
    const within = row % headDim;
    return row - within + Math.floor(within / 2) + (within % 2) * (headDim / 2);
  });
}

function encodeRow(bytes: Buffer, dtype: Stored['dtype'], type: keyof typeof ggml, width: number, out: Buffer): void {
  if (type === dtype) {
    bytes.copy(out);
    return;
  }
  const values = new Float32Array(width);
  for (let i = 0; i < width; i++) {
    if (dtype === 'F32') values[i] = bytes.readFloatLE(i * 4);
    else new DataView(values.buffer).setUint32(i * 4, bytes.readUInt16LE(i * 2) * 2 ** 16, true);
  }
  if (type === 'F32') {
    out.set(new Uint8Array(values.buffer));
    return;
  }
  for (let at = 0; at < width; at += block) {
    let largest = 0;
    for (let i = at; i < at + block; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0));
    const scale = Math.fround(largest / 127);
    const to = (at / block) * (2 + block);
    out.writeUInt16LE(toHalf(scale), to);
    for (let i = 0; i < block; i++)
      out.writeInt8(scale === 0 ? 0 : Math.round((values[at + i] ?? 0) / scale), to + 2 + i);
  }
}

const ofLayer: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  post_attention_layernorm: 'ffn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

function nameOf(name: string): string {
  if (name === 'model.embed_tokens.weight') return 'token_embd.weight';
  if (name === 'model.norm.weight') return 'output_norm.weight';
  if (name === 'lm_head.weight') return 'output.weight';
  const [, layer = '', part = ''] = /^model\.layers\.(\d+)\.(.+)\.weight$/.exec(name) ?? [];
  const known = ofLayer[part];
  if (known === undefined) throw new RangeError(`${name} is no tensor of a llama`);
  return `blk.${layer}.${known}.weight`;
}

function metadataOf(config: Config): readonly Buffer[] {
  const number = (key: string, value: number): Buffer =>
    Buffer.concat([string(key), uint32(kinds.uint32), uint32(value)]);
  const float = (key: string, value: number): Buffer =>
    Buffer.concat([string(key), uint32(kinds.float32), float32(value)]);
  const text = (key: string, value: string): Buffer =>
    Buffer.concat([string(key), uint32(kinds.string), string(value)]);
  const list = (key: string, kind: keyof typeof kinds, values: readonly Buffer[]): Buffer =>
    Buffer.concat([string(key), uint32(kinds.array), uint32(kinds[kind]), uint64(values.length), ...values]);
  const tokens = Array.from({ length: config.vocab_size }, (_, id) => id);
  return [
    text('general.architecture', 'llama'),
    number('general.alignment', alignment),
    number('llama.vocab_size', config.vocab_size),
    number('llama.context_length', config.max_position_embeddings),
    number('llama.embedding_length', config.hidden_size),
    number('llama.block_count', config.num_hidden_layers),
    number('llama.feed_forward_length', config.intermediate_size),
    number('llama.attention.head_count', config.num_attention_heads),
    number('llama.attention.head_count_kv', config.num_key_value_heads),
    number('llama.rope.dimension_count', config.hidden_size / config.num_attention_heads),
    float('llama.rope.freq_base', config.rope_theta),
    float('llama.attention.layer_norm_rms_epsilon', config.rms_norm_eps),
    text('tokenizer.ggml.model', 'llama'),
    list(
      'tokenizer.ggml.tokens',
      'string',
      tokens.map((id) => string(tokenOf(id).text)),
    ),
    list(
      'tokenizer.ggml.scores',
      'float32',
      tokens.map((id) => float32(-id)),
    ),
    list(
      'tokenizer.ggml.token_type',
      'int32',
      tokens.map((id) => uint32(tokenOf(id).type)),
    ),
  ];
}

/** The order of Llama 2: three control tokens, the bytes (llama.cpp stops where it finds no token for a newline), the others. */
function tokenOf(id: number): { readonly text: string; readonly type: number } {
  const [normal, unknown, control, byte] = [1, 2, 3, 6];
  if (id < 3) return { text: ['<unk>', '<s>', '</s>'][id] ?? '', type: id === 0 ? unknown : control };
  const value = id - 3;
  if (value < 256) return { text: `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`, type: byte };
  return { text: `<${id}>`, type: normal };
}

function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}
function uint64(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}
function float32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return out;
}
function string(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}
