import assert from 'node:assert/strict';
import {
  classMeans,
  coordinates,
  fitted,
  projected,
  randomSubspace,
  type Classed,
} from '../../../../../diagnostics/circuits/head-subspace/subspace';
import { rotated } from '../../../../../diagnostics/shared/weights/rotation';
import { random } from '../../../../../kernels/tensors/random';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-9): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);

/** Four orthogonal classes of size 3 about a mean, and noise in the last four of twelve dimensions. */
const noise = random(7);
const planted: readonly Classed[] = Array.from({ length: 40 }, (_, at) => ({
  of: at % 4,
  vector: Array.from({ length: 12 }, (__, i) => 5 + (i === at % 4 ? 3 : 0) + (i >= 8 ? noise.normal() : 0)),
}));

describe('directions of classes', () => {
  it('are three of the same size where four classes are orthogonal, and the noise adds little', () => {
    const exact = planted.map(({ of }) => ({ of, vector: [0, 1, 2, 3, 4].map((i) => (i === of ? 3 : 0)) }));
    const { values, directions, mean } = fitted(exact, 'class means');
    assert.equal(values.length, 3);
    // Centred, four vectors of length 3 have the singular value 3 three times and 0.
    for (const value of values) near(value, 3, 'singular value');
    assert.deepEqual([...mean], [0.75, 0.75, 0.75, 0.75, 0]);
    directions.forEach((one, a) =>
      directions.forEach((other, b) =>
        near(
          one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0),
          a === b ? 1 : 0,
          `product of ${a} and ${b}`,
        ),
      ),
    );
  });

  it('keep the class means, and of a vector nothing but its part in them', () => {
    const subspace = fitted(planted, 'class means');
    for (const [of, mean] of classMeans(planted)) {
      projected(mean, subspace, 3).forEach((value, i) => near(value, mean[i] ?? 0, `mean of class ${of}`));
    }
    const kept = planted.map(({ of, vector }) => ({ of, vector: projected(vector, subspace, 3) }));
    for (const [of, mean] of classMeans(kept)) {
      mean.forEach((value, i) => near(value, classMeans(planted).get(of)?.[i] ?? 0, `class ${of} after projection`));
    }
    const [first] = planted;
    projected(first?.vector ?? [], subspace, 0).forEach((value, i) => near(value, subspace.mean[i] ?? 0, 'rank 0'));
    const once = projected(first?.vector ?? [], subspace, 3);
    projected(once, subspace, 3).forEach((value, i) => near(value, once[i] ?? 0, 'projected twice'));
  });

  it('of all vectors give everything back with as many as there are, and vary most first', () => {
    const subspace = fitted(planted, 'all vectors');
    for (const { vector } of planted) {
      projected(vector, subspace, Infinity).forEach((value, i) => near(value, vector[i] ?? 0, 'all directions'));
    }
    subspace.values.forEach((value, at) => {
      const along = planted.map(({ vector }) => coordinates(vector, subspace, at + 1)[at] ?? 0);
      near(Math.sqrt(along.reduce((sum, each) => sum + each ** 2, 0) / planted.length), value, `size of ${at}`);
      assert.ok(value <= (subspace.values[at - 1] ?? Infinity));
    });
  });

  it('are none where classes do not differ', () => {
    const same = planted.map(({ of }) => ({ of, vector: [1, 2, 3] }));
    assert.deepEqual(fitted(same, 'class means').values, []);
    // What differs by the rounding of float32 is no direction either.
    const rounded = planted.map(({ of }) => ({ of, vector: [1 + of * 1e-7, 2, 3] }));
    assert.deepEqual(fitted(rounded, 'class means').values, []);
  });

  it('drawn at random are orthonormal, as many, and keep the mean', () => {
    const subspace = fitted(planted, 'class means');
    const drawn = randomSubspace(subspace, random(3));
    assert.equal(drawn.mean, subspace.mean);
    assert.equal(drawn.directions.length, 3);
    drawn.directions.forEach((one, a) =>
      drawn.directions.forEach((other, b) =>
        near(
          one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0),
          a === b ? 1 : 0,
          `product of ${a} and ${b}`,
        ),
      ),
    );
  });
});

describe('rotation on the host', () => {
  it('turns pairs by an angle, and back', () => {
    // A quarter turn in the second row, with a factor of 2.
    const cos = Float32Array.from([1, 1, 0, 0]);
    const sin = Float32Array.from([0, 0, 2, 2]);
    const half = { cos, sin, dimensions: 4, layout: 'half' } as const;
    assert.deepEqual([...rotated([1, 2, 3, 4, 5], half, 1)], [-6, -8, 2, 4, 5]);
    const interleaved = { ...half, layout: 'interleaved' } as const;
    assert.deepEqual([...rotated([1, 2, 3, 4, 5], interleaved, 1)], [-4, 2, -8, 6, 5]);
    for (const tables of [half, interleaved]) {
      assert.deepEqual([...rotated(rotated([1, 2, 3, 4, 5], tables, 1), tables, 1, true)], [1, 2, 3, 4, 5]);
    }
  });
});
