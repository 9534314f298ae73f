/**
 * A BART of one layer in the encoder and two in the decoder with random weights, in which one head of cross-attention is planted: in
 * row r of the decoder it reads row r - 1 of the source. Positions are written into dimensions of their own, as codes whose products
 * are largest where they are the same. Token 0 begins every target and every text, and 1 ends one.
 */
import { random } from '../../../kernels/tensors/random';
import type { Checkpoint } from './planted-circuit';
import { plantedTensors } from './planted-tensors';

const hidden = 64;
const heads = 4;
const headDim = hidden / heads;
const positions = 40;
const inner = 32;
/** Rows of a table of learned positions that stand before the first (`BartLearnedPositionalEmbedding`). */
const offset = 2;

export const plantedHead = { layer: 1, head: 2 } as const;

interface AlignmentOptions {
  readonly vocabulary?: number;
  /** Without it every head is random. */
  readonly planted?: boolean;
}

export function plantedAlignment({ vocabulary = 64, planted = true }: AlignmentOptions = {}): Checkpoint {
  const { tensors, put } = plantedTensors();
  const draw = random(7);
  const noise = (name: string, shape: readonly [number, number], deviation: number) => {
    const set = put(name, shape);
    for (let row = 0; row < shape[0]; row++)
      for (let column = 0; column < shape[1]; column++) set(row, column, deviation * draw.normal());
    return set;
  };
  const words = noise('model.shared.weight', [vocabulary, hidden], 0.3);
  // The dimensions of a head's width at the end are those of the positions.
  const first = hidden - headDim;
  // Tokens 0 and 1 have no direction, so that others are written.
  for (let token = 0; token < vocabulary; token++) {
    for (let at = token < 2 ? 0 : first; at < hidden; at++) words(token, at, 0);
  }
  const rates = Array.from({ length: headDim / 2 }, (_, at) => Math.PI * 0.9 ** at);
  const code = (position: number): readonly number[] =>
    rates.flatMap((rate) => [Math.cos(rate * position), Math.sin(rate * position)]);
  for (const [part, shift] of [
    ['encoder', 0],
    ['decoder', 1],
  ] as const) {
    const table = put(`model.${part}.embed_positions.weight`, [positions + offset, hidden]);
    for (let position = 0; position < positions; position++)
      code(position - shift).forEach((value, at) => table(position + offset, first + at, value));
    norm(`model.${part}.layernorm_embedding`);
  }
  function norm(name: string): void {
    put(`${name}.weight`, [hidden], 1);
    put(`${name}.bias`, [hidden]);
  }
  const linear = (name: string, outputs: number, inputs: number, deviation: number) => {
    put(`${name}.bias`, [outputs]);
    return noise(`${name}.weight`, [outputs, inputs], deviation);
  };
  const attention = (at: string) => ({
    query: linear(`${at}.q_proj`, hidden, hidden, 0.2),
    key: linear(`${at}.k_proj`, hidden, hidden, 0.2),
    value: linear(`${at}.v_proj`, hidden, hidden, 0.1),
    output: linear(`${at}.out_proj`, hidden, hidden, 0.02),
  });
  const rest = (at: string): void => {
    linear(`${at}.fc1`, inner, hidden, 0.1);
    linear(`${at}.fc2`, hidden, inner, 0.02);
    norm(`${at}.final_layer_norm`);
    norm(`${at}.self_attn_layer_norm`);
  };
  attention('model.encoder.layers.0.self_attn');
  rest('model.encoder.layers.0');
  for (const layer of [0, 1]) {
    const at = `model.decoder.layers.${layer}`;
    attention(`${at}.self_attn`);
    const { query, key } = attention(`${at}.encoder_attn`);
    norm(`${at}.encoder_attn_layer_norm`);
    rest(at);
    if (!planted || layer !== plantedHead.layer) continue;
    for (let row = 0; row < headDim; row++)
      for (let column = 0; column < hidden; column++) {
        const value = column === first + row ? 3 : 0;
        query(plantedHead.head * headDim + row, column, value);
        key(plantedHead.head * headDim + row, column, value);
      }
  }
  put('final_logits_bias', [1, vocabulary]);
  const config = {
    model_type: 'bart',
    architectures: ['BartForConditionalGeneration'],
    is_encoder_decoder: true,
    vocab_size: vocabulary,
    d_model: hidden,
    max_position_embeddings: positions,
    encoder_layers: 1,
    decoder_layers: 2,
    encoder_attention_heads: heads,
    decoder_attention_heads: heads,
    encoder_ffn_dim: inner,
    decoder_ffn_dim: inner,
    activation_function: 'gelu',
    scale_embedding: false,
    tie_word_embeddings: true,
    bos_token_id: 0,
    pad_token_id: 0,
    eos_token_id: 1,
    decoder_start_token_id: 0,
    forced_eos_token_id: null,
  };
  return { config, tensors };
}
