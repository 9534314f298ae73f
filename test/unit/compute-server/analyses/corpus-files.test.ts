/** A corpus as it lies on disk: what is right is read, what is wrong is named, and nothing is read without end. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { countedCorpusAt, readCorpusAt } from '../../../../compute-server/analyses/corpus-files';
import { wholeCharacters } from '../../../../compute-server/runner/files';
import { mostBytes, mostCharacters, mostDocuments } from '../../../../diagnostics/corpus';
import { random } from '../../../../kernels/tensors/random';
import { FailureError } from '../../../../protocol/wire/failures';

describe('a corpus', () => {
  const root = mkdtempSync(join(tmpdir(), 'headscope-corpus-'));
  after(() => rmSync(root, { recursive: true, force: true }));

  const reading = { pause: () => Promise.resolve() };
  const written = (name: string, content: string | Uint8Array): string => {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
  const read = (name: string, content: string | Uint8Array) => readCorpusAt(written(name, content), reading);
  const lines = (...all: readonly unknown[]): string =>
    all.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  const refusal = async (promise: Promise<unknown>): Promise<string> => {
    const error: unknown = await promise.then(
      () => assert.fail('it was not refused'),
      (reason: unknown) => reason,
    );
    return error instanceof FailureError && 'detail' in error.failure
      ? error.failure.detail
      : assert.fail(String(error));
  };

  it('JSONL: text or token ids, with id and source where they are given; other fields are not looked at', async () => {
    const corpus = await read(
      'a.jsonl',
      lines(
        { text: 'One.', id: 'x1', source: 'web', url: 'https://example.org', meta: { a: 1 } },
        '',
        { text: 'Two.\n\nStill two.', id: 7, domain: 'code' },
        { ids: [1, 2, 3] },
      ),
    );
    assert.equal(corpus.name, 'a.jsonl');
    assert.deepEqual(corpus.notes, []);
    assert.deepEqual(corpus.documents, [
      { text: 'One.', id: 'x1', source: 'web' },
      { text: 'Two.\n\nStill two.', id: '7', source: 'code' },
      { text: null, ids: [1, 2, 3] },
    ]);
    assert.match(corpus.sha256, /^[0-9a-f]{64}$/);
  });

  it('JSONL: each bad line is named with what is wrong, and the others are read', async () => {
    const { documents, notes } = await read(
      'bad.jsonl',
      lines(
        '{"text": "cut',
        [1],
        { id: 'a' },
        { text: 'a', ids: [1] },
        { text: 5 },
        { text: ' ' },
        { ids: [-1] },
        {
          text: 'good',
        },
      ),
    );
    assert.deepEqual(documents, [{ text: 'good' }]);
    assert.match(notes[0] ?? '', /^Line 1 is left out: it is not valid JSON \(.*\)\.$/);
    assert.deepEqual(notes.slice(1), [
      'Line 2 is left out: it is not a JSON object.',
      'Line 3 is left out: it has to have either "text" or "ids".',
      'Line 4 is left out: it has to have either "text" or "ids".',
      'Line 5 is left out: text is not a text.',
      'Line 6 is left out: it has no text.',
      'Line 7 is left out: ids[0] is not a token id.',
    ]);
  });

  it('bytes that are not UTF-8: their line or document is named and left out, and U+FFFD as it stands in a text is read', async () => {
    // Latin-1 of "café", a cut character, and the two characters é and � in UTF-8.
    const latin = Buffer.concat([Buffer.from('{"text": "caf'), Buffer.of(0xe9), Buffer.from('"}\r\n')]);
    const cut = Buffer.concat([Buffer.from('{"text": "'), Buffer.of(0xe2, 0x82), Buffer.from('"}\n')]);
    const good = Buffer.from('{"text": "é \ufffd"}\n');
    const byLine = await read('mixed.jsonl', Buffer.concat([good, latin, cut, good]));
    assert.deepEqual(byLine.documents, [{ text: 'é \ufffd' }, { text: 'é \ufffd' }]);
    assert.deepEqual(byLine.notes, [
      'Line 2 is left out: it is not valid JSON (it has bytes that are not UTF-8).',
      'Line 3 is left out: it is not valid JSON (it has bytes that are not UTF-8).',
    ]);
    const text = Buffer.concat([Buffer.from('One.\n\nCaf'), Buffer.of(0xe9), Buffer.from('\n\nThree \ufffd.\n')]);
    const byDocument = await read('mixed.txt', text);
    assert.deepEqual(byDocument.documents, [{ text: 'One.' }, { text: 'Three \ufffd.' }]);
    assert.deepEqual(byDocument.notes, ['Document 2 is left out: it has bytes that are not UTF-8.']);
    written('encodings/latin.txt', Buffer.of(0x63, 0x61, 0x66, 0xe9));
    written('encodings/utf8.txt', 'café');
    const folder = await readCorpusAt(join(root, 'encodings'), reading);
    assert.deepEqual(folder.notes, ['latin.txt is left out: it has bytes that are not UTF-8.']);
    assert.deepEqual(
      folder.documents.map((document) => document.text),
      ['café'],
    );
  });

  it('a character that the limit of bytes cuts in two is not part of the text', () => {
    const euro = Buffer.from('a €');
    const cuts = [5, 4, 3, 2].map((length) => wholeCharacters(euro.subarray(0, length)).toString());
    assert.deepEqual(cuts, ['a €', 'a ', 'a ', 'a ']);
    assert.equal(wholeCharacters(Buffer.from('😀').subarray(0, 3)).length, 0);
  });

  it('text: blank lines stand between documents', async () => {
    const { documents, notes } = await read(
      'b.txt',
      '\n\n  First,\nsecond line.\n\n \t\r\n\nSecond document.\r\n\r\nThird\n',
    );
    assert.deepEqual(notes, []);
    assert.deepEqual(documents, [{ text: '  First,\nsecond line.' }, { text: 'Second document.' }, { text: 'Third' }]);
  });

  it('a file without an ending that says it is JSONL where its first line is a JSON object', async () => {
    assert.deepEqual((await read('dump', lines({ text: 'a' }, { text: 'b' }))).documents, [
      { text: 'a' },
      { text: 'b' },
    ]);
    assert.deepEqual((await read('notes', '{ a brace\nand more')).documents, [{ text: '{ a brace\nand more' }]);
  });

  it('a folder: each text file is one document, its source the folder inside; JSONL files are read by lines', async () => {
    written('set/b.txt', 'Bee.\n\nStill the same document.');
    written('set/code/a.py', 'print(1)\n');
    written('set/web/part.jsonl', lines({ text: 'w1' }, { text: 'w2', source: 'other' }));
    written('set/.hidden.txt', 'not read');
    written('set/picture.png', Uint8Array.of(137, 80, 78, 71, 0, 1));
    written('outside.txt', 'not read');
    symlinkSync(join(root, 'outside.txt'), join(root, 'set', 'link.txt'));
    const corpus = await readCorpusAt(join(root, 'set'), reading);
    assert.deepEqual(corpus.documents, [
      { text: 'Bee.\n\nStill the same document.', id: 'b.txt' },
      { text: 'print(1)\n', id: 'code/a.py', source: 'code' },
      { text: 'w1', source: 'web' },
      { text: 'w2', source: 'other' },
    ]);
    assert.equal(corpus.notes.length, 1);
    assert.match(corpus.notes[0] ?? '', /^picture\.png is left out: it is not text in UTF-8/);
  });

  it('what cannot be used is refused with a sentence that says why', async () => {
    assert.match(await refusal(readCorpusAt(join(root, 'none.txt'), reading)), /none\.txt cannot be read/);
    assert.match(await refusal(readCorpusAt('/dev/null', reading)), /neither a file nor a folder/);
    assert.match(await refusal(read('empty.txt', ' \n\n')), /has no document\. Give a JSONL file/);
    assert.match(await refusal(read('wrong.jsonl', '{}')), /has no document\. Line 1 is left out: it has to have/);
    assert.match(await refusal(read('utf16.txt', Buffer.from('text', 'utf16le'))), /not text in UTF-8/);
  });

  it('reads no more than its limits, and says so', async () => {
    const most = await read('many.txt', 'a\n\n'.repeat(mostDocuments + 3));
    assert.equal(most.documents.length, mostDocuments);
    assert.deepEqual(most.notes, ['The first 20,000 documents are read; 3 more are not.']);

    const long = await read('long.txt', `short\n\n${'a'.repeat(mostCharacters + 1)}`);
    assert.deepEqual(long.documents, [{ text: 'short' }]);
    assert.match(long.notes[0] ?? '', /^Document 2 is left out: it has 1,048,577 characters/);

    const wrong = await read('wrong-lines.jsonl', `${'{\n'.repeat(100)}{"text":"a"}`);
    assert.equal(wrong.notes.length, 21);
    assert.equal(wrong.notes.at(-1), '80 more are left out for such reasons.');

    // A file of a terabyte, as far as the file system says.
    const path = written('huge.jsonl', `{"text":"a"}\n${' '.repeat(100)}`);
    truncateSync(path, 2 ** 40);
    const counted = await countedCorpusAt(path, reading);
    assert.deepEqual([counted.documents.length, counted.bytes], [0, mostBytes]);
  });

  it('whatever bytes a file has, it is read or refused with a sentence', async () => {
    const seeds = [
      '{"text":"a"}\n{"ids":[1,2],"id":3}\n',
      'One.\n\nTwo.\r\n \r\n',
      '\ufeff{"text":"b","source":""}\n',
      '[[[{',
    ];
    const source = random(11);
    for (let run = 0; run < 300; run++) {
      const bytes = Buffer.from(seeds[run % seeds.length]?.repeat(1 + source.whole(3)) ?? '');
      for (let at = 0; at < bytes.length; at++) if (source.uniform() < 0.05) bytes[at] = source.whole(256);
      const path = written(run % 2 === 0 ? 'any.jsonl' : 'any', bytes);
      const corpus = await readCorpusAt(path, reading).catch((error: unknown) => error);
      if (corpus instanceof FailureError) assert.ok('detail' in corpus.failure && /\.$/u.test(corpus.failure.detail));
      else {
        assert.ok(!(corpus instanceof Error), String(corpus));
        const { documents, notes } = corpus as Awaited<ReturnType<typeof readCorpusAt>>;
        assert.ok(documents.every(({ text, ids }) => (text ?? '').trim() !== '' || (ids?.length ?? 0) > 0));
        assert.ok(notes.every((note) => note.endsWith('.')));
      }
    }
  });

  it('can be interrupted between two lines', async () => {
    let pauses = 0;
    const stopping = () => (++pauses > 5 ? Promise.reject(new Error('stopped')) : Promise.resolve());
    const path = written('stop.jsonl', '{"text":"a"}\n'.repeat(100));
    await assert.rejects(readCorpusAt(path, { pause: stopping }), /stopped/);
    assert.equal(pauses, 6);
  });

  it('a small corpus is read whole for an estimate', async () => {
    const path = written('small.txt', 'a\n\nb');
    assert.deepEqual(await countedCorpusAt(path, reading), await readCorpusAt(path, reading));
  });
});
