import assert from 'node:assert/strict';
import {
  defaultTopHeads,
  divergences,
  layerDivergence,
  outliers,
  reinforcedLayers,
  selectedHeads,
  textEnergies,
  tokenDivergence,
  type HeadOutputs,
} from '../../../../../diagnostics/shared/divergence/divergence';
import { random } from '../../../../../kernels/tensors/random';
import { lowerMedian } from '../../../../../protocol/results/lower-median';

const outputs = (withSpan: readonly number[][], without: readonly number[][]): HeadOutputs => ({
  with: Float32Array.from(withSpan.flat()),
  without: Float32Array.from(without.flat()),
  heads: withSpan.length,
});

/** Heads of width 1 whose divergence (L2) and text energy are given. */
const planted = (vhd: readonly number[], energy: readonly number[]): HeadOutputs =>
  outputs(
    vhd.map((value, i) => [Math.sqrt(energy[i] ?? 0) + value]),
    energy.map((value) => [Math.sqrt(value)]),
  );

const close = (actual: readonly number[], expected: readonly number[], tolerance: number): void => {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => assert.ok(Math.abs(value - (expected[i] ?? NaN)) <= tolerance, `${value} at ${i}`));
};

describe('vision-aware head divergence', () => {
  const two = outputs(
    [
      [3, 4],
      [1, 0],
      [2, 0],
      [0, 0],
    ],
    [
      [0, 0],
      [0, 1],
      [1, 0],
      [0, 0],
    ],
  );

  it('is the Euclidean distance, its square, the distance over the norm without, or one minus the cosine', () => {
    close(divergences(two, 'l2'), [5, Math.SQRT2, 1, 0], 1e-12);
    close(divergences(two, 'squared'), [25, 2, 1, 0], 1e-12);
    close(divergences(two, 'relative').slice(1), [Math.SQRT2, 1, 0], 1e-12);
    close(divergences(two, 'cosine'), [1, 1, 0, 0], 1e-12);
    close(textEnergies(two), [0, 1, 1, 0], 1e-12);
  });

  it('relative and cosine know no scale, and a head of zeros gives numbers', () => {
    const ten = { ...two, with: two.with.map((x) => 10 * x), without: two.without.map((x) => 10 * x) };
    for (const distance of ['relative', 'cosine'] as const) {
      close(divergences(ten, distance).slice(1), divergences(two, distance).slice(1), 1e-12);
      assert.ok(divergences(two, distance).every(Number.isFinite));
    }
  });

  it('what rounding leaves of equal outputs is no divergence', () => {
    const value = Math.fround(3.1);
    const noise = outputs([[value * (1 + 2e-7), 1]], [[value, 1]]);
    for (const distance of ['l2', 'squared', 'relative', 'cosine'] as const) {
      assert.deepEqual(divergences(noise, distance), [0]);
    }
    assert.ok((divergences(outputs([[value + 1e-3, 1]], [[value, 1]]), 'l2')[0] ?? 0) > 9e-4);
  });

  it('ranking and median are the same for the distance and its square', () => {
    const source = random(7);
    const row = (): number[] => Array.from({ length: 6 }, () => source.normal());
    const case8 = outputs(Array.from({ length: 8 }, row), Array.from({ length: 8 }, row));
    const none = Array<boolean>(8).fill(false);
    assert.deepEqual(selectedHeads(divergences(case8, 'l2'), none), selectedHeads(divergences(case8, 'squared'), none));
  });
});

describe('the outlier rule', () => {
  // Three large of eight: more would lift mean + deviation above them.
  const vhd = [9, 8, 10, 0.5, 0.4, 0.3, 0.2, 0.1];
  const energy = [1, 1, 900, 1, 1, 1, 1, 1];

  it('sets to 0 the head that is large in both, and no other', () => {
    const alone = [false, false, true, false, false, false, false, false];
    assert.deepEqual(outliers(planted(vhd, energy), 'l2', 'paper'), alone);
    assert.deepEqual(outliers(planted(vhd, energy), 'l2', 'release'), alone);
    assert.ok(outliers(planted(vhd, energy), 'l2', 'off').every((is) => !is));
  });

  it('the release is tried only where the squared distances deviate by more than 1', () => {
    const small = vhd.map((value) => value / 100);
    assert.ok(outliers(planted(small, energy), 'l2', 'release').every((is) => !is));
    assert.equal(outliers(planted(small, energy), 'l2', 'paper')[2], true);
  });

  it('differs between the distance and its square', () => {
    // Head 0 of 5 is above mean + deviation of the distances and not of the squares, which head 1 alone stretches.
    const large = [6, 10, 1, 1, 1, 1, 1, 1, 1, 1];
    const high = [100, 100, 1, 1, 1, 1, 1, 1, 1, 1];
    assert.deepEqual(outliers(planted(large, high), 'l2', 'paper').slice(0, 2), [true, true]);
    assert.deepEqual(outliers(planted(large, high), 'squared', 'paper').slice(0, 2), [false, true]);
  });

  it('cannot fire among four heads of which two are large', () => {
    assert.ok(outliers(planted([9, 9, 0, 0], [5, 5, 0, 0]), 'l2', 'paper').every((is) => !is));
  });

  it('a layer of one head has none', () => {
    assert.deepEqual(outliers(planted([3], [4]), 'l2', 'release'), [false]);
  });
});

