/** Patterns made by hand are found again: less is lost than by principal components, groups are the patterns. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import { encoded, latentSize, trainPatterns } from '../../../../../diagnostics/vision/vit-visual-analytics/autoencoder';
import { byDistribution, kMeans, silhouetteOf } from '../../../../../diagnostics/vision/vit-visual-analytics/clusters';
import { componentsOf, lostBy, placedOn } from '../../../../../diagnostics/shared/statistics/principal-components';
import {
  anchorsOn,
  attentionOf,
  cellsOf,
  patternOf,
} from '../../../../../diagnostics/vision/vit-visual-analytics/patterns';
import { groupedMaps } from '../../../../../diagnostics/vision/vit-visual-analytics/summary';
import { random } from '../../../../../kernels/tensors/random';
import { surroundingsOf } from '../../../../support/model-jobs';

const grid = { rows: 4, columns: 4 };

const choose2 = (n: number): number => (n * (n - 1)) / 2;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Adjusted Rand index (Hubert and Arabie 1985). */
function adjustedRand(a: readonly number[], b: readonly number[]): number {
  const counts = new Map<string, number>();
  const side = (of: readonly number[]): number[] =>
    [...new Set(of)].map((group) => of.filter((one) => one === group).length);
  a.forEach((group, at) => counts.set(`${group} ${b[at]}`, (counts.get(`${group} ${b[at]}`) ?? 0) + 1));
  const both = sum([...counts.values()].map(choose2));
  const [one, other] = [sum(side(a).map(choose2)), sum(side(b).map(choose2))];
  const expected = (one * other) / choose2(a.length);
  return (both - expected) / ((one + other) / 2 - expected);
}

describe('patterns of heads', () => {
  it('are attention between patches: rows sum to 1 again, leading rows left out, cells joined', () => {
    const cells = cellsOf({ rows: 16, columns: 16 });
    assert.deepEqual([cells.rows, cells.columns, cells.of[0], cells.of[17], cells.of[18]], [8, 8, 0, 0, 1]);
    const n = 257;
    const source = random(2);
    const map = Float32Array.from({ length: n * n }, () => source.uniform());
    const pattern = patternOf(map, 1, cells);
    for (const row of [0, 40]) {
      const values = Array.from(pattern.subarray(row * 64, (row + 1) * 64), (value) => value ** 2 / 64);
      assert.ok(Math.abs(sum(values) - 1) < 1e-5);
    }
    const even = patternOf(new Float32Array(17 * 17).fill(1 / 17), 1, cellsOf(grid));
    assert.ok(even.every((value) => Math.abs(value - 1) < 1e-6));
    // A query that reads the class token alone reads no patch more than another.
    const elsewhere = new Float32Array(17 * 17).map((_, at) => (at % 17 === 0 ? 1 : 0));
    assert.ok(patternOf(elsewhere, 1, cellsOf(grid)).every((value) => Math.abs(value - 1) < 1e-6));
    assert.deepEqual(attentionOf(anchorsOn(cellsOf(grid))[0]!.pattern, 16)[5]![5], 1);
  });

  it('ten anchors with noise: the autoencoder loses less than as many components, and groups are the anchors', async function () {
    this.timeout(60_000);
    const trainer = new ServerTrainer(surroundingsOf(), new AbortController().signal);
    const source = random(7);
    const anchors = anchorsOn(cellsOf(grid));
    const copies = 10;
    const noisy = (pattern: Float32Array): Float32Array =>
      pattern.map((value) => Math.abs(value + 0.15 * source.normal()));
    const patterns = anchors.flatMap(({ pattern }) => Array.from({ length: copies }, () => noisy(pattern)));
    const truth = patterns.map((_, at) => Math.floor(at / copies));
    const others = anchors.map(({ pattern }) => noisy(pattern));
    const training = trainPatterns(trainer, (_, act) => act(), patterns, { steps: 400, seed: 3 });
    let next = await training.next();
    while (!next.done) next = await training.next();
    const parameters = next.value;
    const { latents } = await encoded(trainer, parameters, patterns);
    const { errors } = await encoded(trainer, parameters, others);
    const components = componentsOf(patterns, latentSize);
    const lost = sum(others.map((pattern) => lostBy(components, pattern))) / others.length;
    assert.ok(sum(errors) / errors.length < lost, `${sum(errors) / errors.length}, components ${lost}`);
    const { of } = kMeans(latents, 4, 12, 1);
    assert.ok(adjustedRand(of, truth) > 0.9, String(adjustedRand(of, truth)));

    // As five heads of two pictures and more: their order is the only thing that changes.
    const facts = { blocks: [2, 3].map((heads) => ({ heads, kvHeads: heads, headDim: 1, causal: false })) };
    const made = (order: readonly number[]) => {
      const pictures = Array.from({ length: 4 }, (_, picture) =>
        order.map((head) => latents[head * 20 + picture * 5] ?? []),
      );
      const maps = { latents: pictures.flat(), errors: [] };
      return groupedMaps(
        facts,
        4,
        { maps, anchors: { latents: latents.slice(0, anchors.length), errors: [] } },
        grid,
        1,
      );
    };
    const order = [3, 1, 4, 0, 2];
    const [plain, permuted] = [made([0, 1, 2, 3, 4]), made(order)];
    assert.deepEqual(
      permuted.signatures.flat(),
      order.map((head) => plain.signatures.flat()[head]),
    );
    order.forEach((head, at) => assert.ok(Math.abs(permuted.x.flat()[at]! - plain.x.flat()[head]!) < 1e-9));
    await trainer.close();
  });

  it('principal components of a plane are the plane, and lose nothing of it', () => {
    const rows = Array.from({ length: 12 }, (_, i) => [3 * Math.cos(i) + 1, 0, Math.sin(i), 2]);
    const components = componentsOf(rows, 2);
    assert.ok(rows.every((row) => lostBy(components, row) < 1e-12));
    assert.ok(Math.abs(components.shares[0]! + components.shares[1]! - 1) < 1e-12);
    assert.ok(Math.abs(Math.abs(components.axes[0]![0]!) - 1) < 0.02);
    assert.equal(placedOn(components, rows[3]!).length, 2);
  });

  it('silhouette and groups of distributions, by hand', () => {
    // Points 0, 1 and 10, 11 on a line: a = 1, b = 10 and 9 -> (10.5 - 1) / 10.5, (9.5 - 1) / 9.5.
    const line = [0, 1, 10, 11];
    const found = silhouetteOf([0, 0, 1, 1], (a, b) => Math.abs(line[a]! - line[b]!));
    assert.ok(Math.abs(found - (9.5 / 10.5 + 8.5 / 9.5) / 2) < 1e-12);
    const groups = byDistribution(
      [
        [1, 0],
        [0.9, 0.1],
        [0, 1],
        [0.05, 0.95],
      ],
      2,
      3,
    );
    assert.deepEqual(groups.of, [0, 0, 1, 1]);
    assert.deepEqual(
      byDistribution(
        [
          [1, 0],
          [1, 0],
          [1, 0],
        ],
        2,
        2,
      ).of,
      [0, 0, 0],
      'alike: one group',
    );
  });
});
