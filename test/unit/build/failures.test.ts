/** The end of `npm test` names what failed: each test with its file and error, checks with what they printed last. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import Mocha from 'mocha';
import { failureLines } from '../../../build/failures.mjs';
import { collectFailed, type FailedTests } from '../../support/failed-tests';
import { runAgain, type TierResult } from '../../support/tier-result';

const root = join('/', 'repository');

/** Runs a suite in a Mocha of its own that prints nothing. */
async function failedOf(fill: (suite: Mocha.Suite, test: (title: string, act?: () => void) => void) => void) {
  class Silent {}
  const mocha = new Mocha({ reporter: Silent as unknown as Mocha.ReporterConstructor, retries: 1 });
  const suite = Mocha.Suite.create(mocha.suite, 'sums');
  const file = join(root, 'test', 'unit', 'sums.test.ts');
  suite.file = file;
  fill(suite, (title, act) => {
    const test = new Mocha.Test(title, act);
    test.file = file;
    suite.addTest(test);
  });
  return new Promise<FailedTests>((done) => {
    const runner = mocha.run(() => done(failed()));
    const failed = collectFailed(runner, root);
  });
}

const file = join('test', 'unit', 'sums.test.ts');

describe('the failures of a run', () => {
  it('are its failed tests, each once with file, title and error, apart from those that passed at the second try', async () => {
    let tries = 0;
    const { failures, retried, passes } = await failedOf((_, test) => {
      test('are right', () => {});
      test('add up', () => assert.equal(1 + 1, 3));
      test('are slow at first', () => {
        tries += 1;
        if (tries === 1) throw new RangeError('too slow\nby far');
      });
    });
    assert.deepEqual(
      failures.map(({ error: _, ...of }) => of),
      [{ file, title: 'sums add up' }],
    );
    assert.match(failures[0]?.error ?? '', /2 !== 3[^]*\nat .*failures\.test\.ts/);
    assert.deepEqual(
      retried.map(({ file: at, title }) => ({ file: at, title })),
      [{ file, title: 'sums are slow at first' }],
    );
    assert.deepEqual(passes, { [file]: 2 });
    assert.match(retried[0]?.error ?? '', /^RangeError: too slow\nby far\nat /);
  });

  it('count hooks and skipped tests, and cut what is long', async () => {
    const { failures } = await failedOf((suite, test) => {
      // A test without a function counts as skipped.
      test('is left out');
      suite.afterAll('tidies up', () => {
        throw new Error(Array.from({ length: 40 }, (_, at) => `line ${at + 1}`).join('\n'));
      });
    });
    assert.deepEqual(
      failures.map(({ title }) => title),
      ['sums is left out', 'sums "after all" hook: tidies up for "is left out"'],
    );
    const [skipped, hook] = failures;
    assert.equal(skipped?.error, 'It was skipped.');
    assert.match(hook?.error ?? '', /^line 1\n[^]*line 12\n…\nat /);
  });
});

describe('files that are run again', () => {
  const failure = (at: string, title: string) => ({ file: at, title, error: 'lost' });
  const result = (passes: Record<string, number>, failures: TierResult['failures']): TierResult => ({
    passed: Object.values(passes).reduce((sum, one) => sum + one, 0),
    failed: failures.length,
    skipped: 0,
    ...{ failures, retried: [], passes },
  });
  // In the first run two tests of a failed and a fourth was not reached.
  const first = result({ a: 1, b: 2, c: 5 }, [failure('a', 'clicks'), failure('a', 'types'), failure('b', 'waits')]);

  it('count by what the second run found in them; what passes there is named with its first error', () => {
    const again = runAgain(first, result({ a: 4, b: 3 }, []));
    assert.deepEqual([again.passed, again.failed, again.failures], [12, 0, []]);
    assert.deepEqual(again.retried, first.failures);
  });

  it('still fail where the second run does, also in another test', () => {
    const again = runAgain(first, result({ a: 3, b: 2 }, [failure('a', 'opens'), failure('b', 'waits')]));
    assert.deepEqual([again.passed, again.failed], [10, 2]);
    assert.deepEqual(again.failures, [failure('a', 'opens'), failure('b', 'waits')]);
    assert.deepEqual(again.retried, [failure('a', 'clicks'), failure('a', 'types')]);
  });

  it('fail where the second run wrote no result', () => {
    const none = result({}, [failure('driven', 'it wrote no result')]);
    assert.deepEqual([runAgain(first, none).passed, runAgain(first, none).failed], [5, 1]);
  });
});

describe('the last lines of npm test', () => {
  const failure = { file: 'test/laws/a.test.ts', title: 'a law holds', error: 'expected 1\nfound 2' };

  it('name the tier, the file, the title and the error of each test that failed or passed at the second try', () => {
    const retried = [{ file: 'test/process/b.test.ts', title: 'it answers', error: 'no answer' }];
    assert.deepEqual(failureLines({ name: 'process', failed: 1, failures: [failure], retried }), [
      '  process: test/laws/a.test.ts: a law holds\n    expected 1\n    found 2',
      '  process: test/process/b.test.ts: it answers (passed when it was run again)\n    no answer',
    ]);
    assert.deepEqual(failureLines({ name: 'process', failed: 0, text: 'all is well' }), []);
  });

  it('show the end of what a check or a tier that ended early printed', () => {
    const text = `${Array.from({ length: 40 }, (_, at) => `line ${at + 1}\n`).join('\n')}\n`;
    const [lint] = failureLines({ name: 'lint', failed: 1, why: 'it ended with code 1', text });
    const last = Array.from({ length: 12 }, (_, at) => `    line ${at + 29}`);
    assert.equal(lint, ['  lint: it ended with code 1', '    …', ...last].join('\n'));
    assert.deepEqual(failureLines({ name: 'unit', failed: 2, failures: [failure], why: 'it left running: node' }), [
      '  unit: test/laws/a.test.ts: a law holds\n    expected 1\n    found 2',
      '  unit: it left running: node',
    ]);
  });
});
