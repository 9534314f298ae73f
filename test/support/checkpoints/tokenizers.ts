/** Small tokenizer.json files, one per kind of model that published checkpoints use. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const added = (id: number, content: string) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const write = (folder: string, file: object, config: object): void => {
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(file));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
};

/** GPT-2's letter of a byte. */
function letterOf(byte: number): string {
  const printable = (b: number): boolean => (b > 32 && b < 127) || (b > 160 && b !== 173);
  if (printable(byte)) return String.fromCharCode(byte);
  let index = 0;
  for (let b = 0; b < byte; b++) if (!printable(b)) index++;
  return String.fromCharCode(256 + index);
}

/** Bytes that the small byte-level vocabulary knows: a, b, space and those of “é” and “€”. */
const bytes = [0x61, 0x62, 0x20, 0xc3, 0xa9, 0xe2, 0x82, 0xac];

/** Byte-level BPE: `<s>` 0, eight bytes 1 to 8, then `ab` 9, `ba` 10, ` ab` 11; `<s>` is put in front. */
export function writeByteLevelTokenizer(folder: string, config: Readonly<Record<string, unknown>> = {}): void {
  const tokens = ['<s>', ...bytes.map(letterOf), 'ab', 'ba', 'Ġab'];
  write(
    folder,
    {
      version: '1.0',
      added_tokens: [added(0, '<s>')],
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
      },
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        fuse_unk: false,
        byte_fallback: false,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: ['a b', 'b a', 'Ġ ab'],
      },
    },
    { tokenizer_class: 'PreTrainedTokenizerFast', bos_token: '<s>', ...config },
  );
}

/** Special tokens of the small tokenizer of vision-language models, by id. */
export const visionTokens = {
  '<s>': 0,
  '<image>': 60,
  '<fake_token_around_image>': 59,
  '<global-img>': 58,
  '<row_1_col_1>': 57,
  '<row_1_col_2>': 56,
  '<row_2_col_1>': 55,
  '<row_2_col_2>': 54,
} as const;

/**
 * Byte-level BPE without a prefix: a, b, space, newline and `newline newline` 1 to 5, then what questions on a picture are written
 * in, and `visionTokens`.
 */
export function writeVisionTokenizer(folder: string, config: Readonly<Record<string, unknown>> = {}): void {
  const vocab: Record<string, number> = {
    a: 1,
    b: 2,
    [letterOf(0x20)]: 3,
    [letterOf(0x0a)]: 4,
    [letterOf(0x0a).repeat(2)]: 5,
  };
  for (const [at, letter] of [...'cdefghijklmnopqrstuvwxyzI?{}'].entries()) vocab[letter] = 6 + at;
  write(
    folder,
    {
      version: '1.0',
      added_tokens: Object.entries(visionTokens).map(([content, id]) => added(id, content)),
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        fuse_unk: false,
        byte_fallback: false,
        vocab: { ...vocab, ...visionTokens },
        merges: [`${letterOf(0x0a)} ${letterOf(0x0a)}`],
      },
    },
    { tokenizer_class: 'PreTrainedTokenizerFast', bos_token: '<s>', ...config },
  );
}

/** BERT's WordPiece, lower case: `[CLS]` 0, `[SEP]` 1, `[UNK]` 2, then the pieces. */
export const wordPieces = ['the', 'play', '##ing', '##ed', 'cat', ',', 'cafe'] as const;
export function writeWordPieceTokenizer(folder: string): void {
  const tokens = ['[CLS]', '[SEP]', '[UNK]', ...wordPieces];
  write(
    folder,
    {
      version: '1.0',
      added_tokens: [added(0, '[CLS]'), added(1, '[SEP]'), added(2, '[UNK]')],
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase: true,
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      post_processor: {
        type: 'TemplateProcessing',
        single: [
          { SpecialToken: { id: '[CLS]', type_id: 0 } },
          { Sequence: { id: 'A', type_id: 0 } },
          { SpecialToken: { id: '[SEP]', type_id: 0 } },
        ],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: {
          '[CLS]': { id: '[CLS]', ids: [0], tokens: ['[CLS]'] },
          '[SEP]': { id: '[SEP]', ids: [1], tokens: ['[SEP]'] },
        },
      },
      decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
      model: {
        type: 'WordPiece',
        unk_token: '[UNK]',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      },
    },
    { tokenizer_class: 'BertTokenizer', do_lower_case: true },
  );
}

/** Special tokens of the small CLIP tokenizer, with the ids of `tiny-pairs.ts`. */
export const clipTokens = { '<|startoftext|>': 59, '<|endoftext|>': 60 } as const;

/** CLIP's BPE as its tokenizer.json has it, ends of words marked: a, d, o, g 1 to 4, with an end 5 to 8, `do` 9, `dog` and its end 10. */
export function writeClipTokenizer(folder: string): void {
  const letters = ['a', 'd', 'o', 'g'];
  const tokens = ['!', ...letters, ...letters.map((letter) => `${letter}</w>`), 'do', 'dog</w>'];
  write(
    folder,
    {
      version: '1.0',
      added_tokens: Object.entries(clipTokens).map(([content, id]) => added(id, content)),
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'NFC' },
          { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
          { type: 'Lowercase' },
        ],
      },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          {
            type: 'Split',
            pattern: {
              Regex:
                "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
            },
            behavior: 'Removed',
            invert: true,
          },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
        ],
      },
      post_processor: {
        type: 'RobertaProcessing',
        sep: ['<|endoftext|>', 60],
        cls: ['<|startoftext|>', 59],
        trim_offsets: false,
        add_prefix_space: false,
      },
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: '<|endoftext|>',
        continuing_subword_prefix: '',
        end_of_word_suffix: '</w>',
        fuse_unk: false,
        vocab: { ...Object.fromEntries(tokens.map((token, id) => [token, id])), ...clipTokens },
        merges: ['d o', 'do g</w>'],
      },
    },
    { tokenizer_class: 'CLIPTokenizer', unk_token: '<|endoftext|>' },
  );
}

/** SentencePiece's Unigram: `<unk>` 0, then pieces with their log probabilities. */
export const unigramPieces = [
  ['▁the', -1],
  ['▁cat', -2],
  ['▁', -3],
  ['t', -6],
  ['h', -6],
  ['e', -6],
  ['c', -6],
  ['a', -6],
  ['at', -4],
  ['▁a', -5],
  ['cat', -9],
] as const;
export function writeUnigramTokenizer(folder: string): void {
  write(
    folder,
    {
      version: '1.0',
      added_tokens: [added(0, '<unk>')],
      normalizer: null,
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', add_prefix_space: true },
      post_processor: null,
      decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', add_prefix_space: true },
      model: { type: 'Unigram', unk_id: 0, vocab: [['<unk>', 0], ...unigramPieces] },
    },
    { tokenizer_class: 'PreTrainedTokenizerFast', unk_token: '<unk>' },
  );
}
