/**
 * A llama of width 448 written by hand, wide enough for the sinks of arXiv:2503.03321 with tau = 20: the first token and "sink" tokens
 * hold 0.97 sqrt(448) times their RMS in one dimension. Every state has an RMS of 1, so that norms change nothing until layer 2, whose
 * four heads read by the weights below; no other head writes anything. What leaves layer 2 is massive at distractors too: its MLP does that.
 *
 * A reads objects of the picture and names them, beside much on the sinks; B reads sinks alone; C reads objects a little; L is a language
 * head: it reads the first token and the cue, which holds a usual word, and hardly the distractors of the picture, which hold a wrong one.
 */
import type { Checkpoint } from './planted-circuit';
import { plantedTensors } from './planted-tensors';

export const varTokens = {
  bos: 0,
  sink: 1,
  empty: 2,
  distractor: 3,
  describe: 4,
  cue: 5,
  objects: [6, 7, 8, 9],
} as const;
export const varWords = { objects: [10, 11, 12, 13], usual: 14, wrong: 15, end: 16 } as const;
export const varHeads = { A: 0, B: 1, C: 2, L: 3 } as const;
export const plantedVar = { width: 448, dimension: 7, layer: 2, share: 0.97 } as const;

const vocabulary = 17;
const { width, dimension, layer: reading, share } = plantedVar;
const [constant, typeAt, padFrom, padTo, outAt, headDim] = [0, 20, 100, 400, 420, 8];
const typeValue = 3;
/** Index of a pair of dimensions that hardly turns: the last of a head. */
const slow = 3;

/** Weights before softmax is normalised, by head and token; others get e^-30. */
const reads: Readonly<Record<keyof typeof varHeads, Readonly<Record<number, number>>>> = (() => {
  const { bos, sink, distractor, cue, objects } = varTokens;
  const each = (value: number) => Object.fromEntries(objects.map((token) => [token, value]));
  return {
    A: { [bos]: 5, [sink]: 0.5, ...each(2) },
    B: { [bos]: 1, [sink]: 0.5 },
    C: { [bos]: 9, ...each(0.5) },
    L: { [bos]: 14, [cue]: 5, [distractor]: 1 / 3 },
  };
})();

/** Logit that the whole attention of A would give an object. */
export const visual = 4;

export function plantedVarCheckpoint(): Checkpoint {
  const { tensors, put } = plantedTensors();
  const words = put('model.embed_tokens.weight', [vocabulary, width]);
  for (let token = 0; token < vocabulary; token++) {
    const massive = token === varTokens.bos || token === varTokens.sink ? share * Math.sqrt(width) : 0;
    words(token, constant, 1);
    words(token, typeAt + token, typeValue);
    words(token, dimension, massive);
    const pad = Math.sqrt((width - massive ** 2 - 1 - typeValue ** 2) / (padTo - padFrom));
    for (let d = padFrom; d < padTo; d++) words(token, d, pad);
  }
  put('model.norm.weight', [width], 1);
  const vocabularyRows = put('lm_head.weight', [vocabulary, width]);
  for (let token = 0; token < vocabulary; token++) vocabularyRows(token, outAt + token, 1);
  for (let layer = 0; layer < 4; layer++) {
    const at = `model.layers.${layer}`;
    // Whoever looked for sinks behind the norm would find none.
    put(`${at}.input_layernorm.weight`, [width], 1)(dimension, 0, 0.1);
    put(`${at}.post_attention_layernorm.weight`, [width], 1);
    const [gate, up] = ['gate_proj', 'up_proj'].map((name) => put(`${at}.mlp.${name}.weight`, [4, width]));
    const down = put(`${at}.mlp.down_proj.weight`, [width, 4]);
    if (layer === reading) {
      // silu(20) is 20 to eight digits: 200 beside 1, which are 21 times the RMS.
      gate?.(0, typeAt + varTokens.distractor, 20 / typeValue);
      up?.(0, constant, 1);
      down(dimension, 0, 10);
    }
    const [query, key, value] = ['q', 'k', 'v'].map((name) =>
      put(`${at}.self_attn.${name}_proj.weight`, [4 * headDim, width]),
    );
    const output = put(`${at}.self_attn.o_proj.weight`, [width, 4 * headDim]);
    if (layer !== reading || !query || !key || !value) continue;
    for (const [name, head] of Object.entries(varHeads)) {
      query(head * headDim + slow, constant, Math.sqrt(headDim));
      const own = reads[name as keyof typeof varHeads];
      for (let token = 0; token < vocabulary; token++) {
        const weight = own[token];
        key(head * headDim + slow, typeAt + token, (weight === undefined ? -30 : Math.log(weight)) / typeValue);
      }
    }
    const says = (head: number, slot: number, token: number, word: number, logit: number): void => {
      value(head * headDim + slot, typeAt + token, logit / typeValue);
      output(outAt + word, head * headDim + slot, 1);
    };
    varTokens.objects.forEach((token, at) => says(varHeads.A, at, token, varWords.objects[at] ?? 0, visual));
    // With 0.25 on the cue 0.45 of what A can say; with 0.05 on distractors 0.1 of it.
    says(varHeads.L, 0, varTokens.cue, varWords.usual, (0.45 * visual) / 0.25);
    says(varHeads.L, 1, varTokens.distractor, varWords.wrong, (0.1 * visual) / 0.05);
  }
  return {
    config: {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: width,
      intermediate_size: 4,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      num_key_value_heads: 4,
      head_dim: headDim,
      vocab_size: vocabulary,
      max_position_embeddings: 64,
      rms_norm_eps: 1e-6,
      rope_theta: 1e12,
      hidden_act: 'silu',
      tie_word_embeddings: false,
      torch_dtype: 'float32',
      bos_token_id: varTokens.bos,
      eos_token_id: varWords.end,
    },
    tensors,
  };
}

/** The first token, a "picture" of eight tokens that shows the object `count` times (1 to 3), and a text that ends with the cue. */
export function plantedVarPrompt(object: number, count: number): readonly number[] {
  const { bos, sink, empty, distractor, describe, cue, objects } = varTokens;
  const slots = [0, 1, 2].map((at) => (at < count ? (objects[object] ?? empty) : empty));
  return [bos, sink, distractor, ...slots, distractor, sink, distractor, describe, cue];
}

/** Its picture, its first row of text behind it, and its sinks: the first token, and two of the picture. */
export const plantedPlaces = {
  span: '1-8',
  image: [1, 2, 3, 4, 5, 6, 7, 8],
  behind: 9,
  visual: [1, 7],
  text: [0],
} as const;
