/** How much regions read of each other, by hand. */
import assert from 'node:assert/strict';
import { divergenceOf, turnedBy } from '../../../../../diagnostics/shared/maps/changed-output';
import { massBetween, mixed, mixedByChance } from '../../../../../diagnostics/interventions/region-attention/mixing';

const near = (found: number, expected: number): void =>
  assert.ok(Math.abs(found - expected) < 1e-12, `${found}, not ${expected}`);

describe('attention between regions', () => {
  // Token 0 is of no region, 1 and 2 are the first, 3 the second.
  const regions = [[1, 2], [3]];
  const map = [1, 0, 0, 0, 0.2, 0.8, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.25, 0.25, 0.5, 0];

  it('is summed over keys and averaged over the tokens of the reading region', () => {
    const table = massBetween(map, 4, regions);
    [
      [0.65, 0.2, 0.15],
      [0.75, 0, 0.25],
    ].forEach((row, s) => row.forEach((value, to) => near(table[s]![to]!, value)));
    near(mixed(table), (0.2 + 0.75) / 2);
  });

  it('of a head that reads all alike is the share of the keys of other regions', () => {
    // Causal: token 1 and 2 read nothing of the second, token 3 two of four keys.
    near(
      mixedByChance((row) => [0, row + 1], regions),
      0.25,
    );
    near(
      mixedByChance(() => [0, 4], regions),
      (1 / 4 + 2 / 4) / 2,
    );
  });

  it('what changes: divergence of two distributions, angle of two streams', () => {
    // (1/2, 1/2) from (1/4, 3/4), as logits with any constant.
    near(divergenceOf([7, 7], [0, Math.log(3)]), 0.5 * Math.log(2) + 0.5 * Math.log(2 / 3));
    assert.equal(divergenceOf([1, 2, 3], [1, 2, 3]), 0);
    const turned = turnedBy(Float32Array.of(1, 0, 1, 1), Float32Array.of(0, 2, 3, 3), 2);
    near(turned[0]!, 1);
    near(turned[1]!, 0);
  });
});
