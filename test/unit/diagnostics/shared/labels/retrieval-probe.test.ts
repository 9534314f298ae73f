import assert from 'node:assert/strict';
import {
  absentNeedles,
  retrievalProbe,
  retrievalScores,
  type RetrievalProbe,
} from '../../../../../diagnostics/shared/labels/retrieval-probe';

const settings = { vocabulary: 200, avoid: [0, 1, 2], bosId: 1, period: 64, seed: 9 };

const probe = retrievalProbe(settings);
const [separator] = [probe.ids[probe.queries[0]?.position ?? 0]];

describe('the probe of retrieval heads', () => {
  it('holds each needle once in the hay and asks for it once, all tokens different but the separator', () => {
    const { ids, queries } = probe;
    assert.equal(ids.length, 129);
    assert.equal(ids[0], 1);
    assert.ok(ids.slice(1).every((id) => id > 2 && id < 200));
    assert.equal(queries.length, 14);
    const asked = Math.min(...queries.map(({ position }) => position)) - 1;
    const hay = ids.slice(1, asked).filter((id) => id !== separator);
    assert.equal(new Set(hay).size, hay.length);
    for (const { position, answer } of queries) {
      assert.deepEqual(
        ids.slice(answer - 2, answer + 1),
        ids.slice(position - 1, position + 2),
        'key, separator, value',
      );
      assert.equal(ids[position], separator);
      assert.ok(answer < asked && position - answer > 16, 'in the hay, beyond the local window');
    }
    assert.equal(new Set(queries.map(({ answer }) => answer)).size, 14);
    // In the order of the needles a head could count on from the last answer.
    const answers = queries.map(({ answer }) => answer).sort((a, b) => a - b);
    queries.slice(1).forEach(({ answer }, at) => {
      assert.notEqual(answers.indexOf(answer), answers.indexOf(queries[at]?.answer ?? 0) + 1);
    });
  });

  it('the null model keeps values and places, and has none of the keys', () => {
    const none = absentNeedles(settings);
    assert.deepEqual(none.queries, probe.queries);
    for (const { position, answer } of none.queries) {
      assert.equal(none.ids[answer], none.ids[position + 1]);
      const key = none.ids[position - 1];
      assert.equal(none.ids.filter((id) => id === key).length, 1);
    }
  });

  it('fits the smallest rooms: one needle, and 31 tokens a half', () => {
    assert.equal(retrievalProbe({ ...settings, period: 8 }).queries.length, 1);
    const small = retrievalProbe({ ...settings, vocabulary: 64, avoid: [0], bosId: 0, period: 31 });
    assert.equal(small.ids.length, 63);
    assert.ok(small.queries.every(({ position, answer }) => position - answer > 16));
  });
});

describe('retrieval scores', () => {
  /** The key that each head reads most, by a rule on the ids. */
  const most = ({ ids }: RetrievalProbe, heads: readonly ((position: number) => number)[]) => ({
    heads: heads.length,
    k: 2,
    keys: Int32Array.from(ids.flatMap((_, position) => heads.flatMap((head) => [head(position), 0]))),
  });
  /** Finds what followed the latest earlier place of the same last tokens. */
  const matching = (ids: readonly number[], tokens: number) => (position: number) => {
    const last = ids.slice(position - tokens + 1, position + 1).join();
    for (let at = position - 1; at >= tokens - 1; at--) {
      if (ids.slice(at - tokens + 1, at + 1).join() === last) return at + 1;
    }
    return 0;
  };
  const headsOf = ({ ids }: RetrievalProbe) => [
    matching(ids, 2),
    matching(ids, 1),
    (position: number) => position - 1,
    () => 0,
  ];

  it('a head that finds values by their keys has 1; induction by one token, the previous token and a sink have 0', () => {
    assert.deepEqual(retrievalScores(probe, most(probe, headsOf(probe))), [1, 0, 0, 0]);
    const none = absentNeedles(settings);
    assert.deepEqual(retrievalScores(none, most(none, headsOf(none))), [0, 0, 0, 0]);
  });

  it('counts the place, not the token: the same value read elsewhere is no retrieval', () => {
    const first = probe.queries[0]?.answer ?? 0;
    const constant = retrievalScores(probe, most(probe, [() => first]));
    assert.ok(Math.abs((constant[0] ?? 0) - 1 / 14) < 1e-12);
    // The value that follows the query is its own token's later place.
    assert.deepEqual(retrievalScores(probe, most(probe, [(position) => position + 1])), [0]);
  });

  it('a head that reads the values by their places alone scores as much in the null model', () => {
    const byPlace = new Map(probe.queries.map(({ position, answer }) => [position, answer]));
    const head = (position: number) => byPlace.get(position) ?? 0;
    assert.deepEqual(retrievalScores(probe, most(probe, [head])), [1]);
    const none = absentNeedles(settings);
    assert.deepEqual(retrievalScores(none, most(none, [head])), [1]);
  });
});
