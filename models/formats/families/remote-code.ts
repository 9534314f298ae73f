import { decoderFamily } from './decoder-family';
import { flag } from './family';
import { llamaLayout } from './llama';

/**
 * Families that are published with their own modelling code and are in no library: their files give every size, so there
 * are no defaults beyond those of that code.
 */

/** The first Qwen. Its intermediate_size is the width of gate and value together. */
export const qwen = decoderFamily({
  id: 'qwen',
  title: 'Qwen',
  types: { qwen: ['QWenConfig (remote code)', { no_bias: true, tie_word_embeddings: false, rotary_emb_base: 10000 }] },
  record: ['no_bias'],
  choice: (reader) => {
    const both = reader.integer('intermediate_size') ?? 0;
    return { intermediateSize: Math.floor(both / 2) };
  },
  layout: {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'h.{layer}.',
    attention: {
      prefix: 'attn.',
      projections: ['c_attn'],
      output: 'c_proj',
      inputBias: true,
      outputBias: (part) => !flag(part, 'no_bias', true),
    },
    mlp: { prefix: 'mlp.', inputs: ['w1', 'w2'], output: 'c_proj', bias: (part) => !flag(part, 'no_bias', true) },
    norms: ['ln_1', 'ln_2'],
    finalNorm: 'ln_f',
  },
});

/** Rotary in the 7B models, ALiBi in the 13B ones, which differ in their width alone. */
export const baichuan = decoderFamily({
  id: 'baichuan',
  title: 'Baichuan',
  types: { baichuan: ['BaichuanConfig (remote code)', { tie_word_embeddings: false }] },
  choice: (reader) => ({ positions: reader.integer('hidden_size') === 5120 ? 'alibi' : 'rope', norm: 'rms' }),
  layout: {
    ...llamaLayout,
    attention: { prefix: 'self_attn.', projections: ['W_pack'], output: 'o_proj' },
  },
});

export const internLm2 = decoderFamily({
  id: 'internlm2',
  title: 'InternLM2',
  types: { internlm2: ['InternLM2Config (remote code)', { bias: true, tie_word_embeddings: false }] },
  record: ['bias'],
  choice: () => ({ norm: 'rms' }),
  layout: {
    root: 'model.',
    embedding: 'tok_embeddings',
    layer: 'layers.{layer}.',
    attention: {
      prefix: 'attention.',
      projections: ['wqkv'],
      output: 'wo',
      inputBias: (part) => flag(part, 'bias'),
      outputBias: (part) => flag(part, 'bias'),
    },
    mlp: { prefix: 'feed_forward.', inputs: ['w1', 'w3'], output: 'w2' },
    norms: ['attention_norm', 'ffn_norm'],
    finalNorm: 'norm',
    head: 'output',
  },
});
