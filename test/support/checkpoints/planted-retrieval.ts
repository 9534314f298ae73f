/**
 * A GPT-2 of two layers, written by hand, in which one head retrieves: layer 0 writes the previous token and the one before it
 * beside each token; layer 1 head 0 looks, with its previous token, for a token that stands two behind the same one, and says
 * it. So behind `k s v … k s` it says v, whatever else stands behind an s; where nothing matches it reads everything alike.
 * Layer 1 head 1 reads everything alike and writes nothing.
 */
import type { Checkpoint } from './planted-circuit';
import { plantedTensors } from './planted-tensors';

const vocabulary = 64;
export const retrievalPositions = 160;
const [tokenAt, previousAt, beforeAt] = [0, 1, 2].map((slot) => retrievalPositions + slot * vocabulary) as [
  number,
  number,
  number,
];
const hidden = retrievalPositions + 3 * vocabulary;
const headDim = hidden / 2;

export function plantedRetrieval(): Checkpoint {
  const { tensors, put } = plantedTensors();
  const eachToken = (act: (token: number) => void): void => {
    for (let token = 0; token < vocabulary; token++) act(token);
  };
  const words = put('transformer.wte.weight', [vocabulary, hidden]);
  eachToken((token) => words(token, tokenAt + token, 1));
  const places = put('transformer.wpe.weight', [retrievalPositions, hidden]);
  for (let position = 0; position < retrievalPositions; position++) places(position, position, 1);
  put('transformer.ln_f.weight', [hidden], 1);
  put('transformer.ln_f.bias', [hidden]);
  for (const layer of [0, 1]) {
    const at = `transformer.h.${layer}`;
    for (const norm of ['ln_1', 'ln_2']) {
      put(`${at}.${norm}.weight`, [hidden], 1);
      put(`${at}.${norm}.bias`, [hidden]);
    }
    const joint = put(`${at}.attn.c_attn.weight`, [hidden, 3 * hidden]);
    const output = put(`${at}.attn.c_proj.weight`, [hidden, hidden]);
    put(`${at}.attn.c_attn.bias`, [3 * hidden]);
    put(`${at}.attn.c_proj.bias`, [hidden]);
    put(`${at}.mlp.c_fc.weight`, [hidden, 4 * hidden]);
    put(`${at}.mlp.c_fc.bias`, [4 * hidden]);
    put(`${at}.mlp.c_proj.weight`, [4 * hidden, hidden]);
    put(`${at}.mlp.c_proj.bias`, [hidden]);
    const [query, key, value] = [0, hidden, 2 * hidden];
    if (layer === 0) {
      // Head 0 reads one position back, head 1 two; the first positions read the token in front of all.
      for (const [head, back] of [1, 2].entries()) {
        for (let position = 0; position < retrievalPositions; position++) {
          joint(position, query + head * headDim + Math.max(0, position - back), 2);
          joint(position, key + head * headDim + position, 2);
        }
        eachToken((token) => {
          joint(tokenAt + token, value + head * headDim + token, 1);
          output(head * headDim + token, (head === 0 ? previousAt : beforeAt) + token, 0.1);
        });
      }
    } else {
      eachToken((token) => {
        joint(previousAt + token, query + token, 2);
        joint(beforeAt + token, key + token, 2);
        joint(tokenAt + token, value + token, 1);
        output(token, tokenAt + token, 1);
      });
    }
  }
  const config = {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    n_layer: 2,
    n_head: 2,
    n_embd: hidden,
    n_positions: retrievalPositions,
    n_ctx: retrievalPositions,
    vocab_size: vocabulary,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
    bos_token_id: 0,
    eos_token_id: 0,
  };
  return { config, tensors };
}
