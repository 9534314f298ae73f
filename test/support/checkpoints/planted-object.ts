/**
 * An OPT of three layers without MLPs and without a final norm, whose weights are written by hand to name the one of two people who
 * is not named again (the indirect object circuit of Wang et al. 2022, arXiv:2211.00593, in one head a role):
 *
 * - L0H0, duplicate token: from a name to where it stood before, and writes that position;
 * - L0H1, previous token: writes the token before, which nobody reads;
 * - L1H0, inhibition: from the last position to the name that came again, and moves the position that it holds;
 * - L2H0, mover: from the last position to the names, but not to one at that position, and writes the name.
 *
 * L1H1 and L2H1 read evenly and write nothing. `without`: a head that writes nothing either.
 */
import type { Checkpoint } from './planted-circuit';
import { plantedOptLayer, plantedTensors } from './planted-tensors';

/** 0 begins the prompt; names are 1 to 6; 7 to 15 are other words. */
export const plantedNames = [1, 2, 3, 4, 5, 6] as const;
export const objectVocabulary = 16;
const positions = 12;
const [tokenAt, positionAt, duplicateAt, inhibitAt, previousAt] = [0, 16, 28, 40, 52] as const;
const hidden = 72;
const headDim = 36;

/** `A` and `B` are names, `again` one of the two: the answer is the other. */
export const objectPrompt = (a: number, b: number, again: number): readonly number[] => [0, a, 7, b, 8, again, 9, 10];
/** Positions of `objectPrompt`. */
export const objectRoles = { first: [1], second: [3], again: [5], query: [7] } as const;

export function plantedObject(without: readonly string[] = []): Checkpoint {
  const { tensors, put } = plantedTensors();
  const words = put('model.decoder.embed_tokens.weight', [objectVocabulary, hidden]);
  for (let token = 0; token < objectVocabulary; token++) words(token, tokenAt + token, 1);
  const places = put('model.decoder.embed_positions.weight', [positions + 2, hidden]);
  for (let position = 0; position < positions; position++) places(position + 2, positionAt + position, 1);
  const each = (act: (position: number) => void): void => {
    for (let position = 0; position < positions; position++) act(position);
  };

  for (let layer = 0; layer < 3; layer++) {
    const { query, key, value, output } = plantedOptLayer(put, layer, hidden);
    /** Every position asks with this dimension of the head: one of its position's numbers is always 1. */
    const always = (dim: number, size: number): void => each((position) => query(dim, positionAt + position, size));
    const copies = (head: number, from: number, to: number, count: number, size: number): void => {
      for (let i = 0; i < count; i++) {
        value(head * headDim + i, from + i, 1);
        if (!without.includes(`${layer}.${head}`)) output(to + i, head * headDim + i, size);
      }
    };
    if (layer === 0) {
      // Head 0: the same name, but not itself; else the first token.
      for (const name of plantedNames) {
        query(name, tokenAt + name, 6);
        key(name, tokenAt + name, 6);
      }
      each((position) => {
        query(objectVocabulary + position, positionAt + position, -9);
        key(objectVocabulary + position, positionAt + position, 9);
      });
      always(30, 3);
      key(30, tokenAt, 3);
      copies(0, positionAt, duplicateAt, positions, 0.2);
      // Head 1: the position before.
      each((position) => {
        if (position > 0) query(headDim + position - 1, positionAt + position, 6);
        key(headDim + position, positionAt + position, 6);
      });
      copies(1, tokenAt, previousAt, objectVocabulary, 0.2);
    }
    if (layer === 1) {
      // A name that came again holds a position other than the first.
      always(0, 8);
      each((position) => {
        if (position > 0) key(0, duplicateAt + position, 8);
      });
      copies(0, duplicateAt, inhibitAt, positions, 0.5);
    }
    if (layer === 2) {
      always(0, 6);
      for (const name of plantedNames) key(0, tokenAt + name, 6);
      each((position) => {
        // Not one that came again, and not the one that is inhibited.
        if (position > 0) key(0, duplicateAt + position, -20);
        query(1 + position, inhibitAt + position, -12);
        key(1 + position, positionAt + position, 12);
      });
      copies(0, tokenAt, tokenAt, objectVocabulary, 1);
    }
  }
  const config = {
    model_type: 'opt',
    architectures: ['OPTForCausalLM'],
    num_hidden_layers: 3,
    num_attention_heads: 2,
    hidden_size: hidden,
    ffn_dim: 4,
    word_embed_proj_dim: hidden,
    vocab_size: objectVocabulary,
    max_position_embeddings: positions,
    do_layer_norm_before: true,
    _remove_final_layer_norm: true,
    activation_function: 'relu',
    bos_token_id: 0,
    eos_token_id: 0,
  };
  return { config, tensors };
}
