/** Conversions of encoders (conversion/bert.py of llama.cpp, December 2026): heads and poolers are left out. */
import { u32 } from './gguf-file';
import { numberOf, type Config, type Conversion, type Values } from './gguf-conversion-parts';

const both = (names: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(names).flatMap(([from, to]) =>
      ['weight', 'bias'].map((part) => [`${from}.${part}`, `${to}.${part}`] as const),
    ),
  );

const number = (config: Config, key: string): number => numberOf(config, key) ?? 0;

const bert = both({
  'bert.embeddings.word_embeddings': 'token_embd',
  'bert.embeddings.position_embeddings': 'position_embd',
  'bert.embeddings.token_type_embeddings': 'token_types',
  'bert.embeddings.LayerNorm': 'token_embd_norm',
  'bert.encoder.layer.{n}.attention.self.query': 'blk.{n}.attn_q',
  'bert.encoder.layer.{n}.attention.self.key': 'blk.{n}.attn_k',
  'bert.encoder.layer.{n}.attention.self.value': 'blk.{n}.attn_v',
  'bert.encoder.layer.{n}.attention.output.dense': 'blk.{n}.attn_output',
  'bert.encoder.layer.{n}.attention.output.LayerNorm': 'blk.{n}.attn_output_norm',
  'bert.encoder.layer.{n}.intermediate.dense': 'blk.{n}.ffn_up',
  'bert.encoder.layer.{n}.output.dense': 'blk.{n}.ffn_down',
  'bert.encoder.layer.{n}.output.LayerNorm': 'blk.{n}.layer_output_norm',
});

const distilbert = both({
  'distilbert.embeddings.word_embeddings': 'token_embd',
  'distilbert.embeddings.position_embeddings': 'position_embd',
  'distilbert.embeddings.LayerNorm': 'token_embd_norm',
  'distilbert.transformer.layer.{n}.attention.q_lin': 'blk.{n}.attn_q',
  'distilbert.transformer.layer.{n}.attention.k_lin': 'blk.{n}.attn_k',
  'distilbert.transformer.layer.{n}.attention.v_lin': 'blk.{n}.attn_v',
  'distilbert.transformer.layer.{n}.attention.out_lin': 'blk.{n}.attn_output',
  'distilbert.transformer.layer.{n}.sa_layer_norm': 'blk.{n}.attn_output_norm',
  'distilbert.transformer.layer.{n}.ffn.lin1': 'blk.{n}.ffn_up',
  'distilbert.transformer.layer.{n}.ffn.lin2': 'blk.{n}.ffn_down',
  'distilbert.transformer.layer.{n}.output_layer_norm': 'blk.{n}.layer_output_norm',
});

const reads = { 'attention.causal': { bool: false } } as const;
const mean = 1;
const first = 2;

const t5Names = {
  'shared.weight': 'token_embd.weight',
  'lm_head.weight': 'output.weight',
  ...Object.fromEntries(
    (['encoder', 'decoder'] as const).flatMap((stack) => {
      const [short, network] = [stack.slice(0, 3), stack === 'encoder' ? 1 : 2];
      const own = (from: string, to: string) => [`${stack}.blocks.{n}.${from}.weight`, `${short}.blk.{n}.${to}.weight`];
      return [
        [`${stack}.final_layer_norm.weight`, `${short}.output_norm.weight`],
        own('0.layer_norm', 'attn_norm'),
        own(`${network}.layer_norm`, 'ffn_norm'),
        own('0.SelfAttention.relative_attention_bias', 'attn_rel_b'),
        ...['q', 'k', 'v', 'o'].map((map) => own(`0.SelfAttention.${map}`, `attn_${map}`)),
        ...['q', 'k', 'v', 'o'].map((map) => own(`1.EncDecAttention.${map}`, `cross_attn_${map}`)),
        ...(stack === 'decoder' ? [own('1.layer_norm', 'cross_attn_norm')] : []),
        own(`${network}.DenseReluDense.wi`, 'ffn_up'),
        own(`${network}.DenseReluDense.wi_0`, 'ffn_gate'),
        own(`${network}.DenseReluDense.wi_1`, 'ffn_up'),
        own(`${network}.DenseReluDense.wo`, 'ffn_down'),
      ] as [string, string][];
    }),
  ),
};

/** conversion/t5.py; an encoder alone has an architecture of its own. */
const t5 = (architecture: 't5' | 't5encoder'): Conversion => ({
  architecture,
  names: t5Names,
  changes: (name, tensor) => [[name.replace(/\.block\.(\d+)\.layer\./, '.blocks.$1.'), tensor]],
  values: (config): Values => ({
    context_length: u32(512),
    feed_forward_length: u32(number(config, 'd_ff')),
    block_count: u32(number(config, 'num_layers')),
    'attention.head_count': u32(number(config, 'num_heads')),
    'attention.head_count_kv': u32(number(config, 'num_heads')),
    'attention.key_length': u32(number(config, 'd_kv')),
    'attention.value_length': u32(number(config, 'd_kv')),
    'attention.layer_norm_rms_epsilon': { f32: number(config, 'layer_norm_epsilon') },
    'attention.relative_buckets_count': u32(number(config, 'relative_attention_num_buckets')),
    ...(architecture === 't5'
      ? {
          decoder_block_count: u32(number(config, 'num_decoder_layers')),
          decoder_start_token_id: u32(number(config, 'decoder_start_token_id')),
        }
      : {}),
  }),
});

