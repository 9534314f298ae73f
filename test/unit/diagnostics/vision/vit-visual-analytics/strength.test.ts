/** Rings on the grid and weights on them, by hand. */
import assert from 'node:assert/strict';
import { hopsOn } from '../../../../../diagnostics/vision/vit-visual-analytics/hops';
import {
  addMap,
  emptySums,
  profileOf,
  uniformProfile,
  type Profile,
} from '../../../../../diagnostics/vision/vit-visual-analytics/strength';
import { random } from '../../../../../kernels/tensors/random';

const grid = { rows: 4, columns: 4 };
const hops = hopsOn(grid, 'chebyshev');

const near = (found: number, expected: number, by = 1e-12): void =>
  assert.ok(Math.abs(found - expected) < by, `${found}, not ${expected}`);

function profile(map: ArrayLike<number>, leading: number, over = hops): Profile {
  const sums = emptySums(over, leading);
  addMap(sums, map, grid, over, leading);
  return profileOf(sums);
}

/** 16 patches alone: `keys` gives the key of each. */
function reading(keys: (row: number, column: number) => readonly [row: number, column: number]): Float64Array {
  const map = new Float64Array(16 * 16);
  for (let i = 0; i < 16; i++) {
    const [row, column] = keys(Math.floor(i / 4), i % 4);
    map[i * 16 + row * 4 + column] = 1;
  }
  return map;
}

describe('rings on a grid of 4 x 4', () => {
  it('hold as many pairs as their closed form: the square of the sum of 4 - |d| within k, less that within k - 1', () => {
    const pairs = [0, 1, 2, 3].map((k) =>
      Array.from({ length: 16 }, (_, i) => hops.sizes[i * 4 + k]!).reduce((a, b) => a + b),
    );
    assert.deepEqual(pairs, [16, 84, 96, 60]);
    assert.deepEqual([...hops.sizes.subarray(0, 4)], [1, 3, 5, 7], 'of a corner');
    const diamonds = hopsOn(grid, 'manhattan');
    assert.deepEqual([...diamonds.sizes.subarray(0, 7)], [1, 2, 3, 4, 3, 2, 1], 'Manhattan, of a corner');
  });

  it('hold all weight of a patch that the leading rows do not, and even attention gives the even profile', () => {
    const width = 17;
    const source = random(3);
    const map = new Float32Array(width * width);
    for (let row = 0; row < width; row++) {
      const weights = Array.from({ length: width }, () => Math.exp(2 * source.normal()));
      const all = weights.reduce((a, b) => a + b);
      weights.forEach((weight, key) => (map[row * width + key] = weight / all));
    }
    const found = profile(map, 1);
    near(found.lead + found.mass.reduce((a, b) => a + b), 1, 1e-6);
    const even = uniformProfile(grid, hops, 1);
    [16, 84, 96, 60].forEach((pairs, k) => {
      near(even.mass[k]!, pairs / 16 / 17);
      near(even.perPatch[k]!, 1 / 17);
    });
    near(even.entropy, Math.log(17));
    near(even.lead, 1 / 17);
  });

  it('of a head that reads itself: all on ring 0; one to the right: on ring 1 but at the border', () => {
    const own = profile(
      reading((row, column) => [row, column]),
      0,
    );
    assert.deepEqual([own.mass, own.distance, own.local, own.entropy], [[1, 0, 0, 0], 0, 1, 0]);
    const right = profile(
      reading((row, column) => [row, Math.min(3, column + 1)]),
      0,
    );
    near(right.mass[1]!, 12 / 16);
    near(right.mass[0]!, 4 / 16);
    assert.deepEqual([right.across, right.down], [0.75, 0]);
  });

  it('do not change when picture and keys turn by 90 degrees; reach across and down swap', () => {
    const source = random(5);
    const map = Float64Array.from({ length: 256 }, () => source.uniform());
    const turn = (patch: number): number => (patch % 4) * 4 + 3 - Math.floor(patch / 4);
    const turned = new Float64Array(256);
    for (let i = 0; i < 16; i++) for (let j = 0; j < 16; j++) turned[turn(i) * 16 + turn(j)] = map[i * 16 + j]!;
    const [before, after] = [profile(map, 0), profile(turned, 0)];
    before.mass.forEach((value, k) => near(after.mass[k]!, value));
    before.perPatch.forEach((value, k) => near(after.perPatch[k]!, value));
    near(after.across, before.down);
    near(after.down, before.across);
    assert.ok(Math.abs(before.across - before.down) > 1e-3, 'the map has a direction');
  });
});
