import type { AttentionKind, JsonValue } from '../model-description';
import type { ConfigReader } from './config-reader';

export interface LayerKind {
  readonly kind: AttentionKind;
  /** `moe` and `mlp` layers of hybrid stacks have a feed-forward network and nothing else; mixers may have none. */
  readonly feedForward?: 'dense' | 'experts' | 'none';
  /** A recurrent mixer beside the attention, with a state of its own. */
  readonly mixer?: true;
  readonly note?: string;
}

const full: LayerKind = { kind: 'full' };

/** Attention and a state-space mixer in one layer (Falcon-H1, Zamba2). */
export const besideMixer: LayerKind = { kind: 'full', mixer: true, note: 'a state-space mixer beside the attention' };

/** Words for a layer in `layer_types`, `layers_block_type`, `block_types` and in pattern strings, as published. */
const words: Readonly<Record<string, LayerKind>> = {
  full_attention: full,
  attention: full,
  global_attention: full,
  global: full,
  full: full,
  hybrid: besideMixer,
  sliding_attention: { kind: 'window' },
  sliding_window: { kind: 'window' },
  sliding_window_attention: { kind: 'window' },
  local_attention: { kind: 'window' },
  local: { kind: 'window' },
  swa: { kind: 'window' },
  chunked_attention: { kind: 'chunked' },
  linear_attention: { kind: 'linear' },
  gated_deltanet: { kind: 'linear' },
  recurrent: { kind: 'linear', note: 'a gated linear recurrence' },
  mamba: { kind: 'mamba' },
  mamba2: { kind: 'mamba' },
  conv: { kind: 'none', note: 'a short convolution' },
  deepseek_sparse_attention: full,
  indexed_attention: full,
  qwen_sparse_attention: full,
  minimax_m3_sparse: full,
  hybrid_sliding: { kind: 'window', note: 'a state-space mixer beside the attention' },
  compressed_sparse_attention: full,
  heavily_compressed_attention: full,
  moe: { kind: 'none', feedForward: 'experts' },
  mlp: { kind: 'none', feedForward: 'dense' },
};

const letters: Readonly<Record<string, LayerKind>> = {
  M: { kind: 'mamba', feedForward: 'none' },
  '*': { kind: 'full', feedForward: 'none' },
  E: { kind: 'none', feedForward: 'experts' },
  '-': { kind: 'none', feedForward: 'dense' },
};

/** The list or pattern that says how many layers there are, where the file gives no number (Nemotron-H). */
export function layerCountFromLists(reader: ConfigReader): number | undefined {
  const list = reader.list('layers_block_type') ?? reader.list('layer_types');
  if (list !== undefined) return list.length;
  return reader.string('hybrid_override_pattern')?.length;
}

/**
 * What each layer does, from whichever of the published notations the file uses. `windowed` gives the default rule of the
 * family when no notation is present: which layers have the window, given that there is one.
 */