export const encoderConversions: Readonly<Record<string, Conversion>> = {
  bert: {
    architecture: 'bert',
    names: bert,
    changes: (name, tensor) => (/^cls\.|pooler/.test(name) ? [] : [[name, tensor]]),
    values: () => ({ ...reads, pooling_type: u32(mean) }),
  },
  roberta: {
    architecture: 'bert',
    names: bert,
    changes: (name, tensor, config) => {
      if (/^lm_head\.|pooler/.test(name)) return [];
      const own = name.replace(/^roberta\./, 'bert.');
      if (!name.endsWith('position_embeddings.weight')) return [[own, tensor]];
      const [rows = 0, width = 0] = tensor.shape;
      const cut = number(config, 'pad_token_id') + 1;
      return [[own, { shape: [rows - cut, width], data: tensor.data.subarray(cut * width) }]];
    },
    values: (config) => ({
      ...reads,
      pooling_type: u32(first),
      context_length: u32(number(config, 'max_position_embeddings') - number(config, 'pad_token_id') - 1),
    }),
  },
  distilbert: {
    architecture: 'bert',
    names: distilbert,
    changes: (name, tensor) => (/vocab_/.test(name) ? [] : [[name, tensor]]),
    values: (config): Values => ({
      ...reads,
      'attention.layer_norm_epsilon': { f32: 1e-12 },
      embedding_length: u32(number(config, 'dim')),
      block_count: u32(number(config, 'n_layers')),
      feed_forward_length: u32(number(config, 'hidden_dim')),
      'attention.head_count': u32(number(config, 'n_heads')),
    }),
  },
  nomic_bert: {
    architecture: 'nomic-bert',
    names: both({
      'bert.embeddings.word_embeddings': 'token_embd',
      'bert.embeddings.token_type_embeddings': 'token_types',
      'bert.emb_ln': 'token_embd_norm',
      'bert.encoder.layers.{n}.attn.Wqkv': 'blk.{n}.attn_qkv',
      'bert.encoder.layers.{n}.attn.out_proj': 'blk.{n}.attn_output',
      'bert.encoder.layers.{n}.norm1': 'blk.{n}.attn_output_norm',
      'bert.encoder.layers.{n}.mlp.fc11': 'blk.{n}.ffn_up',
      'bert.encoder.layers.{n}.mlp.fc12': 'blk.{n}.ffn_gate',
      'bert.encoder.layers.{n}.mlp.fc2': 'blk.{n}.ffn_down',
      'bert.encoder.layers.{n}.norm2': 'blk.{n}.layer_output_norm',
    }),
    changes: (name, tensor) => (/^cls\./.test(name) ? [] : [[name, tensor]]),
    values: (config) => ({
      ...reads,
      pooling_type: u32(mean),
      'rope.freq_base': { f32: number(config, 'rotary_emb_base') },
    }),
  },
  neobert: {
    architecture: 'neo-bert',
    names: both({
      encoder: 'token_embd',
      layer_norm: 'enc.output_norm',
      'transformer_encoder.{n}.attention_norm': 'blk.{n}.attn_norm',
      'transformer_encoder.{n}.qkv': 'blk.{n}.attn_qkv',
      'transformer_encoder.{n}.wo': 'blk.{n}.attn_output',
      'transformer_encoder.{n}.ffn_norm': 'blk.{n}.ffn_norm',
      'transformer_encoder.{n}.ffn.w12': 'blk.{n}.ffn_up',
      'transformer_encoder.{n}.ffn.w3': 'blk.{n}.ffn_down',
    }),
    values: (config) => ({
      ...reads,
      pooling_type: u32(first),
      context_length: u32(number(config, 'max_length')),
      feed_forward_length: u32(Math.trunc((2 * number(config, 'intermediate_size')) / 3)),
      'rope.freq_base': { f32: 10000 },
      'attention.layer_norm_rms_epsilon': { f32: number(config, 'norm_eps') },
    }),
  },
  modernbert: {
    architecture: 'modern-bert',
    names: {
      'model.embeddings.tok_embeddings.weight': 'token_embd.weight',
      'model.embeddings.norm.weight': 'token_embd_norm.weight',
      'model.final_norm.weight': 'output_norm.weight',
      'model.layers.{n}.attn_norm.weight': 'blk.{n}.attn_norm.weight',
      'model.layers.{n}.attn.Wqkv.weight': 'blk.{n}.attn_qkv.weight',
      'model.layers.{n}.attn.Wo.weight': 'blk.{n}.attn_output.weight',
      'model.layers.{n}.mlp_norm.weight': 'blk.{n}.ffn_norm.weight',
      'model.layers.{n}.mlp.Wi.weight': 'blk.{n}.ffn_up.weight',
      'model.layers.{n}.mlp.Wo.weight': 'blk.{n}.ffn_down.weight',
    },
    changes: (name, tensor) => (/^(decoder|head)\./.test(name) ? [] : [[name, tensor]]),
    values: (config) => ({
      ...reads,
      pooling_type: u32(first),
      'attention.sliding_window': u32(number(config, 'local_attention')),
      'attention.sliding_window_pattern': u32(number(config, 'global_attn_every_n_layers')),
      'rope.freq_base_swa': {
        f32: number((config['rope_parameters'] as Config)['sliding_attention'] as Config, 'rope_theta'),
      },
      'attention.layer_norm_epsilon': { f32: number(config, 'norm_eps') },
      hidden_activation: 'gelu',
    }),
  },
  t5: t5('t5'),
  umt5: t5('t5'),
  T5EncoderModel: t5('t5encoder'),
};
