import type { DescriptionProblem, Field, JsonPath, JsonValue, ValueSource } from '../model-description';
import type { Defaults } from './class-defaults';
import { readsOfType } from './field-names';

export type JsonObject = Readonly<Record<string, JsonValue | undefined>>;

/**
 * Names under which families write the same thing, keyed by the commonest. The first name present in the file is read;
 * files that write two of them (Falcon conversions, LFM2) repeat the value.
 */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  hidden_size: ['hidden_size', 'n_embd', 'n_embed', 'd_model', 'dim', 'emb_dim', 'model_dim', 'embed_dim', 'width'],
  num_hidden_layers: [
    'num_hidden_layers',
    'n_layer',
    'n_layers',
    'num_layers',
    'num_transformer_layers',
    'depth',
    'layers',
    'encoder_layers',
    'decoder_layers',
  ],
  num_attention_heads: [
    'num_attention_heads',
    'n_head',
    'n_heads',
    'num_heads',
    'num_query_heads',
    'attention_heads',
    'heads',
    'encoder_attention_heads',
    'decoder_attention_heads',
  ],
  num_key_value_heads: [
    'num_key_value_heads',
    'num_kv_heads',
    'n_head_kv',
    'n_kv_heads',
    'kv_n_heads',
    'multi_query_group_num',
  ],
  head_dim: ['head_dim', 'attention_head_dim', 'kv_channels', 'd_kv'],
  v_head_dim: ['v_head_dim', 'value_head_dim'],
  intermediate_size: [
    'intermediate_size',
    'ffn_hidden_size',
    'ffn_dim',
    'd_ff',
    'n_inner',
    'hidden_dim',
    'ffn_size',
    'inner_hidden_size',
    'encoder_ffn_dim',
    'decoder_ffn_dim',
  ],
  max_position_embeddings: [
    'max_position_embeddings',
    'n_positions',
    'n_ctx',
    'seq_length',
    'max_seq_len',
    'max_sequence_length',
    'max_context_length',
    'context_length',
    'model_max_length',
  ],
  vocab_size: ['vocab_size', 'n_words', 'n_token', 'padded_vocab_size', 'embedding_size_vocab'],
  hidden_act: [
    'hidden_act',
    'hidden_activation',
    'activation_function',
    'activation',
    'dense_act_fn',
    'mlp_hidden_act',
  ],
  norm_epsilon: [
    'rms_norm_eps',
    'layer_norm_eps',
    'layer_norm_epsilon',
    'norm_eps',
    'norm_epsilon',
    'layernorm_epsilon',
  ],
  rope_theta: ['rope_theta', 'rotary_emb_base', 'rotary_base', 'rope_base', 'global_rope_theta'],
  partial_rotary_factor: ['partial_rotary_factor', 'rotary_pct', 'rope_pct', 'rotary_percent'],
  num_experts: ['num_local_experts', 'num_experts', 'n_routed_experts', 'moe_num_experts', 'num_routed_experts'],
  num_experts_per_tok: [
    'num_experts_per_tok',
    'num_experts_per_token',
    'moe_topk',
    'top_k_experts',
    'moe_top_k',
    'moe_k',
    'experts_per_token',
    'num_selected_experts',
  ],
  moe_intermediate_size: ['moe_intermediate_size', 'expert_ffn_hidden_size', 'expert_intermediate_size'],
  n_shared_experts: ['n_shared_experts', 'num_shared_experts', 'num_shared_expert', 'moe_num_shared_experts'],
  shared_expert_intermediate_size: [
    'shared_expert_intermediate_size',
    'shared_intermediate_size',
    'moe_shared_expert_intermediate_size',
  ],
  num_channels: ['num_channels', 'in_channels', 'in_chans', 'channels'],
};

/** The names under which files write what is commonly called `key`. */
export const namesOf = (key: string): readonly string[] => synonyms[key] ?? [key];

/** No published model is near these; larger numbers would only make loops and lists endless. */
export const largestInteger = 1e13;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const formatPath = (path: JsonPath): string => path.join('.');

