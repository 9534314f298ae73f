/** Labels as a person writes them, parts by class, and classes that a checkpoint knows. */
import assert from 'node:assert/strict';
import { readLabels, splitByClass } from '../../../../../diagnostics/vision/vit-visual-analytics/labelled-pictures';
import { readerFor } from '../../../../../diagnostics/vision/vit-visual-analytics/judge';
import { divergence, turned } from '../../../../../diagnostics/vision/vit-visual-analytics/metrics';
import { queryPatch } from '../../../../../diagnostics/vision/vit-visual-analytics/look-closer';
import { FailureError } from '../../../../../protocol/wire/failures';

function detailOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FailureError && 'detail' in error.failure) return error.failure.detail;
    throw error;
  }
  return 'nothing was refused';
}

describe('labelled pictures', () => {
  it('are read from JSON and from lines, and what does not fit is said', () => {
    assert.deepEqual(
      [...readLabels('l', '{"a.png": "cat", "d/b.png": "dog"}')],
      [
        ['a.png', 'cat'],
        ['d/b.png', 'dog'],
      ],
    );
    assert.deepEqual(
      [...readLabels('l', 'a,b.png, cat\n\nc.png,dog\r\n')],
      [
        ['a,b.png', 'cat'],
        ['c.png', 'dog'],
      ],
    );
    for (const [content, why] of [
      ['{"a.png": ["cat"]}', /one class by name/],
      ['{"a.png"', /not valid JSON/],
      ['a.png,cat\nb.png', /^Line 2 of l is not/],
      ['\n', /names no picture/],
    ] as const) {
      assert.match(
        detailOf(() => readLabels('l', content)),
        why,
      );
    }
  });

  it('fall into two or three parts class by class; a class with too few is left out', () => {
    const pictures = ['a', 'a', 'a', 'a', 'a', 'b', 'b', 'c'].map((label, at) => ({ label, at }));
    const two = splitByClass(pictures, false, 1);
    assert.deepEqual([two.probe.length, two.ranking.length, two.heldOut.length, two.small], [0, 4, 3, ['c']]);
    const three = splitByClass(pictures, true, 1);
    assert.deepEqual([three.probe.length, three.ranking.length, three.heldOut.length], [2, 2, 1]);
    assert.deepEqual(three.small, ['b', 'c']);
    const all = [...three.probe, ...three.ranking, ...three.heldOut].map(({ at }) => at);
    assert.deepEqual(all.sort(), [0, 1, 2, 3, 4]);
  });

  it('are named by the classifier where it knows their classes, else by a probe', () => {
    const of = (...labels: string[]) => labels.map((label) => ({ label }));
    assert.equal(readerFor('auto', ['Cat', 'dog'], of('cat', '1')).byClassifier, true);
    assert.equal(readerFor('auto', ['Cat', 'dog'], of('cat', 'bird')).byClassifier, false);
    const some = readerFor('classifier', ['Cat', 'dog'], of('cat', 'bird'));
    assert.deepEqual([some.byClassifier, some.classOf('CAT'), some.classOf('bird')], [true, 0, undefined]);
    assert.match(some.notes[0] ?? '', /left out: bird/);
    assert.match(
      detailOf(() => readerFor('classifier', ['Cat'], of('bird'))),
      /none of the classes of the pictures/,
    );
    assert.match(
      detailOf(() => readerFor('classifier', undefined, of('bird'))),
      /linear probe/,
    );
  });

  it('metrics of two distributions and two vectors, by hand', () => {
    assert.equal(divergence([1, 0], [0, 1]), Math.LN2);
    assert.equal(divergence([0.3, 0.7], [0.3, 0.7]), 0);
    assert.equal(divergence([0.2, 0.8], [0.6, 0.4]), divergence([0.6, 0.4], [0.2, 0.8]));
    // Halves (3/4, 1/4) and (1/4, 3/4): ln 2 less the entropies' mean.
    const entropy = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25));
    assert.ok(Math.abs(divergence([0.75, 0.25], [0.25, 0.75]) - (Math.LN2 - entropy)) < 1e-15);
    assert.equal(turned([1, 0], [0, 3]), 1);
    assert.equal(turned([2, 0], [4, 0]), 0);
  });

  it('a query patch is row and column, the middle where none is named', () => {
    assert.deepEqual([queryPatch('', { rows: 4, columns: 4 }), queryPatch('1, 3', { rows: 4, columns: 4 })], [10, 7]);
    assert.match(
      detailOf(() => queryPatch('4,0', { rows: 4, columns: 4 })),
      /at most 3,3/,
    );
  });
});
