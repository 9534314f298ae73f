/** Architectures of GGUF that read in both directions. Conversion leaves out the head that predicts words, and the projection of a pooler. */
import type { JsonObject } from '../config/config-reader';
import { optional, type GgufArchitecture, type GgufFacts } from './architecture';

const follows = ['attention.causal'];
const dropped = /(^|\.)pooler\.dense\./;

const types = ({ shape }: GgufFacts): JsonObject => optional('type_vocab_size', shape('token_types.weight')?.[0]);

/** The names of DistilBERT, which is converted as a BERT without kinds of tokens. */
const distilled = ({ metadata }: GgufFacts): JsonObject => ({
  ...{ model_type: 'distilbert', architectures: ['DistilBertModel'], activation: 'gelu' },
  ...optional('dim', metadata.ownNumber('embedding_length')),
  ...optional('n_heads', metadata.ownNumber('attention.head_count')),
  ...optional('n_layers', metadata.ownNumber('block_count')),
  ...optional('hidden_dim', metadata.ownNumber('feed_forward_length')),
});

export const encoderArchitectures: Readonly<Record<string, GgufArchitecture>> = {
  // RoBERTa too: conversion cuts off the positions in front of the first.
  bert: {
    follows,
    dropped,
    config: (facts) =>
      facts.has('token_types.weight')
        ? { architectures: ['BertModel'], hidden_act: 'gelu', ...types(facts) }
        : distilled(facts),
  },
  'nomic-bert': {
    follows,
    dropped,
    config: (facts) => ({
      ...{ architectures: ['NomicBertModel'], activation_function: 'swiglu' },
      ...optional('n_embd', facts.metadata.ownNumber('embedding_length')),
      ...optional('n_head', facts.metadata.ownNumber('attention.head_count')),
      ...optional('n_layer', facts.metadata.ownNumber('block_count')),
      ...optional('n_inner', facts.metadata.ownNumber('feed_forward_length')),
      ...optional('n_positions', facts.metadata.ownNumber('context_length')),
      ...optional('rotary_emb_base', facts.metadata.ownNumber('rope.freq_base')),
      qkv_proj_bias: facts.has('blk.0.attn_qkv.bias'),
      mlp_fc1_bias: facts.has('blk.0.ffn_up.bias'),
      mlp_fc2_bias: facts.has('blk.0.ffn_down.bias'),
      ...types(facts),
    }),
  },
  'neo-bert': {
    rotation: 'neighbours',
    follows,
    dropped,
    names: {
      ...{ encoder: 'token_embd', layer_norm: 'enc.output_norm', qkv: 'attn_qkv', wo: 'attn_output' },
      ...{ attention_norm: 'attn_norm', 'ffn.w12': 'ffn_up', 'ffn.w3': 'ffn_down' },
    },
    config: ({ metadata, shape }) => ({
      ...{ model_type: 'neobert', architectures: ['NeoBERT'] },
      // Two thirds of it are units.
      ...optional('intermediate_size', 1.5 * (shape('blk.0.ffn_down.weight')?.[1] ?? 0)),
      ...optional('norm_eps', metadata.ownNumber('attention.layer_norm_rms_epsilon')),
      ...optional('max_length', metadata.ownNumber('context_length')),
    }),
  },
  'modern-bert': {
    follows,
    dropped,
    config: ({ metadata, has }) => ({
      architectures: ['ModernBertModel'],
      hidden_activation: metadata.text(metadata.own('hidden_activation')) ?? 'gelu',
      ...optional('local_attention', metadata.ownNumber('attention.sliding_window')),
      ...optional('global_attn_every_n_layers', metadata.ownNumber('attention.sliding_window_pattern')),
      ...optional('global_rope_theta', metadata.ownNumber('rope.freq_base')),
      ...optional('local_rope_theta', metadata.ownNumber('rope.freq_base_swa')),
      ...{ layer_types: null, rope_parameters: null },
      attention_bias: has('blk.0.attn_qkv.bias'),
      mlp_bias: has('blk.0.ffn_up.bias'),
      norm_bias: has('output_norm.bias'),
    }),
  },
};
