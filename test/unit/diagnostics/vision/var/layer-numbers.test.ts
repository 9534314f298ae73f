/** Sinks, the gate and its numbers on states and maps by hand. */
import assert from 'node:assert/strict';
import { sinkDimensions, sinkProfile, sinkValue, tauOf } from '../../../../../diagnostics/shared/divergence/sinks';
import { contributionOf } from '../../../../../diagnostics/vision/var/contribution';
import {
  headLooks,
  imageCentric,
  massiveRows,
  overlap,
  sinksByAttention,
} from '../../../../../diagnostics/vision/var/layer-numbers';
import { random } from '../../../../../kernels/tensors/random';

const near = (found: number | undefined, expected: number, tolerance = 1e-12): void =>
  assert.ok(Math.abs(Number(found) - expected) < tolerance, `${found}, not ${expected}`);

describe('sink value', () => {
  const source = random(3);
  const x = Array.from({ length: 24 }, () => source.normal());
  const [dimensions, others] = [[4, 11], [...x.keys()].filter((d) => d !== 4 && d !== 11)];
  const phi = sinkValue(x, dimensions);

  it('does not change with the length or sign of the state, nor with the order of other dimensions', () => {
    near(phi, Math.max(Math.abs(x[4]!), Math.abs(x[11]!)) / Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / 24), 1e-5);
    // eps is 1e-6 beside a mean square of about 1.
    for (const factor of [7, -3])
      near(
        sinkValue(
          x.map((v) => factor * v),
          dimensions,
        ),
        phi,
        1e-5,
      );
    near(
      sinkValue(
        x.map((v) => -v),
        dimensions,
      ),
      phi,
    );
    const turned = [...x];
    others.forEach((d, at) => (turned[d] = x[others.at(-1 - at)!]!));
    near(sinkValue(turned, dimensions), phi);
  });

  it('of a width of 448 is at most its root: 0.97 of it is found at the first token and two others, and nowhere else', () => {
    const width = 448;
    const massive = (share: number): number[] => {
      const value = share * Math.sqrt(width);
      const rest = Math.sqrt((width - value ** 2) / (width - 1));
      return Array.from({ length: width }, (_, d) => (d === 100 ? -value : d % 2 === 0 ? rest : -rest));
    };
    const rows = [0.97, 0.2, 0.97, 0.94, 0.97, 0].map(massive);
    assert.deepEqual(sinkDimensions([rows[1]!, rows[1]!, rows[0]!, rows[0]!, rows[3]!]), [100]);
    // Two of four layers are not more than half.
    assert.deepEqual(sinkDimensions([rows[1]!, rows[1]!, rows[0]!, rows[0]!, rows[3]!, rows[3]!]), []);
    near(sinkProfile([rows[0]!, rows[3]!, rows[2]!])[100], 0.97 * Math.sqrt(width), 1e-4);
    assert.deepEqual(
      massiveRows(6, (row) => rows[row]!, [100], 20).map(({ row }) => row),
      [0, 2, 4],
    );
    assert.deepEqual(
      massiveRows(6, (row) => rows[row]!, [100], 0.97 * Math.sqrt(width) + 0.01),
      [],
    );
  });

  it('is compared with 20, or with the same share of the root of a width of at most 400', () => {
    assert.deepEqual([tauOf(4096, 0), tauOf(448, 0), tauOf(448, 12), tauOf(64, 0)], [20, 20, 12, 2.5]);
  });
});

describe('gate of heads', () => {
  // Keys: 0 text sink, 1 and 2 sinks of the picture, 3 to 5 its other tokens, 6 to 8 text behind it.
  const places = { image: [1, 2, 3, 4, 5], visual: [1, 2], text: [0], behind: 6 };
  const n = 9;
  const mapOf = (row: readonly number[]): number[] => {
    const map = new Array<number>(n * n).fill(0);
    for (let query = places.behind; query < n; query++) row.forEach((value, key) => (map[query * n + key] = value));
    return map;
  };
  const heads = {
    A: mapOf([0.5, 0, 0, 0.3, 0.2, 0, 0]),
    B: mapOf([0.5, 0.25, 0.25, 0, 0, 0, 0]),
    C: mapOf([0.9, 0, 0, 0.1, 0, 0, 0]),
    D: mapOf([0.5, 0.05, 0.05, 0.2, 0.1, 0.1, 0]),
  };
  const centric = (ratio: number, least = 0.2) =>
    Object.entries(heads).flatMap(([name, map]) =>
      headLooks(map, n, places, { least, ratio }).centric === 1 ? [name] : [],
    );

  it('opens for a head on objects at every rho, never for one on sinks, and not below 0.2 of the attention', () => {
    assert.deepEqual(centric(1), ['A']);
    assert.deepEqual(centric(0.8), ['A', 'D']);
    assert.deepEqual(centric(0.01), ['A', 'D']);
    assert.deepEqual(centric(0.8, 0.1), ['A', 'C', 'D']);
    // A layer whose picture has no sink is left alone.
    assert.equal(headLooks(heads.A, n, { ...places, visual: [] }, { least: 0.2, ratio: 0.5 }).centric, 0);
  });

  it('counts row by row, and averages over the rows behind the picture', () => {
    const map = [...heads.A];
    map.splice(7 * n, n, ...[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    const found = headLooks(map, n, places, { least: 0.2, ratio: 0.5 });
    near(found.centric, 2 / 3);
    near(found.onOthers, (0.5 + 0 + 0.5) / 3);
    near(found.onText, (0.5 + 1 + 0.5) / 3);
    near(found.onVisual, 0);
    near(found.last.seen, 0.5);
    near(found.onImage[2], (0.3 + 0.3) / 3);
  });

  it('rho of the paper is 1 less that of the released code, which asks for a small share of sinks', () => {
    const source = random(5);
    const gate = { least: 0.2, ratio: 0.8 };
    let chosen = 0;
    for (let at = 0; at < 500; at++) {
      const sinks = source.uniform() * 0.3;
      const beside = source.uniform() * 0.7;
      const portion = sinks / (sinks + beside);
      if (Math.abs(portion - 0.2) < 1e-9) continue;
      const inCode = sinks + beside >= 0.2 && portion <= 0.2;
      assert.equal(imageCentric({ seen: sinks + beside, beside }, gate), inCode);
      chosen += inCode ? 1 : 0;
    }
    assert.ok(chosen > 50 && chosen < 450, String(chosen));
  });
});

describe('sinks by attention, and what keys add', () => {
  it('are above 5 / n, and their overlap is a share of the union', () => {
    assert.deepEqual(sinksByAttention([0.05, 0.051, 0.2, 0], 100), [1, 2]);
    near(overlap([1, 2, 3], [2, 3, 4]), 0.5);
    assert.equal(overlap([1], [2]), 0);
    assert.ok(Number.isNaN(overlap([], [])));
  });

  it('is the mean over heads and keys of attention times the norm of what is written', () => {
    const attention = [Float64Array.of(0.5, 0.5, 0), Float64Array.of(0.1, 0.2, 0.7)];
    const norms = [Float64Array.of(1, 2, 4), Float64Array.of(10, 20, 30)];
    near(contributionOf(attention, norms, [0, 1]), (0.5 + 1 + 1 + 4) / 4);
    assert.ok(Number.isNaN(contributionOf(attention, norms, [])));
  });
});
