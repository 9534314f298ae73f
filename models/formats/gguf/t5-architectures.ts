/** T5, MT5 and UMT5, and their encoder alone. Their files have two stacks with names of their own (conversion/t5.py of llama.cpp, December 2026). */
import type { JsonObject } from '../config/config-reader';
import { optional, type GgufArchitecture, type GgufFacts } from './architecture';
import type { GgufPlace } from './tensor-names';

const ofModel: Readonly<Record<string, string>> = {
  ...{ shared: 'token_embd', 'encoder.embed_tokens': 'token_embd', 'decoder.embed_tokens': 'token_embd' },
  ...{ 'encoder.final_layer_norm': 'enc.output_norm', 'decoder.final_layer_norm': 'dec.output_norm' },
  lm_head: 'output',
};

/** By the stack that has them; the layers of a decoder have cross-attention between attention and network. */
const ofBlock: Readonly<Record<string, readonly string[]>> = {
  encoder: ['attn_norm', 'ffn_norm'],
  decoder: ['attn_norm', 'cross_attn_norm', 'ffn_norm'],
};

const ofAttention: Readonly<Record<string, string>> = {
  ...{ q: 'attn_q', k: 'attn_k', v: 'attn_v', o: 'attn_o', relative_attention_bias: 'attn_rel_b' },
};

const ofNetwork: Readonly<Record<string, string>> = { wi: 'ffn_up', wi_0: 'ffn_gate', wi_1: 'ffn_up', wo: 'ffn_down' };

const blockName = /^(encoder|decoder)\.block\.(\d{1,6})\.layer\.(\d)\.(?:(\w+)\.)?(\w+)\.weight$/;

const own = (table: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

function placeInT5(tensor: string): GgufPlace | undefined {
  const [whole, stack = '', block = '', part = '', module, name = ''] = blockName.exec(tensor) ?? [];
  if (whole === undefined) {
    const stem = own(ofModel, tensor.replace(/\.weight$/, ''));
    return stem === undefined ? undefined : { name: `${stem}.weight` };
  }
  const attention = own(ofAttention, name);
  const stem =
    module === undefined
      ? ofBlock[stack]?.[Number(part)]
      : module === 'DenseReluDense'
        ? own(ofNetwork, name)
        : attention && (module === 'EncDecAttention' ? `cross_${attention}` : attention);
  return stem === undefined ? undefined : { name: `${stack.slice(0, 3)}.blk.${block}.${stem}.weight` };
}

/** Each layer of UMT5 has its table of positions. */
const isUmt5 = ({ has }: GgufFacts): boolean => has('enc.blk.1.attn_rel_b.weight');

/** The farthest position that has a place of its own among the buckets. */
const farthest = 128;

const config = (facts: GgufFacts): JsonObject => ({
  ...(isUmt5(facts) ? { model_type: 'umt5' } : {}),
  ...keysOf(facts),
});

const keysOf = ({ metadata, has }: GgufFacts): JsonObject => ({
  ...optional('d_model', metadata.ownNumber('embedding_length')),
  ...optional('relative_attention_num_buckets', metadata.ownNumber('attention.relative_buckets_count')),
  ...optional('layer_norm_epsilon', metadata.ownNumber('attention.layer_norm_rms_epsilon')),
  ...optional('decoder_start_token_id', metadata.ownNumber('decoder_start_token_id')),
  // llama.cpp has no key for these two.
  relative_attention_max_distance: farthest,
  feed_forward_proj: has('enc.blk.0.ffn_gate.weight') ? 'gated-gelu' : 'relu',
});

/** MT5 and T5 have the same tensors, but MT5 does not scale what a language head reads that is the embedding too. */
const assumed = (facts: GgufFacts): readonly string[] => [
  `A GGUF file of T5 does not say which relative position is the farthest that is told apart. Headscope takes ${farthest}, as llama.cpp does.`,
  ...(facts.has('dec.output_norm.weight') && !facts.has('output.weight') && !isUmt5(facts)
    ? [
        'The language head is the embedding, and the file does not tell T5 from MT5. Headscope reads it as T5, which scales the input of that head. If the model is an MT5, use its safetensors.',
      ]
    : []),
];

const t5: GgufArchitecture = {
  place: placeInT5,
  // Files of the first T5 have a table of cross-attention, which its class does not read.
  idle: /\.cross_attn_rel_b\.weight$/,
  assumed,
  config,
};

export const t5Architectures: Readonly<Record<string, GgufArchitecture>> = { t5, t5encoder: t5 };
