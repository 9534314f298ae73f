/**
 * A tokenizer of whole words for a language whose words are all known: each word is one token with the space before it, each
 * other character one of its own. Written as the files of Hugging Face tokenizers, so that every tool reads text as the model was
 * trained on it.
 */

/** A word with the space before it, a line break, or one other character. */
const piece = String.raw` ?[A-Za-z]+|\n|[^A-Za-z\n]`;

/** Stand at the start of the vocabulary. */
const special = ['<s>', '<unk>'] as const;

export class WordTokenizer {
  private readonly ids: ReadonlyMap<string, number>;

  private constructor(readonly words: readonly string[]) {
    this.ids = new Map(words.map((word, id) => [word, id]));
  }

  /** Every word of the texts, in alphabetical order behind the special tokens. */
  static of(texts: Iterable<string>): WordTokenizer {
    const found = new Set<string>();
    for (const text of texts) for (const word of piecesOf(text)) found.add(word);
    return new WordTokenizer([...special, ...[...found].sort()]);
  }

  readonly start = 0;

  get size(): number {
    return this.words.length;
  }

  /** Without a special token; throws on a word that it does not know. */
  encode(text: string): readonly number[] {
    return piecesOf(text).map((word) => {
      const id = this.ids.get(word);
      if (id === undefined) throw new RangeError(`the tokenizer does not know ${JSON.stringify(word)}`);
      return id;
    });
  }

  /** Content of tokenizer.json and tokenizer_config.json. */
  files(): { readonly tokenizer: object; readonly config: object } {
    const [bos, unknown] = special;
    const added = special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    }));
    const start = { SpecialToken: { id: bos, type_id: 0 } };
    const tokenizer = {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: { type: 'Split', pattern: { Regex: piece }, behavior: 'Isolated', invert: false },
      post_processor: {
        type: 'TemplateProcessing',
        single: [start, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [start, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: { [bos]: { id: bos, ids: [0], tokens: [bos] } },
      },
      decoder: { type: 'Fuse' },
      model: {
        type: 'WordLevel',
        vocab: Object.fromEntries(this.words.map((word, id) => [word, id])),
        unk_token: unknown,
      },
    };
    const config = {
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: bos,
      unk_token: unknown,
      clean_up_tokenization_spaces: false,
    };
    return { tokenizer, config };
  }
}

const piecesOf = (text: string): readonly string[] => text.match(new RegExp(piece, 'gu')) ?? [];
