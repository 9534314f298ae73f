/** Preference for what is near: planted slopes are found whatever the content is, and curves are ratios by hand. */
import assert from 'node:assert/strict';
import {
  binOf,
  groupsOfPatches,
  groupsOfText,
  preferenceOf,
} from '../../../../../diagnostics/patterns/position-preference/preference';

/** Softmax rows of scores over the keys up to each query. */
function causal(n: number, score: (i: number, j: number) => number): Float64Array {
  const map = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j <= i; j++) sum += Math.exp(score(i, j));
    for (let j = 0; j <= i; j++) map[i * n + j] = Math.exp(score(i, j)) / sum;
  }
  return map;
}

describe('position preference', () => {
  const block = [5, 9, 2, 7, 1];
  const ids = [...block, ...block, ...block, ...block];
  const n = ids.length;
  const groups = groupsOfText(ids, block.length, (row) => [0, row + 1]);

  it('finds the planted 1 / tau beside any preference for content, and all of the variance', () => {
    const content = [0.3, -4, 2.5, 1, -0.7];
    for (const tau of [3, -12]) {
      const map = causal(n, (i, j) => (content[j % 5]! * (i % 5)) / 3 - Math.abs(i - j) / tau);
      const { slope, share } = preferenceOf(map, n, groups, 6);
      assert.ok(Math.abs(slope - 1 / tau) < 1e-9, `${slope}`);
      assert.ok(Math.abs(share - 1) < 1e-9);
    }
    // Content alone: no slope.
    const flat = preferenceOf(
      causal(n, (_, j) => content[j % 5]!),
      n,
      groups,
      6,
    );
    assert.ok(Math.abs(flat.slope) < 1e-12);
    assert.ok(flat.curve.slice(0, 5).every((value) => Number.isNaN(value) || Math.abs(value - 1) < 1e-12));
  });

  it('counts every weight that float32 has, and leaves out those that are 0', () => {
    // Scores fall by more than 100 nats and not in a line, so that a cut at any small weight gives another slope.
    const score = (i: number, j: number) => ((i * 7 + j * 11) % 13) - 0.3 * (i - j) ** 2 + Math.sin(3 * j);
    const map = Float32Array.from(causal(n, score));
    const { slope, share, zeros } = preferenceOf(map, n, groups, 6);

    // The definition once more, by differences of two keys of a group: their means drop out.
    let [xx, xy, yy, left, tiny] = [0, 0, 0, 0, 0];
    for (let query = block.length; query < n; query++) {
      for (const token of block) {
        const keys = ids.flatMap((id, at) => (id === token && at <= query ? [at] : []));
        const read = keys.filter((key) => map[query * n + key]! > 0);
        if (keys.length > 1) left += keys.length - read.length;
        tiny += read.filter((key) => map[query * n + key]! <= 1e-12).length;
        for (const one of read) {
          for (const other of read) {
            const x = other - one;
            const y = Math.log(map[query * n + one]!) - Math.log(map[query * n + other]!);
            xx += (x * x) / read.length;
            xy += (x * y) / read.length;
            yy += (y * y) / read.length;
          }
        }
      }
    }
    assert.ok(tiny > 20 && left > 0, `${tiny} weights at or below 1e-12, ${left} of 0`);
    assert.equal(zeros, left);
    assert.ok(Math.abs(slope + xy / xx) < 1e-9, `${slope}, by hand ${-xy / xx}`);
    assert.ok(Math.abs(share - (xy * xy) / (xx * yy)) < 1e-9);
  });

  it('groups are keys of one token under one query', () => {
    const found = groupsOfText([4, 6, 4, 6, 4], 2, (row) => [0, row + 1]);
    assert.deepEqual(found, [
      { query: 2, keys: [0, 2], distances: [2, 0] },
      { query: 3, keys: [0, 2], distances: [3, 1] },
      { query: 3, keys: [1, 3], distances: [2, 0] },
      { query: 4, keys: [0, 2, 4], distances: [4, 2, 0] },
      { query: 4, keys: [1, 3], distances: [3, 1] },
    ]);
  });

  it('the curve is the mean ratio to the group by powers of two', () => {
    assert.deepEqual([0, 1, 1.9, 2, 3, 4, 7.5, 8].map(binOf), [0, 1, 1, 2, 2, 3, 3, 4]);
    const map = new Float64Array(16);
    map.set([0.1, 0.2, 0.3, 0.4], 12);
    const { curve } = preferenceOf(map, 4, [{ query: 3, keys: [0, 1, 2], distances: [3, 2, 1] }], 4);
    assert.ok(Number.isNaN(curve[0]) && Number.isNaN(curve[3]));
    assert.ok(Math.abs(curve[1]! - 1.5) < 1e-12 && Math.abs(curve[2]! - 0.75) < 1e-12);
  });

  it('patches are as far from each other as on the picture', () => {
    const [, second] = groupsOfPatches([3, 4, 5, 6], 2);
    assert.equal(second!.query, 4);
    assert.deepEqual(second!.keys, [3, 4, 5, 6]);
    second!.distances.forEach((value, at) => assert.equal(value, [1, 0, Math.SQRT2, 1][at]));
  });
});
