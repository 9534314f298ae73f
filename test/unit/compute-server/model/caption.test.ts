import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptionJudge, TextPieces } from '../../../../diagnostics/shared/captions/caption';
import { separationOf } from '../../../../diagnostics/shared/captions/picture-set';
import { openTokeniser } from '../../../../compute-server/model/text/tokeniser';
import { layersOf } from '../../../../compute-server/cli/reinforcement-options';
import type { DatasetEntry } from '../../../../protocol/results/hallucination-schema';
import { writeByteLevelTokenizer } from '../../../support/checkpoints/tokenizers';

describe('captions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-caption-'));
  after(() => rmSync(folder, { recursive: true }));

  it('texts of the tokens join to the text, with characters of several tokens whole', async () => {
    writeByteLevelTokenizer(folder);
    const tokeniser = await openTokeniser(folder);
    assert.ok(tokeniser.ok);
    const pieces = new TextPieces((some) => tokeniser.tokeniser.decode(some));
    // ab, é of two bytes, € of three, ab
    const ids = [9, 4, 5, 6, 7, 8, 11];
    const texts = ids.map((id) => pieces.next(id));
    assert.equal(texts.join(''), tokeniser.tokeniser.decode(ids));
    assert.deepEqual(texts, ['ab', '', 'é', '', '', '€', ' ab']);
  });

  it('judges words with a truth, marks them without', () => {
    const text = 'A dog and a cat.';
    const marked = new CaptionJudge({}).parts(text);
    assert.deepEqual(
      marked.mentions.map(({ object, inTruth }) => [object, inTruth]),
      [
        ['dog', undefined],
        ['cat', undefined],
      ],
    );
    assert.equal(marked.score, undefined);
    const judged = new CaptionJudge({ truth: ['dogs', 'bus'] }).parts(text);
    assert.deepEqual(
      judged.mentions.map(({ inTruth }) => inTruth),
      [true, false],
    );
    assert.deepEqual(judged.score, { length: 5, mentions: 2, hallucinated: 1, chairI: 0.5, recall: 0.5 });
    const told = new CaptionJudge({ truth: ['dogs', 'dragon', 'dragon'], references: ['a cat'] });
    assert.deepEqual(told.parts(text).score?.hallucinated, 0);
    assert.deepEqual(told.labels, { total: 2, unknown: 1, names: ['dragon'] });
    assert.match(new CaptionJudge({}).parts('dog '.repeat(9)).broken ?? '', /"dog" 9 times in a row/);
  });

  it('two-word names of a lexicon are joined unless it is a list in the published form', () => {
    const classes = { 'coffee table': [], table: [] };
    const objects = (publishedNames: boolean): string[] =>
      new CaptionJudge({ lexicon: { classes, publishedNames } })
        .parts('a coffee table')
        .mentions.map(({ object }) => object);
    assert.deepEqual(objects(false), ['coffee table']);
    assert.deepEqual(objects(true), ['table']);
  });

  it('T-VHD of the token that begins a word is what is told apart', () => {
    const token = (text: string, tVhd: number) => ({ id: 0, text, tVhd, probability: 1, visualAttention: 0 });
    const entry: DatasetEntry = {
      name: 'a.png',
      truth: ['dog'],
      variants: [],
      plain: {
        reinforcement: null,
        text: ' A dog, a cat',
        tokens: [token(' A', 9), token(' do', 5), token('g', 1), token(', a', 8), token(' cat', 2)],
        mentions: [
          { word: 'dog', object: 'dog', start: 3, end: 6, inTruth: true },
          { word: 'cat', object: 'cat', start: 10, end: 13, inTruth: false },
        ],
      },
    };
    const { hallucinated, truthful, auroc, histogram } = separationOf([entry]);
    assert.deepEqual([hallucinated, truthful, auroc], [[2], [5], 1]);
    assert.deepEqual(
      [histogram.from, histogram.to, histogram.hallucinated[0], histogram.truthful.at(-1)],
      [2, 5, 1, 1],
    );
    assert.equal(separationOf([]).auroc, null);
  });

  it('layers are read as numbers and ranges', () => {
    assert.equal(layersOf('auto'), 'auto');
    assert.deepEqual(layersOf('1, 3-5,4'), [1, 3, 4, 5]);
    for (const wrong of ['', 'x', '5-3', '1,,2', '-1']) assert.throws(() => layersOf(wrong), /auto, or layers/);
  });
});