export const positiveSentence = (name: string, value: number, orZero = false): string =>
  `${name} should be a number ${orZero ? 'of at least 0' : 'above 0'}, and is ${value}.`;

const tooLargeSentence = (name: string, value: number): string =>
  `${name} is ${value}, and float32 holds at most 3.4e38.`;

/** What was reported already, by the list it went to: several readers of one file share a list. */
const reported = new WeakMap<readonly DescriptionProblem[], Set<string>>();
/** A file with more wrong places than this is no config; the rest would only cost time. */
const mostProblems = 500;

/** Reads one object of a config with its family's defaults, and keeps where every value came from. */
export class ConfigReader {
  private readonly known = new Map<string, JsonValue | undefined>();

  constructor(
    readonly object: JsonObject,
    readonly path: JsonPath,
    readonly problems: DescriptionProblem[],
    private readonly defaults?: Defaults,
    readonly fields: Record<string, Field> = {},
  ) {}

  /** The same object with the defaults of another family. */
  withDefaults(defaults: Defaults | undefined): ConfigReader {
    return new ConfigReader(this.object, this.path, this.problems, defaults);
  }

  /**
   * The same object as a class with these keys reads it: what it does not have, it ignores in silence. Code of a repository's own
   * may read more, and so may a family that a `.headscope.json` describes.
   */
  ofClass(has: (key: string) => boolean): ConfigReader {
    if (this.object['auto_map'] !== undefined || this.defaults?.keys !== undefined) return this;
    const read = Object.entries(this.object).filter(([key, value]) => has(key) || isObject(value));
    return new ConfigReader(Object.fromEntries(read), this.path, this.problems, this.defaults, this.fields);
  }

  /** Whether the file itself has the key. */
  has(key: string): boolean {
    return this.object[key] !== undefined;
  }

  /**
   * The names under which the file may say it. Key/value heads under a name that the class does not read are ignored in silence
   * by loaders (a llama with `num_kv_heads`), and so here; code of its own may read them.
   */
  private candidates(key: string): readonly string[] {
    const type = this.object['model_type'];
    if (key !== 'num_key_value_heads' || typeof type !== 'string' || this.object['auto_map'] !== undefined)
      return namesOf(key);
    return readsOfType.get(type)?.kvHeads ?? namesOf(key);
  }

  /** The name under which `key` is present in the file. */
  nameOf(key: string): string | undefined {
    const { keys = {} } = this.defaults ?? {};
    const own = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (own !== undefined && this.object[own] !== undefined) return own;
    return this.candidates(key).find((name, rank) => {
      const value = this.object[name];
      // Short names such as `width` or `layers` may hold objects that have nothing to do with the size.
      return value !== undefined && (rank === 0 || !isObject(value));
    });
  }

  /** The value in the file or the default; records it. A null in the file is kept: it unsets the default. */
  raw(key: string): JsonValue | undefined {
    // Per-layer rules ask for the same keys again and again.
    if (!this.known.has(key)) this.known.set(key, this.lookUp(key));
    return this.known.get(key);
  }

  private lookUp(key: string): JsonValue | undefined {
    const name = this.nameOf(key);
    if (name !== undefined) {
      const value = this.object[name] as JsonValue;
      this.fields[name] = { value, source: { kind: 'file', path: [...this.path, name] } };
      return value;
    }
    return this.fallback(key);
  }

  private fallback(key: string): JsonValue | undefined {
    if (this.defaults === undefined) return undefined;
    const { values, from } = this.defaults;
    const name = namesOf(key).find((candidate) => values[candidate] !== undefined);
    if (name === undefined) return undefined;
    const value = values[name] as JsonValue;
    this.fields[name] = { value, source: { kind: 'default', from } };
    return value;
  }

  source(key: string): ValueSource | undefined {
    return [this.nameOf(key) ?? key, ...namesOf(key)]
      .map((name) => this.fields[name]?.source)
      .find((source) => source !== undefined);
  }

