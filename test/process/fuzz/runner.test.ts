/** The fuzz runner finds each kind of fault that is planted, names its seed, and goes on with the batch. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { faultOfSentence } from '../../support/fuzz/judge';
import { runSubject, type Report } from '../../support/fuzz/runner';
import { subject, wrong } from './planted';

const file = join(__dirname, 'planted.ts');
const most = 40;

describe('the fuzz runner', () => {
  let report: Report;
  before(async function () {
    this.timeout(180_000);
    // One worker: inputs follow each other, as the poisoned one needs.
    report = await runSubject({ file, subject, from: 1, count: most, workers: 1, mostFindings: most });
  });

  const found = (seed: number) => report.findings.find((finding) => finding.seed === seed);

  it('tries every input, whatever happened before it', () => {
    assert.equal(report.inputs, most);
    assert.equal(report.complaint, undefined);
    assert.equal(report.values + report.refusals + report.findings.length, most);
  });

  it('finds what was planted and nothing else', () => {
    const { poisons, ...others } = wrong;
    const expected = [...Object.values(others), poisons + 1].sort((a, b) => a - b);
    assert.deepEqual(
      report.findings.map(({ seed }) => seed),
      expected,
    );
  });

  it('ends what hangs: at work, waiting, or in a process that it started', () => {
    assert.equal(found(wrong.hangs)?.what, 'hung');
    // Where a system reports no processor time, and on a machine far busier than it was a minute ago, the clock comes first.
    assert.match(found(wrong.hangs)?.detail ?? '', /still working after 1.5 s|still waiting after 3 s/);
    assert.equal(found(wrong.waitsForNothing)?.what, 'hung');
    assert.equal(found(wrong.hangsInAChild)?.what, 'hung');
  });

  it('finds crashes with the last words', () => {
    assert.equal(found(wrong.aborts)?.what, 'crashed');
    assert.equal(found(wrong.failsOutsideItsCall)?.what, 'crashed');
    assert.match(found(wrong.failsOutsideItsCall)?.detail ?? '', /outside/);
  });

  it('finds memory on the heap, beside it, and given back in the meantime', () => {
    for (const seed of [wrong.fillsTheHeap, wrong.fillsBuffers, wrong.takesAndGivesBack]) {
      assert.equal(found(seed)?.what, 'took too much memory', String(seed));
    }
  });

  it('takes no empty answer, no stack and no escape sequence', () => {
    for (const seed of [
      wrong.saysNothing,
      wrong.saysUndefined,
      wrong.throws,
      wrong.refusesWithTheInside,
      wrong.refusesWithEscapes,
    ]) {
      assert.equal(found(seed)?.what, 'gave no clear answer', String(seed));
      assert.equal(found(seed)?.alone, true);
    }
  });

  it('says when an input fails only after those before it', () => {
    assert.equal(found(wrong.poisons + 1)?.alone, false);
  });

  it('says that a subject cannot be loaded, or that its inputs are too broken or too tame', async function () {
    this.timeout(60_000);
    const missing = await runSubject({ file: `${file}x`, subject, from: 1, count: 1, workers: 1 });
    assert.match(missing.complaint ?? '', /could not be loaded/);
    const ask = (least: { values: number; refusals: number }) =>
      runSubject({ file, subject: { ...subject, least }, from: 41, count: 60, workers: 2 });
    assert.match((await ask({ values: 0.9, refusals: 0 })).complaint ?? '', /too broken/);
    assert.match((await ask({ values: 0, refusals: 0.9 })).complaint ?? '', /too tame/);
    assert.equal((await ask({ values: 0.4, refusals: 0.4 })).complaint, undefined);
  });

  it('reads sentences as a person does', () => {
    for (const clear of ['The file ends early. Copy it again.', 'It has 3 layers (of 4).']) {
      assert.equal(faultOfSentence(clear), undefined, clear);
    }
    for (const unclear of ['', 'no full stop', 'It is [object Object].', 'RangeError: x.', 'There are NaN heads.']) {
      assert.notEqual(faultOfSentence(unclear), undefined, unclear);
    }
  });
});
