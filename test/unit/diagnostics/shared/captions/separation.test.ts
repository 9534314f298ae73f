import assert from 'node:assert/strict';
import { sharedHistogram } from '../../../../../diagnostics/shared/captions/separation';
import { sinkDimensions, sinkThreshold, sinkValue } from '../../../../../diagnostics/shared/divergence/sinks';
import { random } from '../../../../../kernels/tensors/random';

describe('how far two groups lie apart', () => {
  it('histograms share their bins and lose nothing', () => {
    const { from, to, counts } = sharedHistogram(
      [
        [0, 1, 4],
        [10, 9.9, 5],
      ],
      5,
    );
    assert.deepEqual([from, to], [0, 10]);
    assert.deepEqual(counts, [
      [2, 0, 1, 0, 0],
      [0, 0, 1, 0, 2],
    ]);
    assert.deepEqual(sharedHistogram([[], []], 3).counts, [
      [0, 0, 0],
      [0, 0, 0],
    ]);
    assert.deepEqual(sharedHistogram([[2, 2], [2]], 2).counts, [
      [2, 0],
      [1, 0],
    ]);
  });
});

describe('visual attention sinks', () => {
  const width = 1024;
  const quiet = (seed: number): number[] => {
    const source = random(seed);
    return Array.from({ length: width }, () => source.normal());
  };
  /** A state whose dimension d is 100 times the root mean square of the others. */
  const massive = (seed: number, d: number): number[] => quiet(seed).map((value, i) => (i === d ? 100 : value));

  it('the finder returns the dimension in which the first token is massive in most layers from the third on', () => {
    const first = [quiet(1), quiet(2), massive(3, 17), massive(4, 17), quiet(5), massive(6, 17)];
    assert.deepEqual(sinkDimensions(first), [17]);
    // Two early layers alone do not count.
    assert.deepEqual(sinkDimensions([massive(1, 9), massive(2, 9), quiet(3), quiet(4), quiet(5)]), []);
    assert.deepEqual(sinkDimensions([massive(1, 9)]), []);
  });

  it('the value knows neither scale nor sign, nor the order of the other dimensions', () => {
    const state = massive(8, 17);
    const value = sinkValue(state, [17]);
    assert.ok(value > sinkThreshold && sinkValue(quiet(8), [17]) < sinkThreshold);
    for (const factor of [-1, 1e3, -0.25]) {
      assert.ok(
        Math.abs(
          sinkValue(
            state.map((x) => factor * x),
            [17],
          ) - value,
        ) <
          1e-3 * value,
      );
    }
    const swapped = [...state];
    [swapped[0], swapped[500]] = [swapped[500] ?? 0, swapped[0] ?? 0];
    assert.ok(Math.abs(sinkValue(swapped, [17]) - value) < 1e-9);
    assert.equal(sinkValue(state, []), 0);
  });
});
