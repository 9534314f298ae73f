/**
 * A GPT-2 of two layers whose weights are written by hand so that two heads do one thing each: layer 0 head 0 reads the
 * previous token and writes it beside its own, layer 1 head 0 looks for its token among those and predicts what came after it
 * (the induction circuit of Olsson et al. 2022). Heads 1 of both layers read everything evenly and write nothing.
 */
import { join } from 'node:path';
import { writeSafetensors, type CheckpointTensor } from '../safetensors-file';
import { writeConfig } from './tiny-models';

export const vocabulary = 64;
const positions = 80;
/** One dimension per position, per token, per previous token. */
const [tokenAt, previousAt] = [positions, positions + vocabulary];
const hidden = positions + 2 * vocabulary;
const headDim = hidden / 2;

class Matrix {
  readonly data: Float32Array;
  constructor(readonly shape: readonly number[]) {
    this.data = new Float32Array(shape.reduce((product, axis) => product * axis, 1));
  }
  set(row: number, column: number, value: number): this {
    this.data[row * (this.shape[1] ?? 1) + column] = value;
    return this;
  }
  fill(value: number): this {
    this.data.fill(value);
    return this;
  }
}

export function writePlantedCircuit(folder: string): void {
  const { config, tensors } = plantedCircuit();
  writeConfig(folder, config);
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
}

export interface Checkpoint {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
}

/** `copier`: the head of layer 1 that looks for a token and copies what came after it. */
export function plantedCircuit(copier: (token: number) => 0 | 1 = () => 0): Checkpoint {
  const copiers = [...new Set(Array.from({ length: vocabulary }, (_, token) => copier(token)))];
  const tensors = new Map<string, CheckpointTensor>();
  const put = (name: string, shape: readonly number[]): Matrix => {
    const matrix = new Matrix(shape);
    tensors.set(name, matrix);
    return matrix;
  };
  const words = put('transformer.wte.weight', [vocabulary, hidden]);
  for (let token = 0; token < vocabulary; token++) words.set(token, tokenAt + token, 1);
  const places = put('transformer.wpe.weight', [positions, hidden]);
  for (let position = 0; position < positions; position++) places.set(position, position, 1);
  put('transformer.ln_f.weight', [hidden]).fill(1);
  put('transformer.ln_f.bias', [hidden]);

  for (const layer of [0, 1]) {
    const at = `transformer.h.${layer}`;
    for (const norm of ['ln_1', 'ln_2']) {
      put(`${at}.${norm}.weight`, [hidden]).fill(1);
      put(`${at}.${norm}.bias`, [hidden]);
    }
    const [query, key, value] = [0, hidden, 2 * hidden];
    const joint = put(`${at}.attn.c_attn.weight`, [hidden, 3 * hidden]);
    const output = put(`${at}.attn.c_proj.weight`, [hidden, hidden]);
    put(`${at}.attn.c_attn.bias`, [3 * hidden]);
    put(`${at}.attn.c_proj.bias`, [hidden]);
    put(`${at}.mlp.c_fc.weight`, [hidden, 4 * hidden]);
    put(`${at}.mlp.c_fc.bias`, [4 * hidden]);
    put(`${at}.mlp.c_proj.weight`, [4 * hidden, hidden]);
    put(`${at}.mlp.c_proj.bias`, [hidden]);
    if (layer === 0) {
      // The query of position i is the key of position i - 1.
      for (let position = 0; position < positions; position++) {
        if (position > 0) joint.set(position, query + position - 1, 2);
        joint.set(position, key + position, 2);
      }
    } else {
      for (let token = 0; token < vocabulary; token++) {
        const at = copier(token) * headDim + token;
        joint.set(tokenAt + token, query + at, 2);
        joint.set(previousAt + token, key + at, 2);
      }
    }
    for (const head of layer === 0 ? [0] : copiers) {
      for (let token = 0; token < vocabulary; token++) {
        const at = head * headDim + token;
        joint.set(tokenAt + token, value + at, 1);
        if (layer === 0) output.set(at, previousAt + token, 0.1);
        else output.set(at, tokenAt + token, 1);
      }
    }
  }
  const config = {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    n_layer: 2,
    n_head: hidden / headDim,
    n_embd: hidden,
    n_positions: positions,
    n_ctx: positions,
    vocab_size: vocabulary,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
    bos_token_id: 0,
    eos_token_id: 0,
  };
  return { config, tensors };
}
