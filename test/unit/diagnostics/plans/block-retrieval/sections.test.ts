/** What a result of block retrieval shows. */
import assert from 'node:assert/strict';
import type { BlockRetrievalResult } from '../../../../../diagnostics/plans/block-retrieval/result';
import { sections } from '../../../../../diagnostics/plans/block-retrieval/sections';

const none = { correct: Number.NaN, share: Number.NaN, low: Number.NaN, high: Number.NaN };
/** Three prompts without answers and without a needle. */
const result: BlockRetrievalResult = {
  ...{ block: 4, prompts: 3, tokens: 40, candidates: 6, sought: 0, plain: none, n: 0 },
  opened: [{ by: 'mean', open: 2, mass: 0.75, divergence: 0.3, hits: Number.NaN, ...none, change: 0.1 }],
  bytes: [{ open: 2, resident: 64, whole: 640, read: 320 }],
  ...{ headOpen: 2, headHits: [[Number.NaN]], headMass: [[0.75]], note: '' },
};

const columnsOf = (own: BlockRetrievalResult): readonly string[] =>
  sections(own).flatMap((section) =>
    section.kind === 'table' && section.id === 'opened' ? section.columns.map(({ name }) => name) : [],
  );

describe('sections of block retrieval', () => {
  it('have no answers and no hits where prompts have no answers and no needles', () => {
    assert.deepEqual(columnsOf(result), ['by', 'open', 'mass', 'divergence', 'change']);
    assert.deepEqual(
      sections(result).map(({ id }) => id),
      ['divergence', 'opened', 'bytes', 'reading'],
    );
  });

  it('have both from the first prompt that has them', () => {
    const some = { ...result, sought: 1, n: 1 };
    assert.deepEqual(columnsOf(some), ['by', 'open', 'correct', 'mass', 'divergence', 'hits', 'change']);
    assert.deepEqual(
      sections(some).map(({ id }) => id),
      ['accuracy', 'divergence', 'hits', 'opened', 'bytes', 'reading'],
    );
  });
});
