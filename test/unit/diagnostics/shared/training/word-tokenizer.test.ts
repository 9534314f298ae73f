import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTokeniser } from '../../../../../compute-server/model/text/tokeniser';
import { languageBatch } from '../../../../../diagnostics/shared/training/language-batch';
import { smallModel } from '../../../../../diagnostics/shared/training/small-model';
import { WordTokenizer } from '../../../../../diagnostics/shared/training/word-tokenizer';

describe('WordTokenizer', () => {
  const text = 'Q: On the desk: pen red, cup blue.\n cup';
  const words = WordTokenizer.of([text, ' Mary']);

  it('has one token for each word with the space before it, and for each other character', () => {
    const ids = words.encode(text);
    const pieces = ['Q', ':', ' On', ' the', ' desk', ':', ' pen', ' red', ',', ' cup', ' blue', '.', '\n', ' cup'];
    assert.deepEqual(
      ids.map((id) => words.words[id]),
      pieces,
    );
    assert.equal(words.size, 2 + new Set(pieces).size + 1);
    assert.throws(() => words.encode('unseen'), /does not know "unseen"/);
  });

  it('reads and writes as the files that it gives do in the library that models are read with', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-words-'));
    try {
      const { tokenizer, config } = words.files();
      writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
      writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
      const opened = await openTokeniser(folder);
      assert.ok(opened.ok);
      const { tokeniser } = opened;
      assert.deepEqual(tokeniser.plain(text), words.encode(text));
      assert.deepEqual(tokeniser.encode(text), [words.start, ...words.encode(text)]);
      assert.equal(tokeniser.decode(words.encode(text)), text);
      assert.deepEqual(tokeniser.pieces(words.encode(' Mary cup')), [' Mary', ' cup']);
      assert.deepEqual(tokeniser.plain('unseen'), [1]);
      tokeniser.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('languageBatch', () => {
  it('shifts sequences by one, and fills shorter ones up with places that count nothing', () => {
    const size = { layers: 1, heads: 1, headDim: 4, feedForward: 4, vocabulary: 9, context: 16 };
    const { spec } = smallModel('small', size);
    const batch = languageBatch(spec, [
      { ids: [1, 2, 3, 4], weights: [9, 0.5, 1, 2] },
      { ids: [5, 6], weights: [9, 3] },
    ]);
    const of = (name: string) => ({ data: Array.from(batch[name]!.data, Number), shape: batch[name]!.shape });
    assert.deepEqual(of('token_ids'), { data: [1, 2, 3, 5, 0, 0], shape: [2, 3] });
    assert.deepEqual(of('targets'), { data: [2, 3, 4, 6, 0, 0], shape: [2, 3] });
    assert.deepEqual(of('target_weights'), { data: [0.5, 1, 2, 3, 0, 0], shape: [2, 3] });
    assert.deepEqual(of('positions'), { data: [0, 1, 2], shape: [3] });
    // Angles of position p: p, and p / 10 (100^(-2/4)).
    const cos = of('rope_cos.0');
    assert.deepEqual(cos.shape, [3, 2]);
    [1, 1, Math.cos(1), Math.cos(0.1), Math.cos(2), Math.cos(0.2)].forEach((value, i) =>
      assert.ok(Math.abs(cos.data[i]! - value) < 1e-6),
    );
  });
});
