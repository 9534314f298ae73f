import assert from 'node:assert/strict';
import { random } from '../../../../../kernels/tensors/random';
import { rotation } from '../../../../../diagnostics/vision/concept-heads/rotation';
import { centred, shareOf, textShares } from '../../../../../diagnostics/vision/concept-heads/shares';
import { alongOneText, rowSpace, textSpan } from '../../../../../diagnostics/vision/concept-heads/text-span';
import { labelsOf, mostTexts, textsOf, usualTexts } from '../../../../../diagnostics/vision/concept-heads/texts';

const rows = (of: readonly (readonly number[])[]) => of.map((row) => Float64Array.from(row));
const near = (found: readonly number[], expected: readonly number[]): void => {
  assert.equal(found.length, expected.length);
  expected.forEach((value, at) => assert.ok(Math.abs((found[at] ?? NaN) - value) < 1e-9, `${found.join()} at ${at}`));
};

/** Sum of squares 8 along x, 2 along y, none along z. */
const head = rows([
  [2, 0, 0],
  [-2, 0, 0],
  [0, 1, 0],
  [0, -1, 0],
]);

describe('texts that span what a head writes', () => {
  const half = Math.SQRT1_2;

  it('takes the text of most variance, then what others leave', () => {
    const texts = rows([
      [0, 0, 1],
      [half, half, 0],
      [0, 1, 0],
      [1, 0, 0],
    ]);
    const found = textSpan(rowSpace(head, 80), texts, 4);
    assert.deepEqual(
      found.map(({ text }) => text),
      [3, 2],
    );
    near(
      found.map(({ explained }) => explained),
      [0.8, 1],
    );
  });

  it('a text that lies outside of what the head can say counts by what lies inside', () => {
    // 0.36 x 8 is more than 2, and 0.16 x 8 less.
    for (const [x, z, order] of [
      [0.6, 0.8, [0, 1]],
      [0.4, Math.sqrt(0.84), [1, 0]],
    ] as const) {
      const found = textSpan(
        rowSpace(head, 80),
        rows([
          [x, 0, z],
          [0, 1, 0],
        ]),
        2,
      );
      assert.deepEqual(
        found.map(({ text }) => text),
        order,
      );
    }
  });

  it('along one text: the largest share of its variance, of texts of length 1 as they are', () => {
    const along = (texts: readonly (readonly number[])[]) => alongOneText(rowSpace(head, 80), rows(texts));
    near(
      [
        along([[0, 1, 0]]),
        along([
          [0.6, 0, 0.8],
          [0, 1, 0],
        ]),
        along([[0, 0, 1]]),
      ],
      [0.2, 0.288, 0],
    );
    assert.ok(
      Number.isNaN(
        alongOneText(
          rowSpace(
            centred(
              rows([
                [1, 2],
                [1, 2],
              ]),
            ),
            80,
          ),
          rows([[1, 0]]),
        ),
      ),
    );
  });

  it('no more directions than were asked for, and their variance is of the whole', () => {
    const [first, ...more] = textSpan(
      rowSpace(head, 1),
      rows([
        [0, 1, 0],
        [half, half, 0],
      ]),
      2,
    );
    assert.deepEqual([first?.text, more], [1, []]);
    near([first?.explained ?? NaN], [0.8]);
  });

  it('a head that writes the same into every picture says nothing', () => {
    assert.deepEqual(
      textSpan(
        rowSpace(
          centred(
            rows([
              [1, 2],
              [1, 2],
            ]),
          ),
          80,
        ),
        rows([[1, 0]]),
        3,
      ),
      [],
    );
  });
});

describe('random rotations', () => {
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

  it('leave lengths and angles, and spread a vector of one number over all', () => {
    const rotate = rotation(64, random(5));
    const one = Float64Array.from({ length: 64 }, (_, i) => (i === 3 ? 1 : 0));
    const other = Float64Array.from({ length: 64 }, (_, i) => Math.sin(i));
    const [a, b] = [rotate(one), rotate(other)];
    for (const [found, expected] of [
      [dot(a, a), 1],
      [dot(a, b), dot(one, other)],
      [dot(b, b), dot(other, other)],
    ] as const)
      assert.ok(Math.abs(found - expected) < 1e-5, `${found}, not ${expected}`);
    assert.ok(Math.max(...Array.from(a, Math.abs)) < 0.5);
    assert.notDeepEqual(rotation(64, random(6))(one), a);
  });
});

describe('shares of what varies', () => {
  const one = rows([
    [3, 0],
    [1, 0],
  ]);
  const other = rows([
    [5, 1],
    [5, -1],
  ]);
  const whole = centred(
    rows([
      [8, 1],
      [6, -1],
    ]),
  );

  it('sum to 1 over the parts of a sum', () => near([shareOf(one, whole), shareOf(other, whole)], [0.5, 0.5]));

  it('along a text alike', () => {
    const texts = rows([
      [1, 0],
      [0.6, 0.8],
    ]);
    // Scores of the second: +-(0.6 + 0.8); of the first part +-0.6.
    const scores = rows([
      [1, -1],
      [1.4, -1.4],
    ]);
    near(textShares(one, texts, scores), [1, 0.6 / 1.4]);
    near(textShares(other, texts, scores), [0, 0.8 / 1.4]);
  });

  it('are none where the pictures do not differ', () =>
    assert.ok(
      Number.isNaN(
        shareOf(
          one,
          centred(
            rows([
              [1, 1],
              [1, 1],
            ]),
          ),
        ),
      ),
    ));
});

describe('texts and classes of a file', () => {
  const refusal = (act: () => unknown, sentence: RegExp) =>
    assert.throws(act, (error: { failure: { detail: string } }) => sentence.test(error.failure.detail));

  it('the usual texts are many, each once', () => {
    assert.ok(usualTexts.length > 150 && usualTexts.length < mostTexts);
    assert.equal(new Set(usualTexts).size, usualTexts.length);
    assert.deepEqual(
      usualTexts.filter((text) => /\ba [aeio]|\ban [^aeiou]/.test(text)),
      [],
    );
  });

  it('one text a line, without remarks', () => {
    assert.deepEqual(textsOf('t.txt', '// mine\na dog\r\n\n  a cat \na dog\n'), ['a dog', 'a cat']);
    refusal(() => textsOf('t.txt', 'a dog\n'), /^t\.txt holds fewer than two texts\./);
    refusal(() => textsOf('t.txt', `a\n${'b'.repeat(501)}`), /more than 500 characters/);
    refusal(
      () => textsOf('t.txt', Array.from({ length: mostTexts + 1 }, (_, i) => i).join('\n')),
      /holds 1025 texts, and at most 1024/,
    );
  });

  it('classes by file name', () => {
    assert.deepEqual(
      [...labelsOf('l.json', '{"a.png": "a dog", "b.png": " a cat "}')],
      [
        ['a.png', 'a dog'],
        ['b.png', 'a cat'],
      ],
    );
    for (const [file, sentence] of [
      ['{', /not valid JSON/],
      ['[1]', /holds no object/],
      ['{"a": 3}', /"a" has no text/],
      ['{"a": "x", "b": "x"}', /fewer than two classes/],
    ] as const)
      refusal(() => labelsOf('l.json', file), sentence);
  });
});
