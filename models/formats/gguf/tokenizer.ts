/**
 * The tokenizer inside a GGUF file as the files of a model folder: a tokenizer.json and a tokenizer_config.json. Keys of `tokenizer.ggml` are
 * from gguf-py/gguf/constants.py, and what each kind of vocabulary does with a text from llama-vocab.cpp of llama.cpp (November 2026).
 */
import { shortened } from '../short-text';
import type { Metadata } from './metadata';
import { preTokenizer } from './pre-tokenizers';

export type GgufTokenizer =
  | {
      readonly ok: true;
      /** Text of a tokenizer.json. */
      readonly tokenizer: string;
      readonly config: Readonly<Record<string, unknown>>;
      readonly template: string | undefined;
    }
  /** Why text cannot be read, as a sentence. */
  | { readonly ok: false; readonly why: string };

/** `tokenizer.ggml.token_type`. */
const kinds = { normal: 1, unknown: 2, control: 3, userDefined: 4 } as const;

interface Vocabulary {
  readonly metadata: Metadata;
  readonly tokens: readonly string[];
  readonly kindOf: (id: number) => number;
}

type Json = Readonly<Record<string, unknown>>;

const key = (name: string): string => `tokenizer.ggml.${name}`;

/** `metadata` must have been read with whole lists. */
export function ggufTokenizer(metadata: Metadata): GgufTokenizer {
  const refused = (why: string): GgufTokenizer => ({ ok: false, why: `${why} Give token ids instead.` });
  const model = metadata.text(key('model'));
  const tokens = metadata.list(key('tokens'));
  if (model === undefined || tokens === undefined || tokens.length === 0)
    return refused('The file holds no tokenizer, so text cannot be read.');
  if (!tokens.every((token) => typeof token === 'string'))
    return refused('The vocabulary in the file is not a list of texts.');
  const types = metadata.list(key('token_type'));
  const vocabulary: Vocabulary = {
    metadata,
    tokens,
    kindOf: (id) => (typeof types?.[id] === 'number' ? types[id] : kinds.normal),
  };
  const made = partsOf(model, vocabulary);
  if (typeof made === 'string') return refused(made);
  const { adds, ...parts } = made;
  const named = (name: string): string | undefined => tokens[metadata.number(key(`${name}_token_id`)) ?? -1];
  const template = metadata.text('tokenizer.chat_template');
  return {
    ok: true,
    tokenizer: JSON.stringify({
      version: '1.0',
      ...{ truncation: null, padding: null },
      added_tokens: addedTokens(vocabulary),
      ...parts,
      post_processor: around(vocabulary, adds),
    }),
    config: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      ...{ bos_token: named('bos'), eos_token: named('eos'), clean_up_tokenization_spaces: false },
    },
    template,
  };
}

/** Tokens before and after a text, if the file does not say. */
interface Adds {
  readonly first: boolean;
  readonly last: boolean;
  readonly separator?: boolean;
}

type Parts = Json & { readonly adds: Adds };

function partsOf(model: string, vocabulary: Vocabulary): Parts | string {
  switch (model) {
    case 'llama':
      return sentencePieces(vocabulary);
    case 'gpt2':
      return byteLevel(vocabulary);
    case 'bert':
      return wordPieces(vocabulary);
    case 't5':
      return unigrams(vocabulary);
    default:
      return `The tokenizer of the file is of the kind "${shortened(model, 40)}", which Headscope does not read.`;
  }
}

/** Characters of a piece that is cut in two in every way; the longest published one, of spaces, has less than 100. */
const longestPiece = 512;

/** BPE of SentencePiece: two pieces are joined by the score of the piece that they make, so merges follow from scores. */
function sentencePieces({ metadata, tokens, kindOf }: Vocabulary): Parts | string {
  const scores = metadata.list(key('scores'));
  if (scores?.length !== tokens.length) return 'The vocabulary in the file has no score for each token.';
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const score = (id: number): number => (typeof scores[id] === 'number' ? scores[id] : 0);
  const merges: { readonly pair: readonly [string, string]; readonly of: number; readonly left: number }[] = [];
  tokens.forEach((token, id) => {
    if (kindOf(id) !== kinds.normal || token.length > longestPiece) return;
    for (let at = 1; at < token.length; at++) {
      const [one, other] = [token.slice(0, at), token.slice(at)];
      const left = ids.get(one);
      if (left !== undefined && ids.has(other)) merges.push({ pair: [one, other], of: score(id), left });
    }
  });
  merges.sort((one, other) => other.of - one.of || one.left - other.left);
  const prefix = metadata.flag(key('add_space_prefix')) ?? true;
  const unknown = metadata.number(key('unknown_token_id')) ?? tokens.findIndex((_, id) => kindOf(id) === kinds.unknown);
  const space = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [...(prefix ? [{ type: 'Prepend', prepend: '▁' }] : []), space],
    },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      ...(tokens[unknown] === undefined ? {} : { unk_token: tokens[unknown] }),
      ...{ fuse_unk: true, byte_fallback: true, vocab: Object.fromEntries(ids) },
      merges: merges.map(({ pair }) => pair),
    },
    adds: { first: true, last: false },
  };
}

