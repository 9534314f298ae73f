import { namesOf } from '../../models/formats/config/config-reader';
import { numberField } from '../../models/formats/config/json-values';
import type { ConfigPart } from './parts';
import { isObject } from './json-document';

/** Names of the part that reads and writes text in a model of several parts. */
export const textParts = ['text_config', 'llm_config', 'language_config', 'text', 'decoder'] as const;

/** How far the positions of a model go. */
export interface Reach {
  readonly part: ConfigPart;
  readonly key: string;
  /** The value of `key`. */
  readonly positions: number;
  /** Rows in front that RoBERTa and its like keep for padding. */
  readonly reserved: number;
  /** Tokens of the longest text: the positions without the reserved ones, or as many as rope scaling stretches them to. */
  readonly longest: number;
}

/** Types whose positions have no end, whatever the config says: relative biases, ALiBi, recurrence. */
const endless = /^(bloom|deberta|deberta-v2|mamba|mamba2|mpt|mt5|rwkv|t5|umt5|xlnet)$/;
/** Types whose position table starts behind the padding id: of 514 rows a text can use 512 (fairseq, transformers 4.57). */
const offsetByPadding = /^(roberta|xlm-roberta|xlm-roberta-xl|camembert|mpnet|layoutlmv3|longformer)$/;

const stretchOf = ({ value }: ConfigPart, positions: number): number => {
  for (const key of ['rope_scaling', 'rope_parameters'] as const) {
    const rope = value[key];
    if (!isObject(rope)) continue;
    const factor = numberField(rope, ['factor'])?.value;
    const original =
      numberField(rope, ['original_max_position_embeddings']) ??
      numberField(value, ['original_max_position_embeddings']);
    if (factor !== undefined && factor > 1) return Math.max(positions, factor * (original?.value ?? positions));
  }
  return positions;
};

/** The reach of the part that handles text, as the file gives it; positions without an end have none. */
export const reachOf = (
  parts: readonly ConfigPart[],
  names: readonly string[] = namesOf('max_position_embeddings'),
): Reach | undefined => {
  const named = parts.filter(
    ({ path, role }) => role === 'text' && (textParts as readonly unknown[]).includes(path.at(-1)),
  );
  for (const part of [...named, ...parts.slice(0, 1)]) {
    const found = numberField(part.value, names);
    if (found === undefined || !(found.value > 0)) continue;
    if (endless.test(part.modelType ?? '') || part.value['alibi'] === true) return undefined;
    const padding = numberField(part.value, ['pad_token_id'])?.value ?? 1;
    const reserved = offsetByPadding.test(part.modelType ?? '') && padding >= 0 ? padding + 1 : 0;
    const usable = Math.max(0, found.value - reserved);
    return {
      part,
      key: found.key,
      positions: found.value,
      reserved,
      longest: Math.max(usable, stretchOf(part, usable)),
    };
  }
  return undefined;
};
