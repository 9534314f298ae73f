/**
 * The names under which the classes of transformers (4.57 and 5.x, `configuration_<type>.py`, November 2026) read what
 * families call differently. A name counts as read where the class has it as an argument or in its attribute_map.
 */
export type Sense = 'hidden' | 'heads' | 'kvHeads' | 'layers' | 'inner' | 'context';

/** What other families call the same thing. */
export const namesOfSense: Readonly<Record<Sense, readonly string[]>> = {
  hidden: ['hidden_size', 'd_model', 'n_embd', 'n_embed', 'dim', 'model_dim'],
  heads: ['num_attention_heads', 'n_head', 'n_heads', 'num_heads'],
  kvHeads: [
    'num_key_value_heads',
    'num_kv_heads',
    'n_kv_heads',
    'n_head_kv',
    'multi_query_group_num',
    'num_query_groups',
  ],
  layers: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'],
  inner: ['intermediate_size', 'n_inner', 'd_ff', 'ffn_dim', 'ffn_hidden_size', 'hidden_dim'],
  context: [
    'max_position_embeddings',
    'n_positions',
    'n_ctx',
    'max_seq_len',
    'max_sequence_length',
    'seq_length',
    'context_length',
  ],
};

/** The names that a class reads, the one that it saves first. A sense that is absent is not claimed anything about. */
type Reads = Partial<Readonly<Record<Sense, readonly [string, ...string[]]>>>;

const encoder: Reads = {
  hidden: ['hidden_size'],
  heads: ['num_attention_heads'],
  layers: ['num_hidden_layers'],
  inner: ['intermediate_size'],
  context: ['max_position_embeddings'],
};
const decoder: Reads = { ...encoder, kvHeads: ['num_key_value_heads'] };
const patches: Reads = {
  hidden: ['hidden_size'],
  heads: ['num_attention_heads'],
  layers: ['num_hidden_layers'],
};
const gpt2: Reads = {
  hidden: ['n_embd', 'hidden_size'],
  heads: ['n_head', 'num_attention_heads'],
  layers: ['n_layer', 'num_hidden_layers'],
  inner: ['n_inner'],
  context: ['n_positions', 'max_position_embeddings'],
};
const t5: Reads = {
  hidden: ['d_model', 'hidden_size'],
  heads: ['num_heads', 'num_attention_heads'],
  layers: ['num_layers', 'num_hidden_layers'],
  inner: ['d_ff'],
};
/** Two numbers for each of heads, layers and inner width: which one a wrong name means is open. */
const encoderDecoder: Reads = { hidden: ['d_model', 'hidden_size'], context: ['max_position_embeddings'] };

const groups: readonly (readonly [Reads, readonly string[]])[] = [
  [
    decoder,
    [
      'apertus',
      'arcee',
      'bamba',
      'bitnet',
      'cohere',
      'cohere2',
      'dots1',
      'ernie4_5',
      'exaone4',
      'exaone4_5_text',
      'falcon_h1',
      'gemma',
      'gemma2',
      'gemma3_text',
      'gemma4_text',
      'glm',
      'glm4',
      'glm4_moe',
      'glm4v_text',
      'gpt_oss',
      'granite',
      'granitemoe',
      'granitemoehybrid',
      'helium',
      'hunyuan_v1_dense',
      'hunyuan_v1_moe',
      'jamba',
      'llama',
      'llama4_text',
      'mimo',
      'minimax',
      'minimax_m2',
      'ministral',
      'ministral3',
      'mistral',
      'mixtral',
      'mllama_text_model',
      'nemotron',
      'olmo',
      'olmo2',
      'olmo3',
      'olmoe',
      'phi',
      'phi3',
      'phimoe',
      'qwen2',
      'qwen2_5_omni_text',
      'qwen2_5_vl_text',
      'qwen2_moe',
      'qwen2_vl_text',
      'qwen3',
      'qwen3_5_moe_text',
      'qwen3_5_text',
      'qwen3_moe',
      'qwen3_next',
      'qwen3_vl_moe_text',
      'qwen3_vl_text',
      'seed_oss',
      'smollm3',
      'stablelm',
      'starcoder2',
    ],
  ],
  [
    encoder,
    [
      'albert',
      'bert',
      'camembert',
      'deberta-v2',
      'deepseek_v2',
      'deepseek_v3',
      'deepseek_v32',
      'electra',
      'gpt_neox',
      'longformer',
      'modernbert',
      'mpnet',
      'persimmon',
      'roberta',
      'xlm-roberta',
      'zamba2',
    ],
  ],
  [patches, ['beit', 'deit', 'dinov2', 'vit']],
  [gpt2, ['codegen', 'gpt2', 'gpt_bigcode', 'gptj']],
  [t5, ['mt5', 't5', 'umt5']],
  [encoderDecoder, ['bart', 'm2m_100', 'marian', 'mbart', 'pegasus', 'whisper']],
];

/** By model type. */
export const readsOfType: ReadonlyMap<string, Reads> = new Map<string, Reads>([
  ...groups.flatMap(([reads, types]) => types.map((type) => [type, reads] as const)),
  // Its inner width goes by block_ff_dim as well.
  ['lfm2', { ...patches, kvHeads: ['num_key_value_heads'], context: ['max_position_embeddings'] }],
  ['opt', { ...encoder, inner: ['ffn_dim'] }],
  [
    'falcon',
    {
      hidden: ['hidden_size', 'n_embed'],
      heads: ['num_attention_heads'],
      kvHeads: ['num_kv_heads'],
      layers: ['num_hidden_layers'],
      inner: ['ffn_hidden_size'],
    },
  ],
  [
    'bloom',
    {
      hidden: ['hidden_size', 'n_embed'],
      heads: ['n_head', 'num_attention_heads'],
      layers: ['n_layer', 'num_hidden_layers'],
    },
  ],
  [
    'mpt',
    {
      hidden: ['d_model', 'hidden_size'],
      heads: ['n_heads', 'num_attention_heads'],
      layers: ['n_layers', 'num_hidden_layers'],
      context: ['max_seq_len'],
    },
  ],
  [
    'gpt_neo',
    {
      hidden: ['hidden_size'],
      heads: ['num_heads', 'num_attention_heads'],
      layers: ['num_layers', 'num_hidden_layers'],
      inner: ['intermediate_size'],
      context: ['max_position_embeddings'],
    },
  ],
  [
    'distilbert',
    {
      hidden: ['dim', 'hidden_size'],
      heads: ['n_heads', 'num_attention_heads'],
      layers: ['n_layers', 'num_hidden_layers'],
      inner: ['hidden_dim'],
      context: ['max_position_embeddings'],
    },
  ],
]);
