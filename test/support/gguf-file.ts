/** GGUF files for tests, by https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. */

const types = { u8: 0, u32: 4, i32: 5, f32: 6, bool: 7, text: 8, list: 9, u64: 10 } as const;

export type Value =
  | { readonly u8: number }
  | { readonly u32: number }
  | { readonly i32: number }
  | { readonly f32: number }
  | { readonly u64: number | bigint }
  | { readonly bool: boolean }
  | string
  | { readonly list: readonly Value[] };

export interface Tensor {
  readonly name: string;
  /** The axis that changes fastest first, as the file has it. */
  readonly sizes: readonly (number | bigint)[];
  /** Number of the type: 0 F32, 1 F16, 12 Q4_K. */
  readonly type: number;
  readonly offset?: number | bigint;
}

export interface GgufFile {
  readonly version?: number;
  readonly bigEndian?: boolean;
  readonly values?: Readonly<Record<string, Value>>;
  readonly tensors?: readonly Tensor[];
  /** Bytes behind the header, which is filled up to a multiple of 32. */
  readonly data?: number;
}

export function ggufFile({ version = 3, bigEndian = false, values = {}, tensors = [], data = 0 }: GgufFile): Buffer {
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    if (bigEndian) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const u64 = (value: number | bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    if (bigEndian) bytes.writeBigUInt64BE(BigInt(value));
    else bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const count = (value: number): Buffer => (version === 1 ? u32(value) : u64(value));
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value);
    return Buffer.concat([count(bytes.length), bytes]);
  };
  const typeOf = (value: Value): keyof typeof types =>
    typeof value === 'string' ? 'text' : (Object.keys(value)[0] as keyof typeof types);
  const bare = (value: Value): Buffer => {
    if (typeof value === 'string') return text(value);
    if ('u8' in value) return Buffer.from([value.u8]);
    if ('bool' in value) return Buffer.from([value.bool ? 1 : 0]);
    if ('u32' in value) return u32(value.u32);
    if ('i32' in value) return u32(value.i32 >>> 0);
    if ('u64' in value) return u64(value.u64);
    if ('f32' in value) {
      const bytes = Buffer.alloc(4);
      if (bigEndian) bytes.writeFloatBE(value.f32);
      else bytes.writeFloatLE(value.f32);
      return bytes;
    }
    const [first] = value.list;
    return Buffer.concat([
      u32(types[first === undefined ? 'u32' : typeOf(first)]),
      count(value.list.length),
      ...value.list.map(bare),
    ]);
  };
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    count(tensors.length),
    count(Object.keys(values).length),
    ...Object.entries(values).flatMap(([key, value]) => [text(key), u32(types[typeOf(value)]), bare(value)]),
    ...tensors.flatMap(({ name, sizes, type, offset = 0 }) => [
      text(name),
      u32(sizes.length),
      ...sizes.map((size) => (version === 1 ? u32(Number(size)) : u64(size))),
      u32(type),
      u64(offset),
    ]),
  ]);
  return Buffer.concat([header, Buffer.alloc(Math.ceil(header.length / 32) * 32 - header.length + data)]);
}

export const u32 = (value: number): Value => ({ u32: value });
export const list = (...values: readonly Value[]): Value => ({ list: values });

/** A llama of two layers: 4 query heads on 2 key/value heads of 64, in Q4_K with norms in F32. */
export const smallLlama = (): Required<Pick<GgufFile, 'values' | 'tensors' | 'data'>> => {
  const [hidden, keys, inner, vocabulary] = [256, 128, 512, 300];
  const matrices = [
    'attn_q',
    hidden,
    hidden,
    'attn_k',
    hidden,
    keys,
    'attn_v',
    hidden,
    keys,
    'attn_output',
    hidden,
    hidden,
  ];
  const networks = ['ffn_gate', hidden, inner, 'ffn_up', hidden, inner, 'ffn_down', inner, hidden];
  const named: { readonly name: string; readonly sizes: readonly number[]; readonly type: number }[] = [
    { name: 'token_embd.weight', sizes: [hidden, vocabulary], type: 14 },
    { name: 'output_norm.weight', sizes: [hidden], type: 0 },
  ];
  for (const block of [0, 1]) {
    const all = [...matrices, ...networks];
    for (let at = 0; at < all.length; at += 3) {
      const [name, columns, rows] = all.slice(at, at + 3) as [string, number, number];
      named.push({ name: `blk.${block}.${name}.weight`, sizes: [columns, rows], type: 12 });
    }
    for (const norm of ['attn_norm', 'ffn_norm']) {
      named.push({ name: `blk.${block}.${norm}.weight`, sizes: [hidden], type: 0 });
    }
  }
  let offset = 0;
  const tensors = named.map((tensor) => {
    const [columns = 1, rows = 1] = tensor.sizes;
    const placed = { ...tensor, offset };
    // Blocks of 256: 144 bytes of Q4_K, 210 of Q6_K.
    const row = tensor.type === 0 ? columns * 4 : (columns / 256) * (tensor.type === 12 ? 144 : 210);
    offset = Math.ceil((offset + row * rows) / 32) * 32;
    return placed;
  });
  return {
    values: {
      'general.architecture': 'llama',
      'general.name': 'Small Llama',
      'general.file_type': u32(15),
      'llama.block_count': u32(2),
      'llama.context_length': u32(4096),
      'llama.embedding_length': u32(hidden),
      'llama.feed_forward_length': u32(inner),
      'llama.attention.head_count': u32(4),
      'llama.attention.head_count_kv': u32(2),
      'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
      'llama.rope.dimension_count': u32(64),
      'llama.rope.freq_base': { f32: 500000 },
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.tokens': list(...Array.from({ length: vocabulary }, (_, id) => `<${id}>`)),
    },
    tensors,
    data: offset,
  };
};
