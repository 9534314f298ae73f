import assert from 'node:assert/strict';
import { headsOf, scopeOf } from '../../../../../diagnostics/interventions/act/calibration';
import { betasOf, headSets } from '../../../../../diagnostics/interventions/act/comparison';
import {
  betterHalf,
  chosenHeads,
  Gains,
  inChunks,
  roundsOf,
  standardError,
} from '../../../../../diagnostics/interventions/act/search';

const blocksOf = (...heads: readonly number[]) => ({
  blocks: heads.map((count) => ({ heads: count, kvHeads: count, headDim: 8, causal: true })),
});
const place = (layer: number, head: number) => ({ layer, head });

describe('the search of act', () => {
  it('is over the layers 2 to 30 of 32, as in the code of the paper', () => {
    const { from, to } = scopeOf(blocksOf(...new Array<number>(32).fill(1)), { skipFirst: 2, skipLast: 1 });
    assert.deepEqual([from, to - 1], [2, 30]);
    assert.deepEqual(scopeOf(blocksOf(1, 1), { skipFirst: 2, skipLast: 1 }), { from: 2, to: 1 });
  });

  it('leaves heads out whose attention the person moves', () => {
    const own = {
      kind: 'redistribution',
      layer: 0,
      head: 1,
      from: { kind: 'columns' },
      to: { rows: [] },
      share: 1,
      first: 0,
      region: [],
      prompt: 9,
    };
    assert.deepEqual(headsOf(blocksOf(2, 1), [own as never]), [place(0, 0), place(1, 0)]);
  });

  it('by halves sees 8, 16, 32 and 64 of 64 prompts, and of few all at once', () => {
    assert.deepEqual(roundsOf(64, true), [8, 16, 32, 64]);
    assert.deepEqual(roundsOf(30, true), [15, 30]);
    assert.deepEqual(roundsOf(7, true), [7]);
    assert.deepEqual(roundsOf(64, false), [64]);
  });

  it('keeps the better half of the heads, and those that are as good as the last of these', () => {
    const gains = [0.3, -1, 0.2, 0.2, 0.2];
    const heads = gains.map((_, head) => place(0, head));
    assert.deepEqual(
      betterHalf(heads, ({ head }) => gains[head] ?? 0).map(({ head }) => head),
      [0, 2, 3, 4],
    );
    assert.deepEqual(
      betterHalf(heads.slice(0, 2), ({ head }) => gains[head] ?? 0).map(({ head }) => head),
      [0],
    );
  });

  it('runs whole layers together', () => {
    const heads = [0, 0, 0, 1, 1, 2].map((layer, at) => place(layer, at));
    assert.deepEqual(
      inChunks(heads, 2).map((some) => some.map(({ layer }) => layer)),
      [[0, 0, 0], [1, 1], [2]],
    );
    // Three heads are enough; the fourth is of the layer of the third.
    const two = [0, 0, 1, 1].map((layer, at) => place(layer, at));
    assert.deepEqual(inChunks(two, 3), [two]);
  });

  it('chooses heads by their standard errors, those that were tried on all prompts', () => {
    const gains = new Gains(blocksOf(4));
    // Means 2, 1, 1, 3; the squares about them are 2, 8, 2: standard errors 1/sqrt(3), 2/sqrt(3), 1/sqrt(3).
    [[1, 2, 3], [-1, 1, 3], [0, 1, 2], [3]].forEach((own, head) =>
      own.forEach((gain) => gains.add(place(0, head), gain)),
    );
    const profile = gains.profile();
    assert.deepEqual(profile.profile, [[2, 1, 1, 3]]);
    assert.deepEqual(profile.seen, [[3, 3, 3, 1]]);
    assert.ok(Math.abs((profile.error[0]?.[1] ?? 0) - 2 / Math.sqrt(3)) < 1e-12);
    assert.ok(Number.isNaN(standardError([3])));
    const under = { prompts: 3, beta: 0.4 };
    const chosen = (margin: number) => chosenHeads(profile, { ...under, margin }).map(({ head }) => head);
    assert.deepEqual(chosen(1), [0, 2]);
    assert.deepEqual(chosen(0), [0, 1, 2]);
    assert.deepEqual(chosen(2), [0]);
    assert.deepEqual(chosenHeads(profile, { ...under, margin: 2 })[0], { layer: 0, head: 0, value: 0.4, gain: 2 });
  });

  it('compares as many other heads with sinks, drawn by the seed; of few there is one set', () => {
    const all = [0, 1, 2, 3, 4].map((head) => place(0, head));
    const { random } = headSets(all.slice(0, 2), all, { sets: 3, seed: 1 });
    assert.equal(random.length, 3);
    for (const set of random) {
      assert.equal(new Set(set.map(({ head }) => head)).size, 2);
      assert.ok(set.every(({ head }) => head >= 2));
    }
    assert.deepEqual(headSets(all.slice(0, 4), all, { sets: 3, seed: 1 }).random, [[place(0, 4)]]);
    assert.deepEqual(headSets([], all, { sets: 3, seed: 1 }).random, []);
  });

  it('has its own beta on the curve', () => {
    assert.deepEqual(betasOf(0.4), [0, 0.2, 0.4, 0.6, 0.8]);
    assert.deepEqual(betasOf(0.3), [0, 0.2, 0.3, 0.4, 0.6, 0.8]);
  });
});
