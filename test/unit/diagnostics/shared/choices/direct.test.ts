import assert from 'node:assert/strict';
import { centred, directEffect, outputNodes, sumError } from '../../../../../diagnostics/shared/choices/direct';

describe('direct effects on labels', () => {
  it('are not changed by what all labels get alike, and sum to nothing over the labels', () => {
    const written = [3, -1, 0.5, 2];
    for (let right = 0; right < 4; right++) {
      const moved = written.map((value) => value + 17);
      assert.ok(Math.abs(directEffect(moved, right) - directEffect(written, right)) < 1e-12);
    }
    assert.equal(directEffect(written, 0), 3 - 4.5 / 4);
    assert.ok(Math.abs(centred(written).reduce((sum, value) => sum + value, 0)) < 1e-12);
  });

  it('take the fewest nodes that reach the share: one less falls below it', () => {
    const effects = [0.5, -3, 4, 0, 1.5, 2, -0.1, 2];
    for (const share of [0.1, 0.39, 0.4, 0.41, 0.8, 0.95, 1]) {
      const { nodes, cumulative } = outputNodes(effects, share);
      const sum = (some: readonly number[]): number =>
        some.reduce((total, node) => total + (effects[node] ?? 0), 0) / 10;
      assert.ok(sum(nodes) >= share, `${share}`);
      assert.ok(sum(nodes.slice(0, -1)) < share, `${share} is reached without the last`);
      assert.equal(cumulative[nodes.length - 1], sum(nodes));
    }
    assert.deepEqual(outputNodes(effects, 0.8).nodes, [2, 5, 7]);
    assert.deepEqual(outputNodes([-1, 0], 0.8), { nodes: [], cumulative: [] });
  });

  it('miss the logits by what a part is wrong by', () => {
    const prompt = {
      right: 0,
      written: [
        [1, 2],
        [3, 0],
      ],
      rest: [0, 1],
      logits: [4, 3],
    };
    assert.equal(sumError(prompt), 0);
    // Both labels miss 0.4, and 0.2 of it is left when centred; the largest logit is 4.
    assert.ok(Math.abs(sumError({ ...prompt, rest: [0, 1.4] }) - 0.2 / 4) < 1e-12);
  });
});
