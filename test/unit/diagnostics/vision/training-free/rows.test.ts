/** Figures of methods on made-up captions, worked out by hand. */
import assert from 'node:assert/strict';
import { finding } from '../../../../../diagnostics/vision/training-free/finding';
import type {
  Answer,
  ComparedMethod,
  MethodOutput,
  PictureEntry,
} from '../../../../../diagnostics/vision/training-free/result';
import { rowsOf } from '../../../../../diagnostics/vision/training-free/rows';
import { sections } from '../../../../../diagnostics/vision/training-free/sections';
import { pairedProportions } from '../../../../../diagnostics/shared/statistics/over-pictures';

const lexicon = { lexicon: { classes: { dog: [], cat: [], car: ['auto'], tree: [] }, publishedNames: false } };
const methodsOf = (...ids: readonly string[]): readonly ComparedMethod[] =>
  ids.map((id) => ({ id, title: id.toUpperCase(), settings: '', source: 'made up' }));

const answer = (readAs: 'yes' | 'no'): Answer => ({ text: readAs, readAs, clear: true });
const output = (text: string, more: Partial<MethodOutput> = {}): MethodOutput => ({
  text,
  tokens: 4,
  wrong: [],
  chairI: null,
  recall: null,
  answers: [],
  ...more,
});
const picture = (
  name: string,
  truth: readonly string[],
  ...outputs: readonly (MethodOutput | null)[]
): PictureEntry => ({
  name,
  truth,
  questions: [
    { object: 'dog', label: 'yes' },
    { object: 'tree', label: 'no' },
  ],
  outputs,
});

const close = (value: number | null | undefined, wanted: number): void =>
  assert.ok(Math.abs((value ?? Number.NaN) - wanted) < 1e-9, `${value}, not ${wanted}`);