/** Byte-level BPE, with the words of a named pattern. */
function byteLevel({ metadata, tokens }: Vocabulary): Parts | string {
  const merges = metadata.list(key('merges'));
  if (merges === undefined) return 'The tokenizer in the file has no list of merges.';
  const name = metadata.text(key('pre')) ?? 'default';
  const pre = preTokenizer(name);
  if (pre === undefined)
    return `The tokenizer of the file splits words as "${shortened(name, 40)}" does, which Headscope does not know.`;
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const split = (pattern: string): Json => ({
    ...{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
  });
  return {
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [...pre.patterns.map(split), bytes] },
    decoder: { ...bytes, use_regex: true },
    model: {
      ...{ type: 'BPE', fuse_unk: false, byte_fallback: false, ignore_merges: pre.ignoreMerges === true },
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
    adds: { first: pre.first === true, last: false },
  };
}

/** WordPiece: conversion writes `▁` before a piece that begins a word, and leaves out the `##` of one that continues it. */
function wordPieces({ metadata, tokens, kindOf }: Vocabulary): Parts | string {
  const unknown = tokens[metadata.number(key('unknown_token_id')) ?? -1];
  if (unknown === undefined) return 'The tokenizer in the file names no token for what it does not know.';
  const written = (token: string, id: number): string =>
    kindOf(id) !== kinds.normal || /^\[.*\]$/.test(token)
      ? token
      : token.startsWith('▁')
        ? token.slice(1)
        : `##${token}`;
  return {
    normalizer: {
      ...{ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true },
      ...{ strip_accents: true, lowercase: true },
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      ...{ type: 'WordPiece', unk_token: unknown, continuing_subword_prefix: '##', max_input_chars_per_word: 1000 },
      vocab: Object.fromEntries(tokens.map((token, id) => [written(token, id), id])),
    },
    adds: { first: true, last: false, separator: true },
  };
}

/** Unigrams of SentencePiece: the most probable pieces of a text. */
function unigrams({ metadata, tokens, kindOf }: Vocabulary): Parts | string {
  const scores = metadata.list(key('scores'));
  if (scores?.length !== tokens.length) return 'The vocabulary in the file has no score for each token.';
  const charsmap = metadata.list(key('precompiled_charsmap'));
  const spaces = metadata.flag(key('remove_extra_whitespaces')) === true;
  const prefix = metadata.flag(key('add_space_prefix')) ?? true;
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: prefix ? 'always' : 'never', split: true };
  const unknown = metadata.number(key('unknown_token_id')) ?? tokens.findIndex((_, id) => kindOf(id) === kinds.unknown);
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...(charsmap === undefined
          ? []
          : [{ type: 'Precompiled', precompiled_charsmap: Buffer.from(charsmap as number[]).toString('base64') }]),
        ...(spaces
          ? [
              { type: 'Strip', strip_left: true, strip_right: true },
              { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
            ]
          : []),
      ],
    },
    pre_tokenizer: metaspace,
    decoder: metaspace,
    model: { type: 'Unigram', unk_id: unknown, vocab: tokens.map((token, id) => [token, scores[id]]) },
    adds: { first: false, last: true },
  };
}

/** Tokens that are searched for in a text before anything else: control tokens, the unknown token and those that a user defined. */
const addedTokens = ({ tokens, kindOf }: Vocabulary): readonly Json[] =>
  tokens.flatMap((content, id) => {
    const kind = kindOf(id);
    if (kind !== kinds.control && kind !== kinds.userDefined && kind !== kinds.unknown) return [];
    return [
      {
        ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false },
        special: kind !== kinds.userDefined,
      },
    ];
  });

/** The tokens around a text, as the file says, else as its kind of tokenizer has them. */
function around({ metadata, tokens }: Vocabulary, adds: Adds): Json | null {
  const token = (name: string, ...ids: readonly string[]): readonly string[] => {
    const wanted =
      metadata.flag(key(`add_${name}_token`)) ??
      (name === 'bos' ? adds.first : name === 'eos' ? adds.last : adds.separator);
    const id = ids.map((one) => metadata.number(key(one))).find((one) => one !== undefined);
    const text = id === undefined ? undefined : tokens[id];
    return wanted === true && text !== undefined ? [text] : [];
  };
  const front = token('bos', 'bos_token_id', 'cls_token_id');
  const behind = [...token('eos', 'eos_token_id'), ...token('sep', 'seperator_token_id')];
  if (front.length + behind.length === 0) return null;
  const part = (text: string): Json => ({ SpecialToken: { id: text, type_id: 0 } });
  const sequence = (id: string): Json => ({ Sequence: { id, type_id: id === 'A' ? 0 : 1 } });
  return {
    type: 'TemplateProcessing',
    single: [...front.map(part), sequence('A'), ...behind.map(part)],
    pair: [...front.map(part), sequence('A'), ...behind.map(part), sequence('B'), ...behind.map(part)],
    special_tokens: Object.fromEntries(
      [...front, ...behind].map((text) => [text, { id: text, ids: [tokens.indexOf(text)], tokens: [text] }]),
    ),
  };
}