export function readLayerKinds(
  reader: ConfigReader,
  count: number,
  windowed: (index: number) => boolean,
): readonly LayerKind[] {
  const each = (kind: (index: number) => LayerKind): readonly LayerKind[] =>
    Array.from({ length: count }, (_, index) => kind(index));

  for (const key of ['layer_types', 'layers_block_type', 'attention_layers', 'block_types', '_block_types']) {
    if (!Array.isArray(reader.object[key])) continue;
    const list = reader.list(key) ?? [];
    const cyclic = key.endsWith('block_types') && list.length > 0;
    // RecurrentGemma: where attention alternates with recurrences it is local.
    const local = cyclic && reader.has('attention_window_size');
    if (!cyclic && list.length < count)
      reader.report(
        [...reader.path, key],
        'out-of-range',
        `${key} names ${list.length} layers, and the model has ${count}.`,
      );
    const alone = key === 'layers_block_type' && list.some((item) => item === 'moe' || item === 'mlp');
    return each((index) => {
      const word = list[cyclic ? index % list.length : index];
      if (word === undefined) return full;
      const known = typeof word === 'string' ? words[word] : undefined;
      if (known === undefined) {
        const shown = typeof word === 'string' ? `"${word}"` : typeof word;
        reader.report([...reader.path, key, index], 'unknown-value', `${shown} is not a layer type known here.`);
        return full;
      }
      if (local && known.kind === 'full') return { kind: 'window' };
      return alone && known.feedForward === undefined ? { ...known, feedForward: 'none' } : known;
    });
  }

  const pairs = Array.isArray(reader.object['attention_types']) ? reader.list('attention_types') : undefined;
  if (pairs !== undefined) {
    const types = expandTypes(pairs);
    return each((index) => words[types[index] ?? 'global'] ?? full);
  }

  const global = reader.has('global_attn_indexes') ? reader.numbers('global_attn_indexes') : undefined;
  if (global !== undefined) return each((index) => (global.includes(index) ? full : { kind: 'window' }));

  const pattern =
    typeof reader.object['hybrid_override_pattern'] === 'string' ? reader.string('hybrid_override_pattern') : undefined;
  if (pattern !== undefined) return each((index) => letters[pattern[index] ?? ''] ?? full);

  const fullAt = reader.has('full_attn_idxs') ? reader.numbers('full_attn_idxs') : undefined;
  if (fullAt !== undefined) {
    return each((index) => (fullAt.includes(index) ? full : { kind: 'none', note: 'a short convolution' }));
  }
  const linear = reader.child('linear_attn_config');
  const fullFromOne = linear?.numbers('full_attn_layers');
  if (fullFromOne !== undefined) {
    return each((index) => (fullFromOne.includes(index + 1) ? full : { kind: 'linear' }));
  }
  const attentionAt = reader.has('attn_layer_indices') ? reader.numbers('attn_layer_indices') : undefined;
  if (attentionAt !== undefined) return each((index) => (attentionAt.includes(index) ? full : { kind: 'mamba' }));

  const typeNumbers = reader.has('attn_type_list') ? reader.numbers('attn_type_list') : undefined;
  if (typeNumbers !== undefined) return each((index) => (typeNumbers[index] === 0 ? { kind: 'linear' } : full));

  const hybrid = reader.has('hybrid_layer_pattern') ? reader.numbers('hybrid_layer_pattern') : undefined;
  if (hybrid !== undefined) return each((index) => (hybrid[index] === 1 ? { kind: 'window' } : full));

  const period = reader.integer('attn_layer_period', 1);
  if (period !== undefined) {
    const offset = reader.integer('attn_layer_offset') ?? 0;
    return each((index) => (index % period === offset ? full : { kind: 'mamba' }));
  }
  const interval = reader.integer('full_attention_interval', 1);
  if (interval !== undefined) return each((index) => ((index + 1) % interval === 0 ? full : { kind: 'linear' }));

  const everyGlobal = reader.integer('global_attn_every_n_layers', 1);
  if (everyGlobal !== undefined) return each((index) => (index % everyGlobal === 0 ? full : { kind: 'window' }));

  const slidingPattern = reader.raw('sliding_window_pattern');
  if (typeof slidingPattern === 'string' && slidingPattern.length > 0) {
    return each((index) => (slidingPattern[index % slidingPattern.length] === 'L' ? { kind: 'window' } : full));
  }
  if (typeof slidingPattern === 'number' && Number.isInteger(slidingPattern) && slidingPattern > 0) {
    return each((index) => ((index + 1) % slidingPattern === 0 ? full : { kind: 'window' }));
  }
  return each((index) => (windowed(index) ? { kind: 'window' } : full));
}

/** GPT-Neo: [[["global", "local"], 12]] is the pair twelve times over. */
function expandTypes(list: readonly JsonValue[]): readonly string[] {
  const all: string[] = [];
  for (const entry of list) {
    if (!Array.isArray(entry)) continue;
    const [names, times] = entry as readonly JsonValue[];
    if (!Array.isArray(names) || typeof times !== 'number') continue;
    const known = names.filter((name): name is string => typeof name === 'string');
    for (let round = 0; round < Math.min(times, 512) && all.length < 4096; round++) all.push(...known);
  }
  return all;
}
