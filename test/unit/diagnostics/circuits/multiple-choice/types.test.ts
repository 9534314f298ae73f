import assert from 'node:assert/strict';
import { followedBy, typeOf } from '../../../../../diagnostics/circuits/multiple-choice/types';

const rows = (of: (c: number, t: number) => number) => [0, 1, 2, 3].map((c) => [0, 1, 2, 3].map((t) => of(c, t)));
const matrices = {
  diagonal: rows((c, t) => (c === t ? 0.7 : 0.05)),
  single: rows((c, t) => (c === 1 && t === 1 ? 0.6 : 0.02)),
  column: rows((_, t) => (t === 2 ? 0.5 : 0.02)),
  uniform: rows(() => 0.2),
  nothing: rows(() => 0.01),
};
const typed = (matrix: readonly (readonly number[])[], options = 0, end = 0, direct = 1) =>
  typeOf({ matrix, options, end, direct });

describe('types of heads by their attention', () => {
  it('are those of matrices made by hand', () => {
    assert.equal(typed(matrices.diagonal), 'correct letter');
    assert.equal(typed(matrices.single), 'single letter');
    assert.equal(typed(matrices.column), 'one label');
    assert.equal(typed(matrices.uniform), 'uniform');
    assert.equal(typed(matrices.nothing), 'other');
    assert.equal(typed(matrices.nothing, 0.6, 0.3), 'content gatherer');
    assert.equal(typed(matrices.nothing, 0.1, 0.8), 'amplification');
    assert.equal(typed(matrices.nothing, 0.1, 0.8, -1), 'other');
  });

  it('have the thresholds that are documented', () => {
    const diagonal = (share: number, all: number) => rows((c, t) => all * (c === t ? share : (1 - share) / 3));
    assert.equal(typed(diagonal(0.61, 0.3)), 'correct letter');
    assert.equal(typed(diagonal(0.59, 0.3)), 'other');
    assert.equal(typed(diagonal(0.9, 0.21)), 'correct letter');
    assert.equal(typed(diagonal(0.9, 0.19)), 'other');
    // One row whose largest is not on the diagonal.
    const missing = matrices.diagonal.map((row, c) => (c === 3 ? [0.5, 0.05, 0.05, 0.25] : row));
    assert.notEqual(typed(missing), 'correct letter');
  });

  it('leave out labels that are never right', () => {
    const without = matrices.diagonal.map((row, c) => (c === 0 ? row.map(() => Number.NaN) : row));
    assert.equal(typed(without), 'correct letter');
  });

  it('say what a head follows where it gives one at least twice the other', () => {
    assert.equal(followedBy(0.5, 0.2), 'place');
    assert.equal(followedBy(0.1, 0.3), 'letter');
    assert.equal(followedBy(0.3, 0.2), 'neither');
    assert.equal(followedBy(0.09, 0), 'neither');
    assert.equal(followedBy(Number.NaN, Number.NaN), 'neither');
  });
});
