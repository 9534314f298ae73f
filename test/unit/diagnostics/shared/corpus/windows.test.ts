/** Windows and batches: every token behind the first is predicted once, whatever the lengths. */
import assert from 'node:assert/strict';
import { batchesOf, predictedTokens, windowsOf } from '../../../../../diagnostics/shared/corpus/windows';

const ids = Array.from({ length: 10 }, (_, at) => 100 + at);

describe('windows of a document', () => {
  it('begin with the tokens in front of every text, and predict each token once', () => {
    const windows = windowsOf(0, ids, { lead: [1], size: 5 });
    assert.deepEqual(
      windows.map((window) => [window.ids, window.first, window.from]),
      [
        [[1, 100, 101, 102, 103], 0, 0],
        [[1, 104, 105, 106, 107], 4, 0],
        [[1, 108, 109], 8, 0],
      ],
    );
  });

  it('or with the last token of the window before', () => {
    const windows = windowsOf(0, ids, { lead: [], size: 5 });
    assert.deepEqual(
      windows.map((window) => [window.ids, window.first, window.from]),
      [
        [[100, 101, 102, 103, 104], 1, 0],
        [[104, 105, 106, 107, 108], 5, 0],
        [[108, 109], 9, 0],
      ],
    );
  });

  for (const lead of [[], [1], [1, 2]]) {
    it(`are batched without loss, behind ${lead.length} tokens`, () => {
      const shape = { lead, size: 16 };
      const lengths = [3, 16, 200, 1, 15, 14, 17, 0, 31, 5, 5, 5, 5, 90];
      const batches = batchesOf(lengths, shape, 3, 1);
      const found = batches.flat();
      const all = lengths.flatMap((length, document) => windowsOf(document, new Int32Array(length), shape));
      const names = (list: readonly { document: number; number: number }[]) =>
        list.map(({ document, number }) => `${document}.${number}`).sort();
      assert.deepEqual(names(found), names(all));
      assert.ok(batches.every((batch) => batch.length >= 1 && batch.length * 3 <= 16));
      for (const [document, length] of lengths.entries()) {
        const counted = all
          .filter((window) => window.document === document)
          .reduce((sum, window) => sum + window.ids.length - 1 - window.from, 0);
        assert.equal(counted, predictedTokens(length, shape), `document of ${length} tokens`);
      }
      assert.notDeepEqual(batches, batchesOf(lengths, shape, 3, 2), 'the seed orders them');
    });
  }
});
