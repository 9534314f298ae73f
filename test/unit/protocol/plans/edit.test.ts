import assert from 'node:assert/strict';
import { lowestGiveWay, recentsFor, shareOf } from '../../../../protocol/plans/budget';
import { newPlan, painted } from '../../../../protocol/plans/edit';
import type { HeadPlan } from '../../../../protocol/plans/head-plan';
import { checkPlan, type Plan } from '../../../../protocol/plans/plan-file';
import { classCounts, fullWords } from '../../../../protocol/plans/plan-words';

const by = { created: '2026-11-27T21:00:00.000Z', headscope: '0.1.0' };
const model = { name: 'toy', hash: 'abc', headDim: 8, heads: 4 };
const recent = (count: number): HeadPlan => ({ kind: 'recent', sinks: 4, recent: count });
const full: HeadPlan = { kind: 'full' };

const derived: Plan = {
  ...newPlan({ title: 'Toy', model, layers: 2, kvHeads: 2, ...by }),
  origin: { method: 'moa', settings: { density: 0.5 }, seed: 7, created: '2026-11-01', headscope: '0.1.0', note: 'A.' },
  measured: [{ what: 'x', score: 1, low: 1, high: 1, n: 1, full: 1, bytes: 1, bytesFull: 2 }],
};

describe('a cache plan changed by hand', () => {
  it('begins with heads that keep everything', () => {
    const plan = newPlan({ title: 'Toy', model, layers: 2, kvHeads: 3, ...by });
    assert.deepEqual(checkPlan(plan), { ok: true, result: plan });
    assert.equal(fullWords(plan.heads), 'All 6 key/value heads keep everything');
  });

  it('keeps where it is from, and loses what was measured before', () => {
    const plan = painted(derived, [{ layer: 1, head: 0, keep: recent(64) }], by);
    assert.deepEqual(plan.heads, [
      [full, full],
      [recent(64), full],
    ]);
    assert.equal(plan.measured, undefined);
    const note = 'Edited by hand; before, by moa. A.';
    assert.deepEqual(plan.origin, { method: 'edited', settings: { density: 0.5 }, seed: 7, ...by, note });
    const again = painted(plan, [{ layer: 0, head: 0, keep: recent(8) }], by);
    assert.equal(again.origin.note, note);
    assert.deepEqual(classCounts(again.heads), { full: 2, recent: 2, mean: 0, span: 0, kept: 0 });
    assert.equal(fullWords(again.heads), '2 of 4 key/value heads keep everything');
  });

  it('is the same plan where nothing changes or a place does not exist', () => {
    assert.equal(painted(derived, [{ layer: 0, head: 1, keep: full }], by), derived);
    assert.equal(painted(derived, [{ layer: 2, head: 0, keep: recent(1) }], by), derived);
  });

  it('is for no prompt once no head keeps positions of it', () => {
    const chosen: Plan = {
      ...derived,
      prompt: 16,
      heads: [[{ kind: 'kept', ranges: [{ start: 0, end: 2 }] }, full]],
    };
    assert.equal(painted(chosen, [{ layer: 0, head: 1, keep: recent(1) }], by).prompt, 16);
    const without = painted(chosen, [{ layer: 0, head: 0, keep: recent(1) }], by);
    assert.equal('prompt' in without, false);
    assert.equal(checkPlan(without).ok, true);
  });
});

describe('a budget of a cache', () => {
  const budget = { headDim: 8, length: 1000 };

  it('sets the recents to the largest number that fits', () => {
    // One head of four is full: 1000 + 3 (4 + r) <= 0.5 x 4000 gives r <= 329.
    const heads = [
      [full, recent(1)],
      [{ kind: 'recent', sinks: 4, recent: 9, share: 0.9 } as const, recent(5)],
    ];
    const fitted = recentsFor(heads, 0.5, budget);
    assert.deepEqual(fitted, [
      [full, recent(329)],
      [recent(329), recent(329)],
    ]);
    assert.equal(shareOf(fitted, budget), (1000 + 3 * 333) / 4000);
    assert.deepEqual(recentsFor(heads, 0.1, budget)[1], [recent(0), recent(0)]);
    assert.equal(shareOf(recentsFor(heads, 1, budget), budget), 1);
  });

  it('turns the heads of the lowest scores first, and one without a score before them', () => {
    const heads = [
      [full, full],
      [full, recent(1)],
    ];
    const scores = [
      [0.9, Number.NaN],
      [0.1, 0.5],
    ];
    // With two heads of 104 positions the cache is (2000 + 208) / 4000 = 55.2 % of the full one.
    assert.deepEqual(lowestGiveWay(heads, scores, recent(100), 0.56, budget), [
      [full, recent(100)],
      [recent(100), full],
    ]);
    assert.deepEqual(lowestGiveWay(heads, scores, recent(100), 0.55, budget), [
      [full, recent(100)],
      [recent(100), recent(100)],
    ]);
    assert.deepEqual(lowestGiveWay(heads, scores, recent(100), 1, budget), [
      [full, full],
      [full, full],
    ]);
  });
});
