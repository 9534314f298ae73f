/** Dark pictures by hand: what a shape covers, what a sensor counts; an enhancer that begins by changing nothing. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import {
  batchSize,
  darkBatch,
  initialOf,
  lowLightNetwork,
} from '../../../../../diagnostics/experiments/toy-low-light/network';
import {
  drawDark,
  gains,
  photons,
  poisson,
  scene,
  shapes,
  side,
} from '../../../../../diagnostics/experiments/toy-low-light/pictures';
import { random } from '../../../../../kernels/tensors/random';

describe('toy low light', () => {
  it('shapes cover as many pixels as counted by hand, on a ground of 0.2', () => {
    // Plus: 3 x 9 twice less 3 x 3. Cross: rows of 3, 5, 6, 6, 4 from the middle. Box: 81 - 25. Disc: rows of 9, 9, 9, 7, 5.
    const covered = { plus: 45, cross: 3 + 2 * (5 + 6 + 6 + 4), box: 56, disc: 9 + 2 * (9 + 9 + 7 + 5) };
    shapes.forEach((shape, label) => {
      const brightness = scene(label, 4, 19);
      assert.equal(brightness.filter((value) => value === 0.8).length, covered[shape]);
      assert.equal(brightness.filter((value) => value === 0.2).length, side * side - covered[shape]);
    });
    // The middle of a box is ground, its corner is not.
    assert.deepEqual([scene(2, 4, 19)[4 * side + 19], scene(2, 4, 19)[15]], [0.2, 0.8]);
  });

  it('counts by hand: products of uniform numbers until exp(-mean), a normal number for many photons', () => {
    const uniforms = [0.5, 0.6, 0.5];
    const source = { uniform: () => uniforms.shift() ?? assert.fail(), normal: () => -1.5 };
    // 0.5 and 0.3 are above exp(-ln 4) = 0.25, 0.15 is not.
    assert.equal(poisson(Math.log(4), source), 2);
    assert.equal(poisson(64, source), 52);
  });

  it('mean and variance of a count are those of Poisson at every gain', () => {
    const source = random(4);
    for (const gain of gains) {
      const mean = gain * 0.8 * photons;
      const drawn = Array.from({ length: 4000 }, () => poisson(mean, source));
      const found = drawn.reduce((a, b) => a + b) / 4000;
      const variance = drawn.reduce((sum, value) => sum + (value - found) ** 2, 0) / 4000;
      // Four deviations of the mean; of the variance that of a normal number and of few counts.
      assert.ok(Math.abs(found - mean) < 4 * Math.sqrt(mean / 4000), `${gain}: ${found}`);
      assert.ok(Math.abs(variance / mean - 1) < 4 * Math.sqrt((2 + 1 / mean) / 4000), `${gain}: ${variance}`);
    }
  });

  it('an enhancer that is not trained changes nothing; the three networks have as many numbers as by hand', async () => {
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const source = random(6);
    const batch = darkBatch(Array.from({ length: batchSize }, (_, at) => drawDark(at % 4, 0.25, source)));
    const count = (name: 'none' | 'one' | 'all'): number =>
      Object.values(lowLightNetwork(name, name).parameters).reduce(
        (sum, shape) => sum + shape.reduce((a, b) => a * b),
        0,
      );
    const losses: number[] = [];
    for (const name of ['none', 'one', 'all'] as const) {
      const network = lowLightNetwork(name, name);
      losses.push((await trainer.forward(network, initialOf(network, 1), batch)).loss);
    }
    await trainer.close();
    assert.ok(
      losses.every((loss) => Math.abs(loss - losses[0]!) < 1e-5),
      `${losses.join(', ')}`,
    );
    // 5 x 5 convolutions: 3 > 8 > 16, then 16 > 4.
    assert.equal(count('none'), 608 + 3216 + 68);
    // 3 x 3: 3 > 4, three of 4 > 4, two of 8 > 4, 8 > 12; 12 > 4 and 4 > 12.
    assert.equal(count('one') - count('none'), 112 + 3 * 148 + 2 * 292 + 876 + 436 + 444);
    // The eighth reads 24; 3 > 3 of 7 x 7 and 3 x 3; 12 > 12 of 7 x 7 and twice of 3 x 3.
    assert.equal(count('all') - count('one'), 432 + 444 + 84 + 7068 + 2 * 1308);
  });
});
