/** The generator of associative recall: what every sequence keeps, and how far questions stand behind their pairs. */
import assert from 'node:assert/strict';
import { mqarExample } from '../../../../../diagnostics/experiments/state-size/mqar';
import { random } from '../../../../../kernels/tensors/random';

describe('multi-query associative recall', () => {
  it('has one label for each key, which is its value, at an even gap behind the pairs', () => {
    const size = { length: 40, pairs: 5, vocabulary: 24 };
    const source = random(3);
    for (let at = 0; at < 200; at++) {
      const { ids, labels } = mqarExample(size, source);
      assert.deepEqual([ids.length, labels.length], [40, 40]);
      const keys = [0, 2, 4, 6, 8].map((place) => ids[place]!);
      const values = [1, 3, 5, 7, 9].map((place) => ids[place]!);
      assert.equal(new Set(keys).size, 5);
      assert.equal(new Set(values).size, 5);
      assert.ok(keys.every((key) => key >= 1 && key < 12) && values.every((value) => value >= 12 && value < 24));
      const asked = labels.flatMap((label, place) => (label === undefined ? [] : [{ label, place }]));
      assert.equal(asked.length, 5);
      for (const { label, place } of asked) {
        assert.ok(place >= 10 && place % 2 === 0);
        assert.equal(label, values[keys.indexOf(ids[place]!)]);
      }
      assert.equal(new Set(asked.map(({ place }) => ids[place])).size, 5);
      for (const [place, id] of ids.entries()) {
        if (place >= 10 && !asked.some((one) => one.place === place)) assert.equal(id, 0);
      }
    }
  });

  it('fills the shortest sequence, and asks soon: gap g in proportion to (g + 1)^-0.99', () => {
    const source = random(4);
    const shortest = mqarExample({ length: 8, pairs: 2, vocabulary: 8 }, source);
    assert.deepEqual(
      shortest.labels.map((label) => label !== undefined),
      [false, false, false, false, true, false, true, false],
    );
    const counts = new Array<number>(8).fill(0);
    const draws = 20_000;
    for (let at = 0; at < draws; at++) {
      const { labels } = mqarExample({ length: 18, pairs: 1, vocabulary: 8 }, source);
      counts[(labels.findIndex((label) => label !== undefined) - 2) / 2]! += 1;
    }
    const weights = counts.map((_, gap) => (gap + 1) ** -0.99);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [gap, seen] of counts.entries()) {
      const share = weights[gap]! / total;
      const spread = 4 * Math.sqrt((share * (1 - share)) / draws);
      assert.ok(Math.abs(seen / draws - share) < spread, `gap ${gap}: ${seen / draws}, expected ${share}`);
    }
  });
});
