import assert from 'node:assert/strict';
import {
  endToEndBound,
  isBlockSparse,
  passesBlockSparseTest,
  simulate,
  simulateFlattened,
  visitedTiles,
  withoutDominated,
  type SimulatedAxis,
} from '../../../kernels/mechanisms/gna/simulator';

const axis = (size: number, window: number, stride: number, queryTile: number, keyTile: number): SimulatedAxis => ({
  size,
  window,
  stride,
  dilation: 1,
  causal: false,
  queryTile,
  keyTile,
});

const axes = (
  sizes: readonly number[],
  windows: readonly number[],
  strides: readonly number[],
  queryTiles: readonly number[],
  keyTiles: readonly number[],
) => sizes.map((size, a) => axis(size, windows[a]!, strides[a]!, queryTiles[a]!, keyTiles[a]!));

const near = (actual: number, expected: number, allowed: number, what = '') =>
  assert.ok(Math.abs(actual - expected) <= allowed, `${what}: ${actual}, expected ${expected}`);

const video = [30, 48, 80];

describe('Simulator of neighborhood attention: the paper’s figures', () => {
  it('video of 30x48x80, window 18x24x24, tiles 4x8x8 and 2x8x8: speed-up bound and end to end, by stride', () => {
    const figures: readonly (readonly [strides: readonly number[], bound: number, endToEnd: number, paper: number])[] =
      [
        [[1, 1, 1], 3.27, 1.73, 1.73],
        [[2, 1, 1], 3.6, 1.78, 1.78],
        [[1, 1, 8], 5.45, 1.98, 1.99],
        [[2, 1, 8], 6.0, 2.02, 2.02],
        [[1, 8, 8], 9.09, 2.18, 2.17],
        [[2, 8, 8], 10.0, 2.2, 2.2],
        [[16, 8, 8], 11.11, 2.23, 2.23],
        [[18, 24, 24], 6.67, 2.07, 2.06],
      ];
    for (const [strides, bound, endToEnd, paper] of figures) {
      const simulated = simulate(axes(video, [18, 24, 24], strides, [4, 8, 8], [2, 8, 8]));
      near(simulated.bound, bound, 0.005, strides.join('x'));
      near(endToEndBound(simulated.bound, 0.607), endToEnd, 0.0051, strides.join('x'));
      near(endToEndBound(simulated.bound, 0.607), paper, 0.0151, `${strides.join('x')} in the paper`);
      near(simulated.flopBound, 11.11, 0.005);
    }
    const sliding = simulate(axes(video, [18, 24, 24], [1, 1, 1], [4, 8, 8], [2, 8, 8]));
    near(sliding.meanBound, 5.24, 0.005, 'the mean tile');
  });

  it('picture of 256x256, window 80x80, tiles 16x16 and 16x8: end to end 1.76, 1.84, 1.88', () => {
    const endToEnd = [
      [1, 1],
      [16, 1],
      [16, 16],
    ].map((strides) => endToEndBound(simulate(axes([256, 256], [80, 80], strides, [16, 16], [16, 8])).bound, 0.518));
    [1.76, 1.84, 1.88].forEach((expected, i) => near(endToEnd[i]!, expected, 0.005));
  });

  it('window 30x40x40 with tiles 2x16x8 and 2x8x8 (inferred): 1.22, 1.44, at best 1.55, and blocks 1.44', () => {
    const endToEnd = (strides: readonly number[]) =>
      endToEndBound(simulate(axes(video, [30, 40, 40], strides, [2, 16, 8], [2, 8, 8])).bound, 0.607);
    near(endToEnd([1, 1, 1]), 1.22, 0.005);
    near(endToEnd([1, 1, 8]), 1.44, 0.005);
    near(endToEnd([1, 32, 8]), 1.55, 0.005);
    near(endToEnd([30, 40, 40]), 1.44, 0.005);
  });

  it('a line of 32768, window 2048: the smallest fully block-sparse stride is 256, bound 16; 15.06 and 14.22 when sliding', () => {
    for (const [queryTile, sliding] of [
      [128, 15.06],
      [256, 14.22],
    ] as const) {
      const at = (stride: number) => axis(32768, 2048, stride, queryTile, 128);
      near(simulate([at(1)]).bound, sliding, 0.005);
      const smallest = Array.from({ length: 512 }, (_, i) => i + 1).find((stride) => isBlockSparse(at(stride)));
      assert.equal(smallest, 256);
      assert.ok(passesBlockSparseTest(at(256)));
      near(simulate([at(256)]).bound, 16, 1e-9);
    }
  });

  it('the curse of more dimensions: 256x256, window 80x80: flattened tiles 3.2, square tiles 8.46, products alone 10.24', () => {
    const plane = axes([256, 256], [80, 80], [1, 1], [8, 8], [8, 8]);
    near(simulateFlattened(plane, 128, 128).bound, 3.2, 0.005);
    near(simulate(plane).bound, 8.46, 0.005);
    near(simulate(plane).flopBound, 10.24, 1e-9);
  });

  it('the released test of block sparsity never passes an axis that is not block sparse, and misses few', () => {
    let [tried, passed, missed] = [0, 0, 0];
    for (let size = 1; size <= 16; size++) {
      for (let window = 1; window <= size; window++) {
        for (let stride = 1; stride <= window; stride++) {
          for (const queryTile of [1, 2, 3, 4]) {
            for (const keyTile of [1, 2, 4]) {
              const one = axis(size, window, stride, queryTile, keyTile);
              tried++;
              if (passesBlockSparseTest(one)) {
                passed++;
                assert.ok(isBlockSparse(one), JSON.stringify(one));
              } else if (isBlockSparse(one)) missed++;
            }
          }
        }
      }
    }
    assert.ok(tried > 9000 && passed > 1000, `${tried} tried, ${passed} passed`);
    assert.ok(missed > 0 && missed < passed / 4, `${missed} missed of ${passed + missed}`);
    assert.equal(passesBlockSparseTest({ ...axis(8, 8, 8, 8, 8), causal: true }), false);
  });

  it('where a query tile holds whole key tiles it is the released formula itself; elsewhere that would pass too much', () => {
    const released = ({ size, window, stride, queryTile, keyTile }: SimulatedAxis): boolean => {
      if (window === size) return true;
      if (stride % queryTile !== 0 || window % keyTile !== 0) return false;
      const [left, half] = [Math.floor(window / 2), Math.floor(stride / 2)];
      const leader = Math.min(Math.floor((size - 1) / stride) * stride + half, size - 1);
      const lastStart = Math.min(Math.max(leader - left, 0), size - window);
      if (size % stride !== 0 && lastStart % keyTile !== 0) return false;
      const two = Math.ceil(size / stride) === 2 && stride + half >= size - window;
      return (left - half) % keyTile === 0 || (size % keyTile === 0 && two);
    };
    let wrong = 0;
    for (let size = 1; size <= 16; size++) {
      for (let window = 1; window <= size; window++) {
        for (let stride = 1; stride <= window; stride++) {
          for (const queryTile of [1, 2, 3, 4]) {
            for (const keyTile of [1, 2, 4]) {
              const one = axis(size, window, stride, queryTile, keyTile);
              if (queryTile % keyTile === 0) assert.equal(passesBlockSparseTest(one), released(one));
              else if (released(one) && !isBlockSparse(one)) wrong++;
            }
          }
        }
      }
    }
    assert.equal(wrong, 62);
  });

  it('key tiles that begin with the window visit no more tiles than those on a fixed grid', () => {
    for (let window = 1; window <= 24; window++) {
      const one = axis(48, window, 1, 4, 8);
      const fixed = visitedTiles(one, 'static');
      visitedTiles(one, 'dynamic').forEach((tiles, i) => assert.ok(tiles <= fixed[i]!, `${window} ${i}`));
    }
    assert.ok(passesBlockSparseTest(axis(50, 16, 8, 8, 8), 'dynamic'));
  });

  it('a flattened line is the line itself, also dilated', () => {
    for (const dilation of [1, 3]) {
      const line = { ...axis(96, 10, 2, 1, 1), dilation };
      const flat = simulateFlattened([line], 1, 1);
      assert.equal(flat.worstTiles, 10);
      assert.equal(flat.allTiles, 96);
    }
  });

  it('sparse steps weigh the attention share, and larger strides that gain nothing are left out', () => {
    near(endToEndBound(10, 0.5, 0.5), 1 / (0.75 + 0.025), 1e-12);
    assert.equal(endToEndBound(10, 0.5, 0), 1);
    const kept = withoutDominated([
      { strides: [1, 1], bound: 2 },
      { strides: [2, 1], bound: 2 },
      { strides: [1, 4], bound: 3 },
      { strides: [4, 4], bound: 2.5 },
    ]);
    assert.deepEqual(
      kept.map(({ strides }) => strides),
      [
        [1, 1],
        [1, 4],
      ],
    );
  });
});