describe('the heads of a layer that are selected', () => {
  it('are those strictly above the lower median', () => {
    assert.equal(lowerMedian([4, 1, 3, 2]), 2);
    const none = (n: number): boolean[] => Array<boolean>(n).fill(false);
    const count = (vhd: readonly number[], outlier: readonly boolean[]): number =>
      selectedHeads(vhd, outlier).filter(Boolean).length;
    for (const n of [2, 3, 8, 9, 32]) {
      const distinct = Array.from({ length: n }, (_, i) => ((i * 7) % n) + 1);
      assert.equal(new Set(distinct).size, n);
      assert.equal(count(distinct, none(n)), Math.floor(n / 2), `${n} heads`);
    }
    assert.equal(count([2, 2, 2, 2], none(4)), 0);
    assert.equal(count([0, 0, 0], none(3)), 0);
  });

  it('hold no head that was set to 0, and never more than half', () => {
    const vhd = [8, 7, 6, 5, 4, 3, 2, 1];
    for (let zeroed = 0; zeroed <= 8; zeroed++) {
      const outlier = vhd.map((_, i) => i < zeroed);
      const selected = selectedHeads(vhd, outlier);
      assert.ok(selected.filter(Boolean).length <= 4);
      assert.ok(selected.every((is, head) => !is || !outlier[head]));
    }
  });

  it('come with their numbers from one call', () => {
    const layer = layerDivergence(planted([9, 8, 10, 1, 2, 3, 4, 5], [1, 1, 900, 1, 1, 1, 1, 1]), 'l2', 'paper');
    assert.equal(layer.outlier[2], true);
    assert.ok((layer.vhd[2] ?? 0) > 9.9, 'the divergence itself is kept');
    assert.deepEqual(layer.selected, [true, true, false, false, false, false, true, true]);
  });
});

describe('T-VHD and the layers', () => {
  it('adds up the k largest of every layer', () => {
    const layers = [
      [1, 5, 3],
      [2, 2, 9],
    ];
    assert.equal(tokenDivergence(layers, 1), 14);
    assert.equal(tokenDivergence(layers, 2), 19);
    assert.equal(tokenDivergence(layers, 99), 22);
    assert.deepEqual([2, 4, 8, 12, 32].map(defaultTopHeads), [1, 1, 1, 2, 4]);
  });

  it('reinforces the second and the last 14 of 32, and the same share of other depths', () => {
    assert.deepEqual(reinforcedLayers(32), [1, ...Array.from({ length: 14 }, (_, i) => 18 + i)]);
    assert.deepEqual(reinforcedLayers(2), [1]);
    assert.deepEqual(reinforcedLayers(1), [0]);
    assert.deepEqual(reinforcedLayers(8), [1, 4, 5, 6, 7]);
  });
});

describe('scaling one part of a sum turns the sum towards it', () => {
  const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
  const cosine = (x: readonly number[], y: readonly number[], t: number): number => {
    const sum = x.map((value, i) => value + t * (y[i] ?? 0));
    return dot(sum, y) / Math.sqrt(dot(sum, sum) * dot(y, y));
  };

  it('cos(x + (alpha - 1) y, y) never falls with alpha, and its slope is the one derived', () => {
    const source = random(3);
    for (let trial = 0; trial < 50; trial++) {
      const [x, y] = [0, 1].map(() => Array.from({ length: 12 }, () => source.normal())) as [number[], number[]];
      for (let t = -2; t < 3; t += 0.25) {
        assert.ok(cosine(x, y, t + 0.25) >= cosine(x, y, t) - 1e-12);
        const sum = x.map((value, i) => value + t * (y[i] ?? 0));
        const slope = (dot(x, x) * dot(y, y) - dot(x, y) ** 2) / (dot(sum, sum) ** 1.5 * Math.sqrt(dot(y, y)));
        const step = 1e-4;
        const measured = (cosine(x, y, t + step) - cosine(x, y, t - step)) / (2 * step);
        assert.ok(Math.abs(measured - slope) < 1e-6, `${measured} and ${slope}`);
      }
    }
  });
});
