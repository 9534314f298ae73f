import { formatRatio } from './figures';
import type { ModelFile } from './model-file';
import { cachePerToken, hasCache } from './part-facts';

export interface InlayHint {
  /** Its position: after the value. */
  readonly offset: number;
  readonly label: string;
  readonly tooltip: string;
}

const kvKeys = ['num_key_value_heads', 'num_kv_heads', 'n_head_kv', 'multi_query_group_num', 'kv_lora_rank'] as const;
const headKeys = ['num_attention_heads', 'n_head', 'n_heads', 'num_heads'] as const;

/** `8 ⟶ GQA 4:1, 128 KiB/token` behind the field that decides it, one for each part with attention. */
export const inlayHints = (file: ModelFile): readonly InlayHint[] => {
  const { description, document } = file;
  if (description === undefined) return [];
  return description.parts.flatMap((part) => {
    if (part.attention === 'none') return [];
    const key = [...kvKeys, ...headKeys].find((name) => {
      const type = document.node([...part.path, name])?.type;
      return type === 'number';
    });
    const node = key === undefined ? undefined : document.node([...part.path, key]);
    if (node === undefined) return [];
    const kind =
      part.attention === 'gqa' ? `GQA ${formatRatio(part.heads, part.kvHeads)}` : part.attention.toUpperCase();
    const cache = hasCache(description, part) ? `, ${cachePerToken(description)}` : '';
    return [
      {
        offset: node.offset + node.length,
        label: `⟶ ${kind}${cache}`,
        tooltip: `${part.heads} query heads, ${part.kvHeads} key/value heads of ${part.headDim}, ${part.layers.length} layers${cache === '' ? '' : `; KV cache in ${description.dtype ?? 'two-byte numbers'}`}`,
      },
    ];
  });
};
