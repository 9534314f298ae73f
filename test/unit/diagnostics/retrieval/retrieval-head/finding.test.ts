import assert from 'node:assert/strict';
import { finding, offers } from '../../../../../diagnostics/retrieval/retrieval-head/finding';
import type { MaskedResult, RetrievalHeadResult } from '../../../../../diagnostics/retrieval/retrieval-head/result';

const set = (kind: MaskedResult['kind'], name: string, heads: number, passed: number, tests = 10): MaskedResult => ({
  kind,
  name,
  heads: Array.from({ length: heads }, (_, head) => ({ layer: 1, head })),
  tests,
  passed,
  share: passed / tests,
  low: 0,
  high: 1,
  recall: 0,
  answers: [],
});

const result = (change: Partial<RetrievalHeadResult> = {}): Partial<RetrievalHeadResult> => ({
  tests: 10,
  passed: 8,
  mode: 'uniform',
  scores: [
    [0, 0.05],
    [0.9, 0.25],
  ],
  masked: [],
  ...change,
});

describe('the finding of retrieval heads', () => {
  it('counts the heads above 0.1 and the tests that passed', () => {
    assert.equal(
      finding(result()),
      '2 of 4 heads are retrieval heads (score above 0.1). The highest score is 0.9 (L1H0). 8 of 10 tests passed.',
    );
    assert.equal(
      finding(result({ scores: [[0.1, 0]], tests: 1, passed: 1 })),
      'No head of 2 is a retrieval head (score above 0.1). The highest score is 0.1 (L0H0). 1 of 1 test passed.',
    );
    assert.equal(finding({}), 'No test has been run yet.');
  });

  it('says nothing of heads where no test passed', () => {
    const none = result({ passed: 0, scores: [[Number.NaN, Number.NaN]] });
    assert.equal(finding(none), 'None of 10 tests passed, so no head has a score: only answers that are right count.');
    assert.deepEqual(offers({ ...none, masked: [] } as unknown as RetrievalHeadResult), []);
  });

  it('says what the largest set does beside as many random heads, once all tests were run without it', () => {
    const whole = [set('top', 'top 1', 1, 6), set('random', 'random 1', 1, 8), set('top', 'top 2', 2, 1)];
    const words = (...more: MaskedResult[]): string =>
      finding(result({ masked: [...whole, ...more] })).split('passed. ')[1] ?? '';
    assert.equal(words(), 'Without the top 2 heads 1 passes.');
    assert.equal(
      words(set('random', 'random 2', 2, 7)),
      'Without the top 2 heads 1 passes, without 2 random others 7.',
    );
    assert.equal(
      words(set('random', 'random 2', 2, 7), set('random', 'random 2, draw 2', 2, 3)),
      'Without the top 2 heads 1 passes, without 2 random others 3 to 7.',
    );
    // A draw that goes on is not counted.
    assert.equal(words(set('random', 'random 2', 2, 2, 4)), 'Without the top 2 heads 1 passes.');
  });

  it('offers the heads as they were masked', () => {
    const masked = [set('top', 'top 2', 2, 1)];
    const kinds = (mode: RetrievalHeadResult['mode']) =>
      offers(result({ mode, masked }) as RetrievalHeadResult).map(({ title, interventions }) => [
        title,
        interventions.map(({ kind }) => kind).join(' '),
      ]);
    assert.deepEqual(kinds('uniform'), [
      ['Without the 2 retrieval heads', 'uniform uniform'],
      ['Without the top 2 heads', 'uniform uniform'],
    ]);
    assert.deepEqual(kinds('mean')[1], ['Without the top 2 heads', 'head head']);
    assert.deepEqual(kinds('zero')[1], ['Without the top 2 heads', 'gain gain']);
  });
});
