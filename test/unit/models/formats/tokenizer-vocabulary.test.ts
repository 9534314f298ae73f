import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countVocabulary } from '../../../../models/formats/companions/tokenizer-vocabulary';

interface Tokenizer {
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
  readonly model: {
    readonly type: string;
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

/** Tokens that look like JSON, and a few of other writing. */
const tokens = ['{', '}', '[', ']', ',', ':', '"', '\\', '\\"', '1', '"id": 999', 'Ġthe', '漢字', '😀', '', 'vocab'];
const byId = (count: number, first = 0): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${tokens[index] ?? `t${index}`}`, first + index]));

const cases: Readonly<Record<string, readonly [file: Tokenizer, entries: number, idCount: number]>> = {
  'byte pairs, with tokens added behind': [
    {
      version: '1.0',
      added_tokens: [
        { id: 300, content: '<|end|>' },
        { id: 301, content: '}' },
      ],
      pre_tokenizer: { type: 'Sequence', vocab: { no: 5000 } },
      model: {
        type: 'BPE',
        dropout: null,
        vocab: byId(300),
        merges: [
          ['a', 'b'],
          ['{', '9999'],
        ],
      },
    },
    300,
    302,
  ],
  'word pieces, with added tokens among them': [
    {
      added_tokens: [{ id: 0, content: '{' }],
      model: { type: 'WordPiece', unk_token: '[UNK]', max_input_chars_per_word: 100, vocab: byId(50) },
    },
    50,
    50,
  ],
  'unigrams, whose ids are their places': [
    {
      added_tokens: [{ id: 2, content: '</s>' }],
      model: { type: 'Unigram', unk_id: 700, vocab: tokens.map((token, index) => [token, -index - 0.5] as const) },
    },
    tokens.length,
    tokens.length,
  ],
  'ids with gaps': [{ model: { type: 'WordLevel', vocab: { a: 0, b: 31, c: 7 } } }, 3, 32],
  'no tokens at all': [{ model: { type: 'BPE', vocab: {} } }, 0, 0],
};

describe('vocabulary of a tokenizer.json', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-vocabulary-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  for (const [name, [file, entries, idCount]] of Object.entries(cases)) {
    for (const indent of [undefined, 2]) {
      it(`${name}, ${indent === undefined ? 'in one line' : 'indented'}`, async () => {
        const path = join(folder, 'tokenizer.json');
        const text = JSON.stringify(file, undefined, indent);
        writeFileSync(path, text);
        assert.deepEqual(await countVocabulary(path), { bytes: Buffer.byteLength(text), entries, idCount });
      });
    }
  }

  it('counts across the pieces it is read in', async () => {
    const path = join(folder, 'tokenizer.json');
    const vocab = Object.fromEntries(Array.from({ length: 60_000 }, (_, id) => [`漢"{${id}`, id]));
    writeFileSync(
      path,
      JSON.stringify({ model: { type: 'BPE', vocab }, added_tokens: [{ id: 60_007, content: 'x' }] }),
    );
    const { entries, idCount } = await countVocabulary(path);
    assert.deepEqual([entries, idCount], [60_000, 60_008]);
  });

  it('takes anything for a file', async () => {
    const path = join(folder, 'tokenizer.json');
    for (const text of ['', '}}}}', '[[[[[[', '"', '{"model": {"vocab": {"a": 1', '\u0000\u0001']) {
      writeFileSync(path, text);
      assert.equal((await countVocabulary(path)).bytes, Buffer.byteLength(text));
    }
  });
});
