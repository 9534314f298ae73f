import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadedModel } from '../../../../compute-server/model/checkpoint/loaded-model';
import { idsOfText } from '../../../../compute-server/model/prompt/prompt';
import { offsetsOf } from '../../../../compute-server/model/text/offsets';
import { TextFault } from '../../../../compute-server/model/text/text-library';
import { openTokeniser, type Tokeniser } from '../../../../compute-server/model/text/tokeniser';
import {
  writeByteLevelTokenizer,
  writeUnigramTokenizer,
  writeWordPieceTokenizer,
} from '../../../support/checkpoints/tokenizers';
import type { FailureError } from '../../../../protocol/wire/failures';
import { faultOfSentence } from '../../../support/fuzz/judge';

describe('tokenizers of a model folder', function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-tokeniser-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const open = async (limitMs?: number): Promise<Tokeniser> => {
    const outcome = await openTokeniser(folder, limitMs);
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

  it('SentencePiece: a piece and the same with a space in front have two names, wherever they stand, and each name finds its own', async () => {
    writeUnigramTokenizer(folder);
    const tokeniser = await open();
    // ▁cat is 2, cat 11, ▁the 1.
    assert.deepEqual(tokeniser.pieces([2]), [' cat']);
    assert.deepEqual(tokeniser.pieces([11]), ['cat']);
    assert.deepEqual(tokeniser.pieces([2, 11, 2]), [' cat', 'cat', ' cat']);
    assert.deepEqual(
      [' cat', 'cat', ' the', 'the', '<unk>'].map((name) => tokeniser.named(name)),
      [2, 11, 1, undefined, 0],
    );
    // The space in front of the first piece is the tokenizer's own.
    assert.deepEqual(offsetsOf('the cat', tokeniser.pieces(tokeniser.encode('the cat'))), [
      [0, 3],
      [3, 7],
    ]);
  });

  it('what is shown of a token names it: byte-level BPE with single bytes, WordPiece with its inner pieces', async () => {
    writeByteLevelTokenizer(folder);
    const bytes = await open();
    const all = Array.from({ length: 12 }, (_, id) => id);
    assert.deepEqual(
      bytes.pieces(all).map((piece) => bytes.named(piece)),
      all,
    );
    bytes.close();
    writeWordPieceTokenizer(folder);
    const words = await open();
    assert.deepEqual([words.named('ing'), words.named('##ing')], [5, undefined]);
  });

  it('a character that the vocabulary lacks is named where there is no unknown token, and read where there is one', async () => {
    writeByteLevelTokenizer(folder);
    const tokeniser = await open();
    assert.throws(
      () => tokeniser.encode('ab ñ b'),
      /^TextFault: it has no token for "ñ" \(U\+00F1\), which is not in its vocabulary, and none for unknown characters$/,
    );
    assert.deepEqual(tokeniser.encode('ab é'), [0, 9, 3, 4, 5]);
    change({ normalizer: { type: 'Replace', pattern: { String: 'ñ' }, content: '' } });
    assert.deepEqual((await open()).encode('abñ'), [0, 9]);
    writeWordPieceTokenizer(folder);
    assert.deepEqual((await open()).plain('ñ'), [2]);
  });

  it('what a tokenizer cannot do with a text of a person is no fault of the file: the text is to be changed', async () => {
    writeByteLevelTokenizer(folder);
    const model = { folder, tokeniser: { ok: true, tokeniser: await open() } } as unknown as LoadedModel;
    assert.deepEqual(
      idsOfText(model, (tokeniser) => tokeniser.plain('ab')),
      [9],
    );
    assert.throws(
      () => idsOfText(model, (tokeniser) => tokeniser.encode('ñ')),
      ({ failure }: FailureError) =>
        failure.code === 'model-unusable' && /"ñ".*\. Change the text\.$/.test(failure.detail),
    );
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
        /stopped after 0\.6 s/,
      ],
      ["{{ raise_exception('only one turn') }}", /only one turn/],
      ['{% if %}', /./],
    ] as const) {
      writeByteLevelTokenizer(folder, { chat_template });
      const tokeniser = await open(600);
      assert.throws(() => tokeniser.chat('ab'), words);
    }
    writeByteLevelTokenizer(folder);
    const tokeniser = await open();
    assert.equal(tokeniser.hasChatTemplate, false);
    assert.throws(() => tokeniser.chat('ab'), /no chat template/);
  });

  /** tokenizer.json with other parts than the byte-level one. */
  const change = (parts: Readonly<Record<string, unknown>>, config: Readonly<Record<string, unknown>> = {}): void => {
    writeByteLevelTokenizer(folder, config);
    const path = join(folder, 'tokenizer.json');
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...parts }));
  };
  const refusedAs = async (limitMs?: number): Promise<string> => {
    const outcome = await openTokeniser(folder, limitMs);
    assert.ok(!outcome.ok);
    return outcome.why;
  };
  /** Tries every way to cut a row of a, and then all again. */
  const endless = { type: 'Replace', pattern: { Regex: '(a|aa)+!' }, content: '' };
  const manyAs = 'a'.repeat(60);

  it('a pattern that does not end is stopped: in the decoder, seen when the folder is opened, or later, and in the text', async () => {
    const wordLevel = (vocab: readonly string[]) => ({
      pre_tokenizer: { type: 'WhitespaceSplit' },
      post_processor: null,
      added_tokens: [],
      decoder: endless,
      model: {
        type: 'WordPiece',
        unk_token: 'x',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(vocab.map((token, id) => [token, id])),
      },
    });
    change(wordLevel(['x', manyAs]));
    assert.match(
      await refusedAs(600),
      /tokenizer\.json cannot be used \(it was stopped after 0\.6 s: .*\); give token ids/,
    );
    // Behind the tokens that are tried: the call that meets it is stopped, and the next one is answered.
    change(wordLevel([...Array.from({ length: 20 }, (_, id) => `t${id}`), manyAs]));
    const tokeniser = await open(600);
    assert.throws(() => tokeniser.decode([3, 20]), /stopped after 0\.6 s/);
    assert.throws(() => tokeniser.pieces([20]), /stopped after 0\.6 s/);
    assert.equal(tokeniser.decode([3]), 't3');
    change({ normalizer: endless });
    const other = await open(600);
    assert.throws(() => other.encode(manyAs), /stopped after 0\.6 s/);
    assert.deepEqual(other.encode('ab'), [0, 9]);
  });

  it('a template that fills the memory is stopped, and the process goes on', async () => {
    const grow =
      '{% set ns = namespace(a=["x"]) %}{% for i in range(64) %}{% set ns.a = ns.a + ns.a %}{% endfor %}{{ ns.a | length }}';
    writeByteLevelTokenizer(folder, { chat_template: grow });
    const tokeniser = await open();
    assert.throws(() => tokeniser.chat('ab'), /a list grows to more than 4,194,304 items/);
    assert.deepEqual(tokeniser.encode('ab'), [0, 9]);
  });

  it('parts that do not fit together have a sentence, never the inside of the library', async () => {
    const cases: readonly (readonly [parts: Readonly<Record<string, unknown>>, words: RegExp])[] = [
      [{ model: { type: 'Unigram', unk_id: 0, vocab: null } }, /\(its parts do not fit together\)/],
      [{ model: { type: 'Unigram', unk_id: 7, vocab: [] } }, /\(.+\)/],
      [{ model: { type: 'BPE', vocab: 3, merges: null } }, /\(.+\)/],
      [{ decoder: { type: 'Sequence', decoders: [null] } }, /\(its parts do not fit together\)/],
      [
        { normalizer: { type: 'Replace', pattern: { Regex: '(' }, content: '' } },
        /a regular expression that is not valid/,
      ],
      [{ added_tokens: [null] }, /\(its parts do not fit together\)/],
    ];
    for (const [parts, words] of cases) {
      change(parts);
      const outcome = await openTokeniser(folder);
      let why: string;
      if (outcome.ok) {
        // Opened: then the text is refused.
        try {
          why = `(${outcome.tokeniser.encode('ab').join()})`;
          assert.fail(`${JSON.stringify(parts)} gives ${why}`);
        } catch (error) {
          assert.ok(error instanceof TextFault, String(error));
          why = `(${error.message})`;
        }
      } else why = outcome.why;
      assert.match(why, words, JSON.stringify(parts));
      assert.equal(faultOfSentence(`${why}.`), undefined);
    }
  });

  it('a chat_template.json that holds no template leaves the tokenizer as it is', async () => {
    for (const text of ['null', '[]', '{}', '{"chat_template": null}', '7']) {
      writeByteLevelTokenizer(folder);
      writeFileSync(join(folder, 'chat_template.json'), text);
      const tokeniser = await open();
      assert.equal(tokeniser.hasChatTemplate, false, text);
      assert.deepEqual(tokeniser.encode('ab'), [0, 9], text);
    }
    // The template of the config counts then.
    writeByteLevelTokenizer(folder, { chat_template: [null, { name: 'default', template: 'a' }] });
    assert.deepEqual((await open()).chat('x'), { text: 'a', ids: [1] });
    writeFileSync(join(folder, 'chat_template.json'), '{"chat_template": ');
    const tokeniser = await open();
    assert.deepEqual(tokeniser.encode('ab'), [0, 9]);
    assert.throws(() => tokeniser.chat('x'), /^TextFault: its file cannot be used: it is not valid JSON/);
    writeFileSync(join(folder, 'tokenizer_config.json'), '{');
    assert.match(
      await refusedAs(),
      /^tokenizer_config\.json cannot be used \(it is not valid JSON.*\); give token ids instead\.$/,
    );
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
