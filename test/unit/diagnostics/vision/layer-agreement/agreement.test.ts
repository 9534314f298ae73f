/** Agreement of maps by hand. */
import assert from 'node:assert/strict';
import { agreementOf, headsAgainstOthers, meanMap } from '../../../../../diagnostics/vision/layer-agreement/agreement';

const near = (found: number | undefined, expected: number): void =>
  assert.ok(Math.abs(Number(found) - expected) < 1e-12, `${found}, not ${expected}`);

describe('agreement of layers', () => {
  it('is the correlation of their mean maps; an even map has none', () => {
    // (1, 2, 6) and (2, 1, 3): covariance 4, variances 14 and 2.
    const table = agreementOf([
      [0.1, 0.2, 0.6],
      [0.2, 0.1, 0.3],
      [0.3, 0.3, 0.3],
    ]);
    near(table[0]![1], 4 / Math.sqrt(28));
    near(table[1]![0], 4 / Math.sqrt(28));
    near(table[1]![1], 1);
    assert.ok(Number.isNaN(table[2]![0]) && Number.isNaN(table[2]![2]));
  });

  it('of a head is taken with the heads of all other layers', () => {
    const maps = [
      [
        [0.1, 0.2, 0.6],
        [0.6, 0.2, 0.1],
      ],
      [[0.1, 0.3, 0.5]],
      [[0.3, -0.1, 0.1]],
    ];
    meanMap([...maps[1]!, ...maps[2]!]).forEach((value, at) => near(value, [0.2, 0.1, 0.3][at]!));
    const [first, second] = headsAgainstOthers(maps)[0]!;
    near(first, 4 / Math.sqrt(28));
    // (6, 2, 1) and (2, 1, 3): covariance -1.
    near(second, -1 / Math.sqrt(28));
    assert.ok(headsAgainstOthers(maps.slice(0, 1)).flat().every(Number.isNaN));
  });
});
