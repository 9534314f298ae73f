import { classTable } from './class-defaults';

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

/** By model type. */
export const readsOfType: ReadonlyMap<string, Reads> = new Map(
  classTable.names.flatMap(({ reads, types }) => types.map((type) => [type, reads as Reads] as const)),
);
