import { parseConfig } from '../config/parse-config';

/** `model.safetensors.index.json`: which shard holds which tensor. */
export interface ShardIndex {
  readonly weightMap: ReadonlyMap<string, string>;
  /** Shards in the order in which they are first named. */
  readonly shards: readonly string[];
  /** Bytes of all tensors, as written; some tools write a float or 0. */
  readonly totalSize?: number;
}

export type ParsedIndex =
  | { readonly ok: true; readonly index: ShardIndex }
  | { readonly ok: false; readonly message: string };

export function parseShardIndex(text: string): ParsedIndex {
  const parsed = parseConfig(text);
  if (!parsed.ok) return { ok: false, message: parsed.message };
  const value = parsed.value as { readonly weight_map?: unknown; readonly metadata?: unknown } | null;
  const map = typeof value === 'object' && value !== null ? value.weight_map : undefined;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    return { ok: false, message: 'The index has no weight_map from tensor names to files.' };
  }
  const weightMap = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) if (typeof file === 'string') weightMap.set(name, file);
  const metadata = (value as { readonly metadata?: { readonly total_size?: unknown } }).metadata;
  const total = metadata?.total_size;
  return {
    ok: true,
    index: {
      weightMap,
      shards: [...new Set(weightMap.values())],
      ...(typeof total === 'number' && total > 0 ? { totalSize: total } : {}),
    },
  };
}
