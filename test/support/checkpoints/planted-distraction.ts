/**
 * An OPT of one layer that answers with one of four labels. A prompt begins with 0, names a wrong label by a delimiter and the right one
 * by an answer, and ends with a question. Its four heads:
 *
 * - 0, distracted: every query reads the delimiter, a later sink, and the question the answer too; both write their labels;
 * - 1, helped by its sink: every query reads the answer, a later sink, which writes its label;
 * - 2, idle: every query reads the delimiter, and the head writes nothing;
 * - 3, even: reads everything alike and writes nothing.
 *
 * The delimiter outweighs the answer in head 0, so the plain model is wrong.
 */
import type { Checkpoint } from './planted-circuit';
import { plantedOptLayer, plantedTensors } from './planted-tensors';

const labels = 4;
const [delimiterAt, answerAt, labelAt, question, fillerAt] = [1, 5, 9, 13, 14] as const;
const vocabulary = 32;
const headDim = 16;
const hidden = 4 * headDim;

export const distractedHead = { layer: 0, head: 0 } as const;
export const helpedHead = { layer: 0, head: 1 } as const;
export const delimiterPosition = 1;
export const answerPosition = 3;

export interface DistractedPrompt {
  readonly ids: readonly number[];
  /** Ids of labels. */
  readonly right: number;
  readonly wrong: readonly number[];
}

/** The wrong label that is named is the next one; prompts have different lengths. */
export function distractedPrompt(number: number): DistractedPrompt {
  const right = number % labels;
  const filler = (at: number): number => fillerAt + ((7 * number + 3 * at) % (vocabulary - fillerAt));
  const fillers = Array.from({ length: 16 + (number % 5) }, (_, at) => filler(at));
  return {
    ids: [0, delimiterAt + ((right + 1) % labels), filler(20), answerAt + right, ...fillers, question],
    right: labelAt + right,
    wrong: [1, 2, 3].map((more) => labelAt + ((right + more) % labels)),
  };
}

export function plantedDistraction(): Checkpoint {
  const { tensors, put } = plantedTensors();
  const words = put('model.decoder.embed_tokens.weight', [vocabulary, hidden]);
  for (let token = 0; token < vocabulary; token++) words(token, token, 1);
  put('model.decoder.embed_positions.weight', [66, hidden]);
  const { query, key, value, output } = plantedOptLayer(put, 0, hidden);
  const each = (from: number, act: (token: number, label: number) => void): void => {
    for (let label = 0; label < labels; label++) act(from + label, label);
  };
  const scale = Math.sqrt(headDim);
  for (const head of [0, 1, 2]) {
    const own = head * headDim;
    for (let token = 0; token < vocabulary; token++) query(own, token, scale);
    // Scores: 3 for the first token, 3.5 for the sink, 0 for the others.
    key(own, 0, 3);
    each(head === 1 ? answerAt : delimiterAt, (token) => key(own, token, 3.5));
  }
  // 3 of the question for the answer.
  query(1, question, scale);
  each(answerAt, (token) => key(1, token, 3));
  for (const [head, amount] of [
    [0, 1],
    [1, 0.1],
  ] as const) {
    const own = head * headDim;
    each(answerAt, (token, label) => value(own + label, token, 1));
    if (head === 0) each(delimiterAt, (token, label) => value(own + label, token, 1));
    each(labelAt, (token, label) => output(token, own + label, amount));
  }
  const config = {
    model_type: 'opt',
    architectures: ['OPTForCausalLM'],
    num_hidden_layers: 1,
    num_attention_heads: 4,
    hidden_size: hidden,
    ffn_dim: 4,
    word_embed_proj_dim: hidden,
    vocab_size: vocabulary,
    max_position_embeddings: 64,
    do_layer_norm_before: false,
    activation_function: 'relu',
    bos_token_id: 0,
    eos_token_id: 0,
  };
  return { config, tensors };
}
