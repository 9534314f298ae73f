import assert from 'node:assert/strict';
import { unigramRecall, wordsOf } from '../../../../../diagnostics/shared/retrieval/rouge';

const recall = (target: string, text: string): number => unigramRecall(wordsOf(target), wordsOf(text));

describe('ROUGE-1 recall', () => {
  it('is the share of the target’s words that stand in the text', () => {
    // Target: eat a sandwich and sit in dolores park (8 words); found: eat, a, sandwich, in, park.
    assert.equal(recall('eat a sandwich and sit in Dolores Park', 'You eat a sandwich in the park.'), 5 / 8);
    assert.equal(recall('the garden', 'garden'), 1 / 2);
    assert.equal(recall('garden', 'It is in the garden.'), 1);
    assert.equal(recall('garden', ''), 0);
    assert.ok(Number.isNaN(recall('…', 'garden')));
  });

  it('counts a word at most as often as it stands in the target, and in the text', () => {
    assert.equal(recall('the cat the dog', 'the'), 1 / 4);
    assert.equal(recall('cat', 'cat cat cat'), 1);
  });

  it('takes words by their stem, in lower case, without punctuation; words of three letters and less as they are', () => {
    // Examples of Porter 1980: CARESSES -> CARESS, PONIES -> PONI, PLASTERED -> PLASTER, MOTORING -> MOTOR.
    assert.deepEqual(wordsOf('Caresses, ponies; plastered-motoring'), ['caress', 'poni', 'plaster', 'motor']);
    assert.deepEqual(wordsOf('was gas'), ['was', 'gas']);
    assert.equal(recall('sitting on benches', 'he sits on a bench'), 1);
  });

  it('knows digits and letters of other scripts as words', () => {
    assert.deepEqual(wordsOf('Key: 58213.'), ['key', '58213']);
    assert.deepEqual(wordsOf('ключ в саду'), ['ключ', 'в', 'саду']);
  });

  it('works on token ids', () => {
    assert.equal(unigramRecall([5, 6, 5], [5, 7, 6]), 2 / 3);
  });
});
