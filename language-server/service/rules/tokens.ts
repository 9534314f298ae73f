import type { JsonPath, JsonValue } from '../../../models/formats/model-description';
import { numberField } from '../../../models/formats/config/json-values';
import type { ConfigPart } from '../parts';
import { reachOf, textParts } from '../context-reach';
import { isObject } from '../json-document';
import { relatedField } from '../places';
import type { Rule, RuleContext } from './rule';

const textTokenKeys = [
  'bos_token_id',
  'eos_token_id',
  'pad_token_id',
  'decoder_start_token_id',
  'sep_token_id',
  'unk_token_id',
] as const;
const mediaTokenKeys = [
  'image_token_index',
  'image_token_id',
  'video_token_index',
  'video_token_id',
  'vision_start_token_id',
  'vision_end_token_id',
  'vision_token_id',
  'audio_token_id',
  'audio_token_index',
  'boi_token_index',
  'eoi_token_index',
] as const;

/**
 * Types whose ids go beyond `vocab_size` by design: mllama adds 8 embeddings for the image, molmo and idefics keep added
 * tokens in a second table, codebook decoders pad with the id after the last code.
 */
const idsBeyondVocabulary =
  /^(mllama|molmo|idefics|musicgen|bark|speecht5|clvp|encodec|dallebart|ultravox|donut|moshi|csm|dia|xlnet)/;
/** Padding with no embedding: original LLaMA wrote -1, vLLM and others likewise. */
const noToken = -1;

/** Ids that a config class writes into every file, whatever the vocabulary (GPT2Config: 50256, the end of GPT-2's own). */
const idOfClass: ReadonlyMap<string, number> = new Map([
  ['gpt2', 50256],
  ['gpt_neo', 50256],
  ['gptj', 50256],
  ['codegen', 50256],
  ['gpt_bigcode', 50256],
]);
/** Padding is masked: an id just past the end was added to the tokenizer alone, as the first Llama 2 files had it. */
const isAddedPadding = (key: string, id: number, size: number): boolean =>
  key === 'pad_token_id' && id >= size && id < size + 8;

interface Vocabulary {
  readonly size: number;
  readonly path: JsonPath;
  readonly part: ConfigPart;
}

const vocabularyOf = (part: ConfigPart): Vocabulary | undefined => {
  const own = numberField(part.value, ['vocab_size', 'padded_vocab_size']);
  if (own !== undefined && own.value > 0) return { size: own.value, path: [...part.path, own.key], part };
  return undefined;
};

/** The vocabulary that the ids of a part go into: its own, for a part that wraps a language model that of the inner one. */
const vocabularyFor = (parts: readonly ConfigPart[], part: ConfigPart): Vocabulary | undefined => {
  const inner = parts.find(
    (other) =>
      other.path.length === part.path.length + 1 &&
      part.path.every((key, index) => other.path[index] === key) &&
      (textParts as readonly unknown[]).includes(other.path.at(-1)),
  );
  const innerVocabulary = inner === undefined ? undefined : vocabularyOf(inner);
  const own = vocabularyOf(part);
  // A nested part without a vocabulary takes the default of its class: the outer figure is then only a floor (LLaVA).
  if (inner !== undefined && innerVocabulary === undefined) return undefined;
  if (own === undefined || innerVocabulary === undefined) return own ?? innerVocabulary;
  return own.size >= innerVocabulary.size ? own : innerVocabulary;
};

const idsOf = (value: JsonValue | undefined): readonly { readonly id: number; readonly at: JsonPath }[] => {
  if (typeof value === 'number') return [{ id: value, at: [] }];
  if (!Array.isArray(value)) return [];
  return (value as readonly JsonValue[]).flatMap((id, index) => (typeof id === 'number' ? [{ id, at: [index] }] : []));
};

export const tokenIdOutside: Rule = {
  code: 'token-id-outside-vocabulary',
  title: 'A token id is outside the vocabulary',
  severity: 'error',
  kinds: ['config', 'generation'],
  check(context, report) {
    const { document, parts, kind, configParts } = context;
    if (kind === 'generation') {
      checkGeneration(context, report);
      return;
    }
    for (const part of parts) {
      if (
        part.role !== 'text' ||
        idsBeyondVocabulary.test(part.modelType ?? '') ||
        idsBeyondVocabulary.test(parts[0]?.modelType ?? '')
      )
        continue;
      // Ids of a model that speaks through another one are ids of that one (the talker of Qwen2.5-Omni).
      if (/talker|code_predictor|token2wav|code2wav/.test(part.path.join('.'))) continue;
      const vocabulary = vocabularyFor(configParts, part);
      if (vocabulary === undefined) continue;
      for (const key of [...textTokenKeys, ...mediaTokenKeys]) {
        for (const { id, at } of idsOf(part.value[key])) {
          if (id < vocabulary.size && (id >= 0 || id === noToken)) continue;
          const isMedia = (mediaTokenKeys as readonly string[]).includes(key);
          // Placeholders of media may be any number that no text token has: some families never look them up.
          const placeholder = isMedia && (id < 0 || id < vocabulary.size + 8);
          const isDefault = idOfClass.get(part.modelType ?? '') === id;
          report(
            [...part.path, key, ...at],
            id < 0
              ? `${key} ${id} is negative; token ids run from 0 to ${vocabulary.size - 1}. Write null for no such token.`
              : `${key} ${id} is outside the vocabulary of ${vocabulary.size}. The largest id is ${vocabulary.size - 1}; the embedding has no row for it.`,
            {
              part,
              ...(placeholder || isDefault || isAddedPadding(key, id, vocabulary.size)
                ? { severity: 'information' as const }
                : {}),
              related: [
                relatedField(document, vocabulary.path, `${String(vocabulary.path.at(-1))} is ${vocabulary.size}`),
              ],
            },
          );
        }
      }
    }
  },
};

