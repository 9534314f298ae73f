import { unreadParts } from '../../models/architectures/catalogue';
import { cachingPart, kvBytesPerToken } from '../../models/formats/estimates/kv-cache';
import type { JsonPath, ModelDescription, ModelPart } from '../../models/formats/model-description';
import { stageRuns } from '../../models/formats/stage-runs';
import { formatBytes, formatLength, formatRatio } from './figures';

/** The part of a model that a path of the file is in: the one with the longest path that leads there. */
export const partAt = (model: ModelDescription | undefined, path: JsonPath): ModelPart | undefined => {
  const holds = (part: ModelPart): boolean => part.path.every((key, index) => path[index] === key);
  return model?.parts
    .filter(holds)
    .reduce<ModelPart | undefined>(
      (best, part) => (best === undefined || part.path.length > best.path.length ? part : best),
      undefined,
    );
};

/** A part of it reads pictures and another one writes text: its heads can look at an image, or not. False where its text part runs alone. */
export const seesAndReads = (model: ModelDescription): boolean =>
  model.parts.some(({ role }) => role === 'vision') &&
  model.parts.some(({ role }) => role === 'decoder') &&
  unreadParts(model) === undefined;

/** True of the part that generates; encoders and towers keep no cache. */
export const hasCache = (model: ModelDescription, part: ModelPart): boolean =>
  cachingPart(model) === part && kvBytesPerToken(model) > 0;

/** `32 heads of 128`, or of a tower in stages `3, 6, 12, 24 heads of 32 in its stages`. */
export const headWords = (part: ModelPart): string => {
  const stages = stageRuns(part);
  return stages.length > 0
    ? `${stages.map(({ heads }) => heads).join(', ')} heads of ${part.headDim} in its stages`
    : `${part.heads} heads of ${part.headDim}`;
};

/** The attention of a part in words: `grouped-query attention 4:1, 32 layers`. */
export const attentionWords = (part: ModelPart): string => {
  const kinds = new Map<string, number>();
  for (const { attention, crossAttention } of part.layers) {
    const words =
      attention.kind === 'window'
        ? `window of ${formatLength(attention.window ?? 0)}`
        : attention.kind === 'chunked'
          ? `chunks of ${formatLength(attention.window ?? 0)}`
          : attention.kind === 'none'
            ? crossAttention === undefined
              ? 'no attention'
              : 'cross-attention'
            : attention.kind;
    kinds.set(words, (kinds.get(words) ?? 0) + 1);
  }
  const total = part.layers.length;
  const layers =
    kinds.size <= 1 && (kinds.has('full') || total === 0 || kinds.has('no attention'))
      ? `${total} layers`
      : `${total} layers (${[...kinds].map(([words, count]) => `${count} ${words}`).join(', ')})`;
  const kind =
    part.attention === 'mla'
      ? 'multi-head latent attention'
      : part.attention === 'gqa'
        ? `grouped-query attention ${formatRatio(part.heads, part.kvHeads)}`
        : part.attention === 'mqa'
          ? 'multi-query attention'
          : part.attention === 'mha'
            ? 'multi-head attention'
            : 'no attention';
  return part.attention === 'none' ? `${kind}, ${layers}` : `${kind}, ${headWords(part)}, ${layers}`;
};

/** What a lens begins with: `GQA 4:1`, `GQA 2:1, 13 of 26 windowed`. A narrow window shows some 30 characters, and what can be done among them. */
export const attentionInShort = (part: ModelPart): string => {
  const kind = part.attention === 'gqa' ? `GQA ${formatRatio(part.heads, part.kvHeads)}` : part.attention.toUpperCase();
  const total = part.layers.length;
  const share = (word: string, ...kinds: readonly string[]): readonly string[] => {
    const count = part.layers.filter(({ attention }) => kinds.includes(attention.kind)).length;
    return count === 0 ? [] : [count === total ? word : `${count} of ${total} ${word}`];
  };
  return [kind, ...share('windowed', 'window', 'chunked'), ...share('linear', 'linear', 'mamba')].join(', ');
};

/** `128 KiB/token` in the dtype of the model. */
export const cachePerToken = (model: ModelDescription): string => `${formatBytes(kvBytesPerToken(model))}/token`;

/** Lengths that people ask about: 2k, 8k, and the full one. */
export const cacheLengths = (part: ModelPart): readonly number[] => {
  const full = part.contextLength;
  const usual = [2048, 8192].filter((length) => full === undefined || length < full);
  return full === undefined ? usual : [...usual, full];
};
