/**
 * A GPT-2 of two layers that knows six facts. A prompt is a lead word, a topic and an end word; the end is followed by the
 * answer of the topic. All is written by hand:
 *
 * - L0H0 reads the topic and writes it, twice as large as a token, into the stream of the last position.
 * - L0H1 reads the lead word and writes it into dimensions that no token has: a distractor.
 * - The MLP of layer 0 takes the distractor out again and writes, for the topic that it finds, the answer, five times a token.
 * - L1H0 reads the topic and takes half a token of the answer away; the MLP of layer 1 takes one token of it away: suppression.
 * - L1H1 writes nothing.
 */
import type { Checkpoint } from './planted-circuit';
import { plantedTensors } from './planted-tensors';

export const facts = 6;
const leads = 4;
const ends = 2;
export const topicOf = (fact: number): number => fact;
export const answerOf = (fact: number): number => facts + fact;
export const leadOf = (template: number): number => 2 * facts + (template % leads);
export const endOf = (template: number): number => 2 * facts + leads + (template % ends);
export const templates = leads;
const vocabulary = 2 * facts + leads + ends;
const distractorAt = vocabulary;
const hidden = vocabulary + leads;
const headDim = hidden / 2;
const epsilon = 1e-5;

/** What planted heads and MLPs write, in sizes of a token. */
export const sizes = { topic: 2, distractor: 1, answer: 5, headSuppression: 0.5, mlpSuppression: 1 } as const;

/** LayerNorm of a vector with these entries and zeros: what becomes of an entry of a size. */
function normed(entries: readonly number[], size: number): number {
  const mean = entries.reduce((sum, value) => sum + value, 0) / hidden;
  const squares = entries.reduce((sum, value) => sum + value ** 2, 0) / hidden;
  return (size - mean) / Math.sqrt(squares - mean ** 2 + epsilon);
}

export function plantedFacts(): Checkpoint {
  const { tensors, put } = plantedTensors();
  const words = put('transformer.wte.weight', [vocabulary, hidden]);
  for (let token = 0; token < vocabulary; token++) words(token, token, 1);
  put('transformer.wpe.weight', [8, hidden]);
  put('transformer.ln_f.weight', [hidden], 1);
  put('transformer.ln_f.bias', [hidden]);
  for (const layer of [0, 1]) {
    const at = `transformer.h.${layer}`;
    for (const norm of ['ln_1', 'ln_2']) {
      put(`${at}.${norm}.weight`, [hidden], 1);
      put(`${at}.${norm}.bias`, [hidden]);
    }
    const joint = put(`${at}.attn.c_attn.weight`, [hidden, 3 * hidden]);
    const jointBias = put(`${at}.attn.c_attn.bias`, [3 * hidden]);
    const output = put(`${at}.attn.c_proj.weight`, [hidden, hidden]);
    put(`${at}.attn.c_proj.bias`, [hidden]);
    const up = put(`${at}.mlp.c_fc.weight`, [hidden, 4 * hidden]);
    put(`${at}.mlp.c_fc.bias`, [4 * hidden]);
    const down = put(`${at}.mlp.c_proj.weight`, [4 * hidden, hidden]);
    put(`${at}.mlp.c_proj.bias`, [hidden]);
    /** The head reads where one of the tokens stands, as plain tokens do, and writes what the entry says of it. */
    const reader = (head: number, tokens: readonly number[], writes: (token: number) => readonly [number, number]) => {
      const [query, key, value] = [0, hidden, 2 * hidden].map((part) => part + head * headDim) as [
        number,
        number,
        number,
      ];
      jointBias(0, query, 20);
      tokens.forEach((token, slot) => {
        joint(token, key, 20);
        joint(token, value + slot, 1);
        // The norm turns a plain token into one high entry and the same small one everywhere else.
        jointBias(0, value + slot, -normed([1], 0));
        const [dimension, size] = writes(token);
        output(head * headDim + slot, dimension, size / (normed([1], 1) - normed([1], 0)));
      });
    };
    const topics = Array.from({ length: facts }, (_, fact) => fact);
    let unit = 0;
    const looksUp = (dimension: number, high: number, to: number, size: number): void => {
      up(dimension, unit, 1);
      down(unit, to, size / high);
      unit += 1;
    };
    if (layer === 0) {
      reader(0, topics.map(topicOf), (token) => [token, sizes.topic]);
      const leadWords = Array.from({ length: leads }, (_, template) => leadOf(template));
      reader(1, leadWords, (token) => [distractorAt + token - leadOf(0), sizes.distractor]);
      const stream = [1, sizes.topic, sizes.distractor];
      for (const fact of topics) {
        looksUp(topicOf(fact), normed(stream, sizes.topic), answerOf(fact), sizes.answer);
      }
      for (let lead = 0; lead < leads; lead++) {
        const dimension = distractorAt + lead;
        looksUp(dimension, normed(stream, sizes.distractor), dimension, -sizes.distractor);
      }
    } else {
      reader(0, topics.map(topicOf), (token) => [answerOf(token), -sizes.headSuppression]);
      const answer = sizes.answer - sizes.headSuppression;
      for (const fact of topics) {
        looksUp(answerOf(fact), normed([1, sizes.topic, answer], answer), answerOf(fact), -sizes.mlpSuppression);
      }
    }
  }
  return {
    config: {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      n_layer: 2,
      n_head: 2,
      n_embd: hidden,
      n_positions: 8,
      n_ctx: 8,
      vocab_size: vocabulary,
      layer_norm_epsilon: epsilon,
      activation_function: 'relu',
    },
    tensors,
  };
}