const checkGeneration = ({ document, configParts }: RuleContext, report: Parameters<Rule['check']>[1]): void => {
  const root = configParts[0];
  const value = document.value;
  if (root === undefined || !isObject(value) || idsBeyondVocabulary.test(root.modelType ?? '')) return;
  const vocabulary = vocabularyFor(configParts, root);
  if (vocabulary === undefined) return;
  for (const key of textTokenKeys) {
    for (const { id, at } of idsOf(value[key])) {
      if (id < vocabulary.size && (id >= 0 || id === noToken)) continue;
      report(
        [key, ...at],
        `${key} ${id} is outside the vocabulary of ${vocabulary.size}. The model of config.json can never produce or read it.`,
        {
          part: root,
          ...(isAddedPadding(key, id, vocabulary.size) || idOfClass.get(root.modelType ?? '') === id
            ? { severity: 'information' as const }
            : {}),
          related: [
            {
              message: `${String(vocabulary.path.at(-1))} is ${vocabulary.size}`,
              place: { file: 'config.json', key: 'vocab_size' },
            },
          ],
        },
      );
    }
  }
};

export const tokenizerLarger: Rule = {
  code: 'tokenizer-larger-than-vocabulary',
  title: 'The tokenizer has more tokens than the model has embeddings',
  severity: 'error',
  kinds: ['config', 'tokenizer'],
  check({ document, kind, parts, configParts, facts }, report) {
    const root = configParts[0];
    if (root === undefined || idsBeyondVocabulary.test(root.modelType ?? '')) return;
    const vocabulary = vocabularyFor(configParts, root);
    if (vocabulary === undefined) return;
    const { tokenizer } = facts;
    if (kind === 'config' && tokenizer !== undefined && parts.length > 0) {
      const file = { message: 'the tokenizer', place: { file: 'tokenizer.json' } };
      if (tokenizer.entries > vocabulary.size) {
        report(
          vocabulary.path,
          `tokenizer.json has ${tokenizer.entries} tokens, vocab_size is ${vocabulary.size}. Texts would give ids without an embedding.`,
          {
            part: root,
            // Gemma 3 shares one tokenizer: its image placeholder is one past the vocabulary of the text models. BART's
            // summarisers dropped the row of <mask>, and kept the tokenizer.
            ...(/^(gemma3|bart$)/.test(root.modelType ?? '') && tokenizer.entries <= vocabulary.size + 8
              ? { severity: 'information' as const }
              : {}),
            related: [file],
          },
        );
      } else if (tokenizer.idCount > vocabulary.size) {
        report(
          vocabulary.path,
          `Added tokens of tokenizer.json run to id ${tokenizer.idCount - 1}, vocab_size is ${vocabulary.size}. Those added tokens have no embedding.`,
          {
            part: root,
            severity: 'information',
            related: [file],
          },
        );
      }
    }
    const value = document.value;
    const added = kind === 'tokenizer' && isObject(value) ? value['added_tokens_decoder'] : undefined;
    if (!isObject(added)) return;
    for (const key of Object.keys(added)) {
      const id = Number(key);
      if (!Number.isInteger(id) || id < vocabulary.size) continue;
      report(
        { keyOf: ['added_tokens_decoder', key] },
        `Added token ${id} has no embedding: vocab_size of config.json is ${vocabulary.size}.`,
        {
          part: root,
          severity: 'information',
          related: [{ message: `vocab_size is ${vocabulary.size}`, place: { file: 'config.json', key: 'vocab_size' } }],
        },
      );
    }
  },
};

export const generationContradicts: Rule = {
  code: 'generation-contradicts-config',
  title: 'generation_config.json says something else than config.json',
  severity: 'information',
  kinds: ['generation'],
  check({ document, configParts }, report) {
    const root = configParts[0];
    const value = document.value;
    if (root === undefined || !isObject(value)) return;
    for (const key of ['eos_token_id', 'bos_token_id', 'pad_token_id', 'decoder_start_token_id'] as const) {
      const here = idsOf(value[key]).map(({ id }) => id);
      const there = idsOf(root.value[key]).map(({ id }) => id);
      if (here.length === 0 || there.length === 0) continue;
      const missing = there.filter((id) => !here.includes(id));
      if (missing.length === 0) continue;
      report(
        [key],
        `${key} is ${here.join(', ')} here and ${there.join(', ')} in config.json. Generation follows this file.`,
        {
          part: root,
          related: [{ message: `${key} of config.json`, place: { file: 'config.json', key } }],
        },
      );
    }
    const length = numberField(value, ['max_length', 'max_new_tokens']);
    // Models that hear or see count what they write under a name of its own (Whisper).
    const reach = reachOf(configParts) ?? reachOf(configParts, ['max_target_positions']);
    if (length !== undefined && reach !== undefined && length.value > reach.longest) {
      report(
        [length.key],
        `${length.key} ${length.value} is more than the context of ${reach.longest}. Texts would outgrow the positions the model knows.`,
        {
          part: reach.part,
          related: [{ message: `${reach.key} is ${reach.positions}`, place: { file: 'config.json', key: reach.key } }],
        },
      );
    }
  },
};
