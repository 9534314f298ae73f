/**
 * A GPT-2 of two layers of eight heads written by hand, which reads "image" tokens of its vocabulary:
 *
 * - heads 0 and 1 read the image tokens evenly and copy what they show (nothing else has a value for them);
 * - head 2 bursts: image keys win and hold nothing; without them the first token wins, whose value is large;
 * - heads 3 and 4 read the first token, which holds little;
 * - heads 5 to 7 read the previous token and copy it.
 *
 * In layer 1 head 0 raises the word of the object that an image token shows, in proportion to the share of image tokens that
 * show it, and head 5 the word that usually goes with the previous token, whatever the image shows: the language prior.
 */
import { join } from 'node:path';
import { plantedTensors } from './planted-tensors';
import { writeSafetensors } from '../safetensors-file';
import { writeConfig } from './tiny-models';

export const tokens = { first: 0, empty: 1, shows: 2, describe: 3, cue: 4, end: 5, object: 6, partner: 7 } as const;
const vocabulary = 8;
const positions = 24;
const heads = 8;
const hidden = 128;
const headDim = hidden / heads;
const tokenAt = positions;

export const planted = { copy: [0, 1], burst: 2, sinks: [3, 4], previous: [5, 6, 7] } as const;

export interface Planted {
  /** Strength of the visual word, at a share of 1, and of the prior's word. */
  readonly visual: number;
  readonly prior: number;
}

export function writePlantedSpanHeads(folder: string, { visual, prior }: Planted): void {
  const { tensors, put } = plantedTensors();
  const words = put('transformer.wte.weight', [vocabulary, hidden]);
  for (let token = 0; token < vocabulary; token++) words(token, tokenAt + token, 1);
  const places = put('transformer.wpe.weight', [positions, hidden]);
  for (let position = 0; position < positions; position++) places(position, position, 1);
  put('transformer.ln_f.weight', [hidden], 1);
  put('transformer.ln_f.bias', [hidden]);
  // What a norm makes of one of the two ones of an embedding.
  const one = Math.sqrt(hidden / 2);

  for (const layer of [0, 1]) {
    const at = `transformer.h.${layer}`;
    for (const norm of ['ln_1', 'ln_2']) {
      put(`${at}.${norm}.weight`, [hidden], 1);
      put(`${at}.${norm}.bias`, [hidden]);
    }
    const joint = put(`${at}.attn.c_attn.weight`, [hidden, 3 * hidden]);
    const bias = put(`${at}.attn.c_attn.bias`, [3 * hidden]);
    const output = put(`${at}.attn.c_proj.weight`, [hidden, hidden]);
    put(`${at}.attn.c_proj.bias`, [hidden]);
    put(`${at}.mlp.c_fc.weight`, [hidden, 4 * hidden]);
    put(`${at}.mlp.c_fc.bias`, [4 * hidden]);
    put(`${at}.mlp.c_proj.weight`, [4 * hidden, hidden]);
    put(`${at}.mlp.c_proj.bias`, [hidden]);
    const column = (part: 'query' | 'key' | 'value', head: number, dim: number): number =>
      ['query', 'key', 'value'].indexOf(part) * hidden + head * headDim + dim;
    /** Every query of the head has 1 in dimension 0, so a key's score is what it has there. */
    const reads = (head: number, scores: Readonly<Record<number, number>>): void => {
      bias(column('query', head, 0), 0, 1);
      for (const [token, score] of Object.entries(scores)) {
        joint(tokenAt + Number(token), column('key', head, 0), (score * Math.sqrt(headDim)) / one);
      }
    };
    const holds = (head: number, token: number, dim: number, value: number): void =>
      joint(tokenAt + token, column('value', head, dim), value / one);

    const image = { [tokens.empty]: 30, [tokens.shows]: 30 };
    for (const head of planted.copy) {
      reads(head, image);
      holds(head, tokens.shows, 1, 4);
      holds(head, tokens.empty, 2, 4);
    }
    reads(planted.burst, { [tokens.empty]: 60, [tokens.shows]: 60, [tokens.first]: 30 });
    holds(planted.burst, tokens.first, 1, 5);
    for (const head of planted.sinks) {
      reads(head, { [tokens.first]: 30 });
      holds(head, tokens.first, 1, 0.3);
    }
    for (const head of planted.previous) {
      // The query of position i is the key of position i - 1, in pieces of a head's width.
      for (let position = 0; position < positions; position++) {
        const code = (place: number): number[] =>
          Array.from({ length: headDim }, (_, dim) => Math.cos((2 * Math.PI * (dim + 1) * place) / positions + dim));
        code(position).forEach((value, dim) => joint(position, column('key', head, dim), (6 * value) / one));
        if (position > 0) {
          code(position - 1).forEach((value, dim) => joint(position, column('query', head, dim), (6 * value) / one));
        }
      }
      for (const token of [tokens.describe, tokens.cue, tokens.end]) holds(head, token, token, 1);
    }
    if (layer === 0) continue;
    output(planted.copy[0] * headDim + 1, tokenAt + tokens.object, visual / 4);
    output(planted.previous[0] * headDim + tokens.cue, tokenAt + tokens.partner, prior);
  }
  writeConfig(folder, {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    n_layer: 2,
    n_head: heads,
    n_embd: hidden,
    n_positions: positions,
    n_ctx: positions,
    vocab_size: vocabulary,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
    bos_token_id: 0,
    eos_token_id: 5,
  });
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
}

/** The first token, `size` image tokens of which `shown` show the object, and a text that ends after its cue. */
export function plantedPrompt(size: number, shown: number) {
  const image = Array.from({ length: size }, (_, i) => (i < shown ? tokens.shows : tokens.empty));
  return {
    ids: [tokens.first, ...image, tokens.describe, tokens.cue, tokens.end],
    removed: { kind: 'span', start: 1, end: 1 + size } as const,
  };
}
