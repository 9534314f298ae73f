/** The nearest matrix of one kernel: exact where there is one, the mean of its diagonals by hand, nearer than any other. */
import assert from 'node:assert/strict';
import { back, fitOf, grid, torus } from '../../../../../diagnostics/patterns/spectral-heads/circulant';
import { random } from '../../../../../kernels/tensors/random';

const near = (found: number | undefined, expected: number): void =>
  assert.ok(Math.abs(Number(found) - expected) < 1e-12, `${found}, not ${expected}`);
const all = (n: number): number[] => Array.from({ length: n }, (_, at) => at);

describe('maps as filters', () => {
  it('a block circulant map has residual 0 and gives its kernel back; with a row of a class token before it too', () => {
    const [height, width] = [3, 4];
    const n = 1 + height * width;
    const kernel = all(12).map((at) => 1 / (1 + at));
    const map = new Float64Array(n * n).fill(0.7);
    for (let i = 0; i < 12; i++) {
      for (let j = 0; j < 12; j++) {
        const down = ((j >> 2) - (i >> 2) + 3) % 3;
        const across = ((j & 3) - (i & 3) + 4) % 4;
        map[(1 + i) * n + 1 + j] = kernel[down * 4 + across]!;
      }
    }
    const rows = all(12).map((at) => 1 + at);
    const fit = fitOf(map, n, torus(rows, height, width));
    near(fit.residual, 0);
    near(fit.explained, 1);
    fit.kernel.forEach((value, at) => near(value, kernel[at]!));
    near(fitOf(map, n, grid(rows, height, width)).residual, 0);
  });

  it('an even map is a filter, and distance has nothing to explain', () => {
    const { residual, explained } = fitOf(new Float64Array(25).fill(0.2), 5, torus(all(5), 1, 5));
    near(residual, 0);
    assert.ok(Number.isNaN(explained));
  });

  it('by hand: means of the diagonals around the end, and back from the query', () => {
    const map = [0.5, 0.5, 0, 0.2, 0.3, 0.5, 0.6, 0, 0.4];
    const around = fitOf(map, 3, torus([0, 1, 2], 1, 3));
    [1.2 / 3, 1.6 / 3, 0.2 / 3].forEach((value, at) => near(around.kernel[at], value));
    const squares = map.reduce((sum, value) => sum + value ** 2, 0);
    const explained = 3 * ((1.2 / 3) ** 2 + (1.6 / 3) ** 2 + (0.2 / 3) ** 2);
    near(around.residual, Math.sqrt((squares - explained) / squares));
    near(around.explained, (explained - 1) / (squares - 1));
    const causal = [1, 0, 0, 0.2, 0.8, 0, 0.1, 0.3, 0.6];
    const { kernel } = fitOf(
      causal,
      3,
      back(3, (row) => [0, row + 1]),
    );
    [2.4 / 3, 0.5 / 2, 0.1].forEach((value, at) => near(kernel[at], value));
  });

  it('no other kernel is nearer', () => {
    const source = random(3);
    const map = Float64Array.from({ length: 144 }, () => source.uniform());
    const { rows, classOf } = torus(all(12), 3, 4);
    const { kernel, residual } = fitOf(map, 12, torus(all(12), 3, 4));
    const missed = (of: readonly number[]): number =>
      Math.sqrt(
        rows.flatMap((i) => rows.map((j) => (map[i * 12 + j]! - of[classOf(i, j)]!) ** 2)).reduce((a, b) => a + b),
      );
    near(residual, missed(kernel) / Math.hypot(...map));
    for (let at = 0; at < 12; at++) {
      for (const by of [-1e-3, 1e-3]) {
        assert.ok(missed(kernel.map((value, k) => (k === at ? value + by : value))) > missed(kernel));
      }
    }
  });
});
