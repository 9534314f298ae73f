/** A random llama in GGUF, of a chosen size and in chosen formats. Its blocks are drawn from a pool, so that it is written quickly. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { tensorType } from '../../../models/formats/gguf/tensor-types';
import { uniform } from '../../support/checkpoints/encoded-tiny';
import { namedVocabulary } from '../../support/gguf-conversion';
import { ggufFile, u32 } from '../../support/gguf-file';
import { ggufDefinitions, randomBlocks } from '../../support/reference/gguf-numbers';
import { hiddenOf, type SyntheticModel } from './synthetic-model';

/** The formats of a file: all matrices in one, or those that llama.cpp chooses for Q4_K_M (llama-quant.cpp, 2026-12-01). */
export type SyntheticFormat = 'F32' | 'Q8_0' | 'Q6_K' | 'Q4_K' | 'Q4_K_M';

/** A prime, so that the rows of a matrix begin at different blocks of the pool: two equal rows of a head would tie. */
const blocksInPool = 131101;
const alignment = 32;
const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

interface Tensor {
  readonly name: string;
  /** The axis that changes fastest first. */
  readonly sizes: readonly number[];
  readonly format: string;
}

/** Returns how many bytes the tensors take. */
export function writeSyntheticGguf(file: string, model: SyntheticModel, format: SyntheticFormat): number {
  const hidden = hiddenOf(model);
  const all = tensorsOf(model, format);
  let bytes = 0;
  const tensors = all.map(({ name, sizes, format: own }) => {
    const placed = { name, sizes, type: idOf(own), offset: bytes };
    bytes += aligned(bytesOf(own, sizes));
    return placed;
  });
  const values = {
    ...namedVocabulary(model.vocabulary),
    'general.architecture': 'llama',
    'llama.block_count': u32(model.layers),
    'llama.context_length': u32(model.contextLength),
    'llama.embedding_length': u32(hidden),
    'llama.feed_forward_length': u32(model.inner),
    'llama.attention.head_count': u32(model.heads),
    'llama.attention.head_count_kv': u32(model.kvHeads ?? model.heads),
    'llama.attention.layer_norm_rms_epsilon': { f32: 1e-6 },
    'llama.rope.dimension_count': u32(model.headDim),
    'llama.rope.freq_base': { f32: 10000 },
  };
  const target = openSync(file, 'w');
  try {
    writeSync(target, ggufFile({ values, tensors }));
    const pools = new Map<string, Uint8Array>();
    const random = uniform(1);
    for (const { sizes, format: own } of all) {
      const length = bytesOf(own, sizes);
      const data = Buffer.alloc(aligned(length));
      const [columns = 1, rows] = sizes;
      if (rows === undefined) data.set(new Uint8Array(new Float32Array(columns).fill(1).buffer));
      else {
        const key = `${own} ${columns}`;
        const pool = pools.get(key) ?? poolOf(own, columns, random);
        pools.set(key, pool);
        const block = pool.length / blocksInPool;
        let from = Math.floor(random() * blocksInPool) * block;
        for (let at = 0; at < length; from = 0) {
          const piece = pool.subarray(from, from + length - at);
          data.set(piece, at);
          at += piece.length;
        }
      }
      writeSync(target, data);
    }
  } finally {
    closeSync(target);
  }
  return bytes;
}

function tensorsOf(model: SyntheticModel, format: SyntheticFormat): readonly Tensor[] {
  const hidden = hiddenOf(model);
  const keys = (model.kvHeads ?? model.heads) * model.headDim;
  const { layers, inner } = model;
  const plain = format === 'Q4_K_M' ? 'Q4_K' : format;
  const wide = format === 'Q4_K_M' ? 'Q6_K' : format;
  const tensors: Tensor[] = [
    { name: 'token_embd.weight', sizes: [hidden, model.vocabulary], format: wide },
    // Else the embedding is the head as well.
    ...(model.untied ? [{ name: 'output.weight', sizes: [hidden, model.vocabulary], format: wide }] : []),
    { name: 'output_norm.weight', sizes: [hidden], format: 'F32' },
  ];
  for (let layer = 0; layer < layers; layer++) {
    const eighth = Math.floor(layers / 8);
    const moreBits = layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
    const mixed = moreBits ? wide : plain;
    const parts: readonly (readonly [string, readonly number[], string])[] = [
      ['attn_norm', [hidden], 'F32'],
      ['ffn_norm', [hidden], 'F32'],
      ['attn_q', [hidden, hidden], plain],
      ['attn_k', [hidden, keys], plain],
      ['attn_v', [hidden, keys], mixed],
      ['attn_output', [hidden, hidden], plain],
      ['ffn_gate', [hidden, inner], plain],
      ['ffn_up', [hidden, inner], plain],
      ['ffn_down', [inner, hidden], mixed],
    ];
    for (const [name, sizes, own] of parts) tensors.push({ name: `blk.${layer}.${name}.weight`, sizes, format: own });
  }
  return tensors;
}

const idOf = (format: string): number => (format === 'F32' ? 0 : ggufDefinitions[format]!.id);

function bytesOf(format: string, sizes: readonly number[]): number {
  const { weights, bytes } = tensorType(idOf(format))!;
  return (sizes.reduce((product, size) => product * size, 1) / weights) * bytes;
}

/** Blocks whose numbers have the deviation 1 / sqrt(columns). */
function poolOf(format: string, columns: number, random: () => number): Uint8Array {
  const { weights } = tensorType(idOf(format))!;
  const deviation = columns ** -0.5;
  if (format !== 'F32') return randomBlocks(format, blocksInPool * weights, random, deviation);
  const uniformOf = (): number => (2 * random() - 1) * Math.sqrt(3) * deviation;
  return new Uint8Array(Float32Array.from({ length: blocksInPool }, uniformOf).buffer);
}
