import assert from 'node:assert/strict';
import { KeptResults } from '../../../compute-server/analyses/kept-results';
import type { AnalysisResult } from '../../../protocol/analysis/schema';

const read = (value: unknown): AnalysisResult => value as AnalysisResult;

describe('the last results of the compute server', () => {
  it('are kept up to a size, and the one that was asked for last is the last to go', () => {
    // Each takes 12 units: {"a":"xxxx"}.
    const kept = new KeptResults(30);
    const one = { a: 'xxxx' };
    kept.keep('first', one);
    kept.keep('second', one);
    assert.deepEqual(kept.of('first', read), one);
    kept.keep('third', one);
    assert.equal(kept.of('second', read), undefined);
    assert.deepEqual(kept.of('first', read), one);
    kept.keep('first', { a: 'yyyy' });
    assert.deepEqual(kept.of('first', read), { a: 'yyyy' });
    assert.deepEqual(kept.of('third', read), one, 'the same name once more takes no further room');
    kept.keep('large', { a: 'x'.repeat(40) });
    assert.equal(kept.of('large', read), undefined);
    assert.deepEqual(kept.of('third', read), one, 'one that is too large drives none out');
  });

  it('are checked once, and come back as they would have travelled', () => {
    const kept = new KeptResults();
    kept.keep('nan', { result: { score: Number.NaN } });
    let reads = 0;
    const counting = (value: unknown): AnalysisResult => {
      reads += 1;
      return read(value);
    };
    assert.deepEqual(kept.of('nan', counting), { result: { score: null } });
    kept.of('nan', counting);
    assert.equal(reads, 1);
  });
});
