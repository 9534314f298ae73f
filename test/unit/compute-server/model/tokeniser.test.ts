import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { offsetsOf } from '../../../../compute-server/model/offsets';
import { openTokeniser, type Tokeniser } from '../../../../compute-server/model/tokeniser';
import {
  writeByteLevelTokenizer,
  writeUnigramTokenizer,
  writeWordPieceTokenizer,
} from '../../../support/checkpoints/tokenizers';

describe('tokenizers of a model folder', function () {
  this.timeout(20_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-tokeniser-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const open = async (): Promise<Tokeniser> => {
    const outcome = await openTokeniser(folder);
    assert.ok(outcome.ok, outcome.ok ? '' : outcome.why);
    return outcome.tokeniser;
  };

  it('byte-level BPE: merges, the first token, pieces with their spaces, bytes of a character apart', async () => {
    writeByteLevelTokenizer(folder);
    const tokeniser = await open();
    const text = 'abba ab é€';
    const ids = tokeniser.encode(text);
    assert.deepEqual(ids, [0, 9, 10, 11, 3, 4, 5, 6, 7, 8]);
    assert.equal(tokeniser.decode(ids), text);
    const pieces = tokeniser.pieces(ids);
    assert.deepEqual(pieces, ['<s>', 'ab', 'ba', ' ab', ' ', '<0xC3>', '<0xA9>', '<0xE2>', '<0x82>', '<0xAC>']);
    assert.deepEqual(offsetsOf(text, pieces), [
      [0, 0],
      [0, 2],
      [2, 4],
      [4, 7],
      [7, 8],
      // What the five bytes make up together.
      ...Array.from({ length: 5 }, () => [8, 10]),
    ]);
  });

  it('WordPiece: lower case, pieces joined, unknown words, ranges in the text as it was typed', async () => {
    writeWordPieceTokenizer(folder);
    const tokeniser = await open();
    const text = 'The cat Playing, zebra played';
    const ids = tokeniser.encode(text);
    assert.deepEqual(ids, [0, 3, 7, 4, 5, 8, 2, 4, 6, 1]);
    assert.equal(tokeniser.decode(ids.filter((id) => id !== 2)), 'the cat playing, played');
    const pieces = tokeniser.pieces(ids);
    assert.deepEqual(
      pieces.map((piece) => piece.trim()),
      ['[CLS]', 'the', 'cat', 'play', 'ing', ',', '[UNK]', 'play', 'ed', '[SEP]'],
    );
    const ranges = offsetsOf(text, pieces).map(([start, end]) => text.slice(start, end).trim());
    assert.deepEqual(ranges, ['', 'The', 'cat', 'Play', 'ing', ',', 'zebra', 'play', 'ed', '']);
  });

  it('Unigram: the most probable cut', async () => {
    writeUnigramTokenizer(folder);
    const tokeniser = await open();
    const ids = tokeniser.encode('the cat at');
    assert.deepEqual(ids, [1, 2, 3, 9]);
    assert.equal(tokeniser.decode(ids).trim(), 'the cat at');
    assert.equal(tokeniser.pieces(ids).join('').trim(), 'the cat at');
  });

  it('ids that the tokenizer does not know have a name all the same', async () => {
    writeByteLevelTokenizer(folder);
    const tokeniser = await open();
    assert.deepEqual(tokeniser.pieces([9, 999]), ['ab', '#999']);
  });

  it('a chat template renders one user message, with the special tokens of the config', async () => {
    const chat_template =
      "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}ab{{ m['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %} ab{% endif %}";
    writeByteLevelTokenizer(folder, { chat_template });
    const tokeniser = await open();
    assert.equal(tokeniser.hasChatTemplate, true);
    assert.deepEqual(tokeniser.chat('ba'), { text: '<s>abba ab', ids: [0, 9, 10, 11] });
  });

  it('chat_template.jinja goes before the field of the config', async () => {
    writeByteLevelTokenizer(folder, { chat_template: 'a' });
    writeFileSync(join(folder, 'chat_template.jinja'), 'b');
    assert.deepEqual((await open()).chat('x').ids, [2]);
  });

  it('a template that does not end is stopped, one that raises says so, and none is said', async () => {
    for (const [chat_template, words] of [
      [
        '{% for a in range(100000) %}{% for b in range(100000) %}{% set c = a %}{% endfor %}{% endfor %}',
        /stopped after 2 s/,
      ],
      ["{{ raise_exception('only one turn') }}", /only one turn/],
      ['{% if %}', /./],
    ] as const) {
      writeByteLevelTokenizer(folder, { chat_template });
      const tokeniser = await open();
      assert.throws(() => tokeniser.chat('ab'), words);
    }
    writeByteLevelTokenizer(folder);
    const tokeniser = await open();
    assert.equal(tokeniser.hasChatTemplate, false);
    assert.throws(() => tokeniser.chat('ab'), /no chat template/);
  });

  it('what is no tokenizer is refused with a next step', async () => {
    const why = async (): Promise<string> => {
      const outcome = await openTokeniser(folder);
      assert.ok(!outcome.ok);
      return outcome.why;
    };
    assert.match(await why(), /has no tokenizer\.json.*give token ids instead/);
    for (const text of ['', '[', '7', 'null', '{"model": {"type": "Psychic"}}']) {
      writeFileSync(join(folder, 'tokenizer.json'), text);
      assert.match(await why(), /tokenizer\.json cannot be used \(.+\); give token ids instead\.$/, text);
    }
    rmSync(join(folder, 'tokenizer.json'));
    const outside = mkdtempSync(join(tmpdir(), 'headscope-outside-'));
    writeByteLevelTokenizer(outside);
    symlinkSync(join(outside, 'tokenizer.json'), join(folder, 'tokenizer.json'));
    assert.match(await why(), /give token ids instead/);
    rmSync(outside, { recursive: true });
  });
});
