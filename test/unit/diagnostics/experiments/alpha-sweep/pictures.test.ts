/** Pictures of the sweep: the planted grating is the largest bin of the spectrum, the planted shape is where it is bright. */
import assert from 'node:assert/strict';
import { multiplyAddsOf } from '../../../../../diagnostics/experiments/alpha-sweep/network';
import { classes, drawPicture, drawPictures, side } from '../../../../../diagnostics/experiments/alpha-sweep/pictures';
import { random } from '../../../../../kernels/tensors/random';

describe('pictures of the alpha sweep', () => {
  it('the strongest wave has the direction and the frequency of the label', () => {
    for (let label = 0; label < classes; label++) {
      const { x } = drawPicture(label, random(label + 1));
      const power = (u: number, v: number): number => {
        let [re, im] = [0, 0];
        for (let at = 0; at < side * side; at++) {
          const angle = (2 * Math.PI * (u * Math.floor(at / side) + v * (at % side))) / side;
          re += x[at]! * Math.cos(angle);
          im += x[at]! * Math.sin(angle);
        }
        return re * re + im * im;
      };
      const waves = [
        ['rows', 2, power(2, 0)],
        ['rows', 5, power(5, 0)],
        ['columns', 2, power(0, 2)],
        ['columns', 5, power(0, 5)],
      ] as const;
      const [along, cycles] = waves.reduce((most, one) => (one[2] > most[2] ? one : most));
      assert.equal(along, (label >> 1) % 2 === 1 ? 'columns' : 'rows');
      assert.equal(cycles, label % 2 === 1 ? 5 : 2);
    }
  });

  it('every class as often, and the three channels are one grey', () => {
    const all = drawPictures(24, random(3));
    for (let label = 0; label < classes; label++) assert.equal(all.filter((one) => one.label === label).length, 3);
    const { x } = all[0]!;
    assert.deepEqual(x.slice(0, 256), x.slice(512));
  });

  it('work by hand: a block of attention takes 4 n C^2 + 2 n^2 C where a filter takes its transforms', () => {
    const design = { channels: 8, depth: 2, heads: 1, patch: 4 };
    // 16 tokens; patches 3 x 16 x 8 each; the perceptron 8 n C^2; 8 classes.
    const [n, c] = [16, 8];
    const shared = 48 * n * c + c * classes + 2 * 8 * n * c * c;
    assert.equal(multiplyAddsOf(design, 0), shared + 2 * (4 * n * c * c + 2 * n * n * c));
    const filter = multiplyAddsOf(design, 2) - shared;
    assert.equal(multiplyAddsOf(design, 1) - shared, filter / 2 + 4 * n * c * c + 2 * n * n * c);
  });
});