describe('the rows of training-free methods', () => {
  const entries = [
    picture(
      'a.png',
      ['dog', 'cat'],
      output('A dog and a car and a tree.', {
        answers: [answer('yes'), answer('yes')],
        time: { promptMs: 10, tokenMs: 4 },
      }),
      output('A dog.', { answers: [answer('yes'), answer('no')], time: { promptMs: 30, tokenMs: 8 } }),
    ),
    picture(
      'b.png',
      ['dog', 'tree'],
      output('A dog, a tree.', {
        answers: [answer('no'), answer('no')],
        time: { promptMs: 20, tokenMs: 5 },
        stoppedAt: 4,
      }),
      output('A dog, an auto.', { answers: [answer('no'), answer('no')], time: { promptMs: 50, tokenMs: 10 } }),
    ),
  ];
  const [plain = assert.fail(), other = assert.fail()] = rowsOf(methodsOf('plain', 'made'), entries, lexicon);

  it('have CHAIR, recall, F1, words, answers and times as by hand', () => {
    // Plain mentions: dog car tree (two wrong), dog tree. Of four true objects three are named: dog, dog, tree; five are named in all.
    close(plain.score.chairS, 1 / 2);
    close(plain.score.chairI, 2 / 5);
    close(plain.score.recall, 3 / 4);
    close(plain.score.f1, (2 * 3) / (5 + 4));
    close(plain.score.length, (8 + 4) / 2);
    assert.equal(plain.score.unfinished, 1);
    close(plain.accuracy, 2 / 4);
    close(plain.yesRatio, 2 / 4);
    close(plain.promptMs, 15);
    close(plain.tokenMs, 4.5);
    assert.deepEqual([plain.different, plain.changes], [0, undefined]);
    // Dog; dog car, of which the car is wrong.
    close(other.score.chairS, 1 / 2);
    close(other.score.chairI, 1 / 3);
    close(other.score.recall, 2 / 4);
    close(other.score.f1, (2 * 2) / (3 + 4));
    close(other.accuracy, 3 / 4);
    close(other.yesRatio, 1 / 4);
    assert.equal(other.different, 2);
  });

  it('have differences to the plain model on the same pictures', () => {
    const { changes = assert.fail() } = other;
    // One picture is right in each alone.
    assert.deepEqual(changes.chairS, pairedProportions(2, 1, 1));
    // Words: 2 - 8 and 4 - 4; Student's t of 1 degree of freedom is 12.7062.
    close(changes.length?.difference, -3);
    close(changes.length?.low, -3 - 12.706204736432095 * 3);
    // Cut to two words the plain caption of the first is "A dog": nothing is wrong there any more.
    assert.deepEqual(changes.chairSAtLength, pairedProportions(2, 1, 0));
    // Both pictures take twice as long.
    close(changes.time?.ratio, 2);
    close(changes.time?.low, 2);
    // Too few pictures changed for the jackknife.
    assert.deepEqual([changes.chairI, changes.recall, changes.f1, changes.accuracy], [null, null, null, null]);
  });

  it('differences of pooled shares are those of the rows', () => {
    const many = Array.from({ length: 8 }, (_, at) =>
      picture(
        `${at}.png`,
        ['dog', 'cat'],
        output(at % 2 === 0 ? 'A dog and a car.' : 'A dog, a car, a tree.', {
          answers: [answer('yes'), answer('yes')],
        }),
        output(at % 4 === 0 ? 'A dog, a cat, a car.' : 'A cat and a dog.', { answers: [answer('yes'), answer('no')] }),
      ),
    );
    const [one = assert.fail(), two = assert.fail()] = rowsOf(methodsOf('plain', 'made'), many, lexicon);
    const { changes = assert.fail() } = two;
    const minus = (a: number | null, b: number | null): number => (a ?? Number.NaN) - (b ?? Number.NaN);
    close(changes.chairI?.difference, minus(two.score.chairI, one.score.chairI));
    close(changes.recall?.difference, minus(two.score.recall, one.score.recall));
    close(changes.f1?.difference, minus(two.score.f1, one.score.f1));
    close(changes.accuracy?.difference, 1 / 2);
    close(changes.yesRatio?.difference, -1 / 2);
    // Six of eight captions are right that were wrong; Tango's interval leaves 0 out.
    assert.deepEqual(changes.chairS, pairedProportions(8, 0, 6));
  });

  it('leave out pictures that the method could not be run on', () => {
    const [, row = assert.fail()] = rowsOf(
      methodsOf('plain', 'made'),
      entries.map((entry, at) => (at === 0 ? { ...entry, outputs: [entry.outputs[0] ?? null, null] } : entry)),
      lexicon,
    );
    assert.equal(row.score.captions, 1);
    assert.deepEqual(row.changes?.chairS, pairedProportions(1, 1, 0));
  });

  it('are said with the caution that a shorter caption is wrong less often', () => {
    const short = Array.from({ length: 12 }, (_, at) =>
      picture(`${at}.png`, ['dog', 'cat'], output('A dog, a cat, a tree.'), output(at === 0 ? 'A dog and.' : 'A dog.')),
    );
    const methods = methodsOf('plain', 'made');
    const result = { methods, rows: rowsOf(methods, short, lexicon), entries: short, total: 12 };
    const said = finding(result);
    assert.match(said, /^12 pictures: 100 % of the plain captions name an object that is not there\./);
    assert.match(said, /1 lowers that share .*: MADE −100\.0/);
    assert.match(
      said,
      /MADE writes 3\.92 words less and names 50 percentage points fewer of the objects, and a caption/,
    );
    // Cut to two or three words the plain captions have nothing wrong either.
    assert.match(said, /For captions of equal length, the change is 0\.0 \(.*\), no more than noise\./);
    const table = sections(result).find(({ id }) => id === 'methods');
    assert.ok(table?.kind === 'table');
    assert.deepEqual(
      table.rows.map(([name, count, changed, chairS]) => [name, count, changed, chairS]),
      [
        ['PLAIN', 12, null, 1],
        ['MADE', 12, 12, 0],
      ],
    );
  });

  it('that make it worse are named', () => {
    const worse = Array.from({ length: 12 }, (_, at) =>
      picture(`${at}.png`, ['dog'], output('A dog.'), output('A dog, a car.')),
    );
    const methods = methodsOf('plain', 'made');
    const said = finding({ methods, rows: rowsOf(methods, worse, lexicon), entries: worse, total: 12 });
    assert.match(
      said,
      /MADE does not lower that share by more than noise\. Raised by more than noise: MADE \+100\.0 \(/,
    );
  });

  it('without an effect are said to have none', () => {
    const methods = methodsOf('plain', 'made');
    const result = { methods, rows: rowsOf(methods, entries, lexicon), entries, total: 2 };
    assert.match(finding(result), /2 pictures: 50 % .*; MADE does not lower that share by more than noise\.$/);
  });
});
