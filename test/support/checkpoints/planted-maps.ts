/**
 * An OPT of one layer whose heads have the attention maps that are given, whatever the tokens are. Its norms stand behind the sums, so
 * that a query is exactly a row of its position: the logarithms of the map, and the key of position j the unit vector j.
 */
import type { Checkpoint } from './planted-circuit';
import { plantedOptLayer, plantedTensors } from './planted-tensors';

/** The score of a key that a map gives nothing: e to this is 0 in float32. */
const nothing = -200;

/** `maps`: [heads][rows][keys], rows that sum to 1. */
export function plantedMaps(maps: readonly (readonly (readonly number[])[])[]): Checkpoint {
  const n = maps[0]?.length ?? 0;
  const headDim = n;
  const hidden = maps.length * headDim;
  const vocabulary = 64;
  const { tensors, put } = plantedTensors();
  put('model.decoder.embed_tokens.weight', [vocabulary, hidden]);
  const places = put('model.decoder.embed_positions.weight', [n + 2, hidden]);
  for (let position = 0; position < n; position++) places(position + 2, position, 1);
  const { query, key } = plantedOptLayer(put, 0, hidden);
  maps.forEach((map, head) => {
    map.forEach((row, i) => {
      key(head * headDim + i, i, 1);
      row.slice(0, i + 1).forEach((p, j) => {
        query(head * headDim + j, i, Math.sqrt(headDim) * (p > 0 ? Math.log(p) : nothing));
      });
    });
  });
  const config = {
    model_type: 'opt',
    architectures: ['OPTForCausalLM'],
    num_hidden_layers: 1,
    num_attention_heads: maps.length,
    hidden_size: hidden,
    ffn_dim: 4,
    word_embed_proj_dim: hidden,
    vocab_size: vocabulary,
    max_position_embeddings: n,
    do_layer_norm_before: false,
    activation_function: 'relu',
    bos_token_id: 0,
    eos_token_id: 0,
  };
  return { config, tensors };
}