  derive(key: string, value: JsonValue, rule: string): void {
    this.fields[key] = { value, source: { kind: 'derived', rule } };
  }

  private typed<T extends JsonValue>(key: string, expected: string, accepts: (value: JsonValue) => value is T) {
    const value = this.raw(key);
    if (value === undefined || value === null) return undefined;
    if (accepts(value)) return value;
    const name = this.nameOf(key);
    if (name === undefined) return undefined;
    this.report([...this.path, name], 'wrong-type', `${name} should be ${expected}, and is ${describe(value)}.`);
    const other = this.fallback(key);
    return other !== undefined && other !== null && accepts(other) ? other : undefined;
  }

  report(path: JsonPath, code: DescriptionProblem['code'], message: string): void {
    let known = reported.get(this.problems);
    if (known === undefined) reported.set(this.problems, (known = new Set()));
    const key = `${code} ${formatPath(path)}`;
    if (known.has(key) || known.size >= mostProblems) return;
    known.add(key);
    this.problems.push({ path, code, message });
  }

  /** Models compute in float32 at most, so a number that it does not hold is none of theirs. */
  number(key: string): number | undefined {
    const value = this.typed(
      key,
      'a number',
      (each): each is number => typeof each === 'number' && Number.isFinite(each),
    );
    if (value === undefined || Number.isFinite(Math.fround(value))) return value;
    const name = this.nameOf(key) ?? key;
    this.report([...this.path, name], 'out-of-range', tooLargeSentence(name, value));
    return undefined;
  }

  /** A number above 0 or, with `orZero`, of at least 0: bases, factors, what is added to a variance. */
  positive(key: string, orZero = false): number | undefined {
    const value = this.number(key);
    if (value === undefined || value > 0 || (orZero && value === 0)) return value;
    const name = this.nameOf(key) ?? key;
    this.report([...this.path, name], 'out-of-range', positiveSentence(name, value, orZero));
    return undefined;
  }

  /** A count or size: a whole number of at least 0 (or `least`). */
  integer(key: string, least = 0): number | undefined {
    const value = this.number(key);
    if (value === undefined) return undefined;
    if (Number.isInteger(value) && value >= least && value <= largestInteger) return value;
    const name = this.nameOf(key) ?? key;
    this.report(
      [...this.path, name],
      'out-of-range',
      `${name} should be a whole number from ${least}, and is ${value}.`,
    );
    return undefined;
  }

  /** A number for every layer, or one number for all (OpenELM, Hunyuan). */
  integerAt(key: string, index: number): number | undefined {
    const value = this.raw(key);
    if (!Array.isArray(value)) return this.integer(key);
    const item: unknown = (value as readonly JsonValue[])[index];
    return typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= largestInteger ? item : undefined;
  }

  boolean(key: string): boolean | undefined {
    return this.typed(key, 'true or false', (value): value is boolean => typeof value === 'boolean');
  }

  string(key: string): string | undefined {
    return this.typed(key, 'a string', (value): value is string => typeof value === 'string');
  }

  list(key: string): readonly JsonValue[] | undefined {
    return this.typed(key, 'a list', (value): value is readonly JsonValue[] => Array.isArray(value));
  }

  numbers(key: string): readonly number[] | undefined {
    return this.list(key)?.filter((item): item is number => typeof item === 'number');
  }

  strings(key: string): readonly string[] | undefined {
    return this.list(key)?.filter((item): item is string => typeof item === 'string');
  }

  child(key: string): ConfigReader | undefined {
    const value = this.object[key];
    return isObject(value) ? new ConfigReader(value, [...this.path, key], this.problems) : undefined;
  }

  /** The object under `key`, or an empty one that the family's defaults fill. */
  childOrEmpty(key: string): ConfigReader {
    return this.child(key) ?? new ConfigReader({}, [...this.path, key], this.problems);
  }
}

export function describe(value: JsonValue): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return `the string "${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`;
  return String(value);
}
