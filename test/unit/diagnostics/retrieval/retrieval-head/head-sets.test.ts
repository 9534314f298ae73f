import assert from 'node:assert/strict';
import { headSet, plannedSets, type PlannedSet } from '../../../../../diagnostics/retrieval/retrieval-head/head-sets';
import { headList } from '../../../../../diagnostics/shared/retrieval/head-list';

const facts = { blocks: [10, 10].map((heads) => ({ heads, kvHeads: heads, headDim: 8, causal: true })) };
/** L1H0 to L1H3 are retrieval heads, best first. */
const scores = [new Array<number>(10).fill(0), [0.9, 0.8, 0.3, 0.2, 0.05, 0, 0, 0, 0, 0]];

const planned = (masked: string, random = 1): readonly PlannedSet[] => {
  const sets = plannedSets(facts, { masked, random, chosen: [] });
  assert.ok(sets.ok, sets.ok ? '' : sets.why);
  return sets.sets;
};

describe('sets of heads that are masked', () => {
  it('are numbers or shares of all heads, each once, with as many random sets as asked for', () => {
    assert.deepEqual(
      planned('10%, 4, 2', 2).map(({ name, kind, count }) => [name, kind, count]),
      [
        ['top 2', 'top', 2],
        ['random 2', 'random', 2],
        ['random 2, draw 2', 'random', 2],
        ['top 4', 'top', 4],
        ['random 4', 'random', 4],
        ['random 4, draw 2', 'random', 4],
      ],
    );
    assert.deepEqual(planned('0.1%', 0), [{ kind: 'top', name: 'top 1', count: 1 }]);
    assert.deepEqual(planned(''), []);
    for (const wrong of ['0', '21', '2.5', 'x', '120%']) {
      const sets = plannedSets(facts, { masked: wrong, random: 1, chosen: [] });
      assert.match(sets.ok ? '' : sets.why, /is no number of the 20 heads to mask/, wrong);
    }
  });

  it('the top ones go by the score; random ones are none of these and no retrieval heads, the same for a seed', () => {
    const sets = planned('2');
    const make = (seed: number, one = sets[1]) => one && headSet(one, sets, { scores, chosen: [], seed });
    assert.deepEqual(make(1, sets[0])?.heads, [
      { layer: 1, head: 0 },
      { layer: 1, head: 1 },
    ]);
    for (let seed = 0; seed < 50; seed++) {
      const heads = make(seed)?.heads ?? [];
      assert.equal(new Set(heads.map(({ layer, head }) => `${layer}.${head}`)).size, 2);
      assert.ok(heads.every(({ layer, head }) => layer === 0 || head > 3));
      assert.deepEqual(make(seed)?.heads, heads);
    }
    assert.notDeepEqual(make(1)?.heads, make(2)?.heads);
  });

  it('where too few others are left there is no random set, and without scores no set at all', () => {
    const sets = planned('4, 12');
    const of = (name: string, table = scores) => {
      const one = sets.find((each) => each.name === name);
      return one && headSet(one, sets, { scores: table, chosen: [], seed: 1 });
    };
    assert.equal(of('random 12'), undefined);
    // 8 of 20 heads are outside the largest set: enough for 4.
    const heads = of('random 4')?.heads ?? [];
    assert.equal(heads.length, 4);
    assert.ok(heads.every(({ layer, head }) => (layer === 0 ? head > 6 : head > 4)));
    const none = scores.map((row) => row.map(() => Number.NaN));
    assert.equal(of('top 4', none), undefined);
    assert.equal(of('random 4', none), undefined);
  });
});

describe('a list of heads', () => {
  it('names heads, or all of a layer, each once and in order', () => {
    const small = { blocks: [2, 3, 0].map((heads) => ({ heads, kvHeads: 1, headDim: 8, causal: true })) };
    const of = (text: string) => {
      const read = headList(text, small);
      return read.ok ? read.heads.map(({ layer, head }) => `${layer}.${head}`).join(' ') : read.why;
    };
    assert.equal(of('1.2, 0.*, 1.2'), '0.0 0.1 1.2');
    assert.equal(of(' '), '');
    assert.match(of('1.3'), /Layer 1 has no head 3: its heads are 0 to 2/);
    assert.match(of('3.0'), /no layer 3: its layers are 0 to 2/);
    assert.match(of('2.0'), /^Layer 2 has no attention, so it has no heads here\. Name a layer that has\.$/);
    assert.match(of('L1H0'), /"L1H0" is no head/);
  });
});
