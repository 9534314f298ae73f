/** The keys of a header that belong to its tokenizer. */
import type { JsonObject } from '../config/config-reader';
import type { Metadata } from './metadata';

/** Vocabulary, merges and templates are kept whole for a run. */
export const isTokenizerKey = (key: string): boolean => key.startsWith('tokenizer.');

/** Ids under the keys of a config. A chat turn may end with a token of its own, which also ends a generation. */
export function tokenIdsOf(metadata: Metadata): JsonObject {
  const id = (name: string): number | undefined => metadata.number(`tokenizer.ggml.${name}_token_id`);
  const [first, last, padding] = [id('bos'), id('eos'), id('padding')];
  const ends = [...new Set([last, id('eot'), id('eom')])].filter((one) => one !== undefined);
  return {
    ...(first === undefined ? {} : { bos_token_id: first }),
    ...(ends.length === 0 ? {} : { eos_token_id: ends.length === 1 ? (ends[0] ?? 0) : ends }),
    ...(padding === undefined ? {} : { pad_token_id: padding }),
  };
}

const heldKeys = [
  ...['model', 'pre', 'tokens', 'scores', 'token_type', 'merges', 'precompiled_charsmap', 'unknown_token_id'],
  ...['cls_token_id', 'seperator_token_id', 'add_bos_token', 'add_eos_token', 'add_sep_token', 'add_space_prefix'],
  'remove_extra_whitespaces',
].map((key) => `tokenizer.ggml.${key}`);

/** What decides how a text becomes ids, besides the ids of the config; null for what the file does not say. */
export const tokenizerValues = (metadata: Metadata): JsonObject[string] =>
  heldKeys.map((key) => metadata.list(key) ?? metadata.text(key) ?? metadata.number(key) ?? metadata.flag(key) ?? null);
