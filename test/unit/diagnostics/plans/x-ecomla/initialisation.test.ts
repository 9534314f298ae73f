/** The checks 1 to 7 of X-EcoMLA's initialisation (arXiv:2503.11132), in float64. */
import assert from 'node:assert/strict';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { decomposed, stacked, type Rows } from '../../../../../diagnostics/shared/weights/decomposition';
import {
  initialised,
  spectraOf,
  type LatentSizes,
  type SourceAttention,
} from '../../../../../diagnostics/plans/x-ecomla/initialisation';
import { cacheShare, droppedShare, rankOfEnergy, rankOfShare } from '../../../../../diagnostics/plans/x-ecomla/ranks';
import { selected, selectionProblem } from '../../../../../diagnostics/plans/x-ecomla/selection';
import { normalTensor } from '../../../../../kernels/tensors/random';
import { absorbed, explicit, grouped, turnOf, unturned, type LatentLayer, type Turn } from './latent-reference';

const heads = 4;
const headDim = 6;
const width = 30;
const n = 7;

const rows = (count: number, seed: number): Rows => ({
  data: normalTensor([count, width], seed).data,
  rows: count,
  columns: width,
});

const sourceOf = (kvHeads: number): SourceAttention => ({
  query: rows(heads * headDim, 1),
  key: rows(kvHeads * headDim, 2),
  value: rows(kvHeads * headDim, 3),
  heads,
  kvHeads,
  headDim,
});

const x = Array.from({ length: n }, (_, i) => Array.from(rows(n, 4).data).slice(i * width, (i + 1) * width));

const fullRank = (kvHeads: number): number => Math.min(width, 2 * kvHeads * headDim);
const queryRank = Math.min(width, heads * headDim);

function layerOf(source: SourceAttention, sizes: LatentSizes, turn: Turn): LatentLayer {
  const weights = initialised(source, spectraOf(source), sizes);
  return { weights, heads, headDim, turn, ...sizes };
}

function difference(one: readonly (readonly number[])[], other: readonly (readonly number[])[]): number {
  return Math.max(...one.flatMap((row, i) => row.map((value, j) => Math.abs(value - (other[i]?.[j] ?? Number.NaN)))));
}

describe('X-EcoMLA: initialisation of latent attention', () => {
  it('1. the shares of the cache are those that the release reports', () => {
    const percent = (kvHeads: number, width: number, rank: number, rotary: number): string =>
      (100 * cacheShare({ kvHeads, headDim: width }, rank, rotary)).toFixed(1);
    // Llama-3.2-1B, r 512, 128, 64, 48; SmolLM-1.7B.
    assert.deepEqual(
      [512, 128, 64, 48].map((rank) => percent(8, 64, rank, 32)),
      ['53.1', '15.6', '9.4', '7.8'],
    );
    assert.equal(percent(32, 64, 480, 32), '12.5');
    // Llama-3.2-3B: (816 + 64) / 2048.
    assert.equal(cacheShare({ kvHeads: 8, headDim: 128 }, 816, 64), 880 / 2048);
    assert.equal(rankOfShare({ kvHeads: 8, headDim: 64 }, 0.15625, 32), 128);
    assert.equal(rankOfShare({ kvHeads: 32, headDim: 64 }, 0.125, 32), 480);
    assert.equal(rankOfShare({ kvHeads: 1, headDim: 4 }, 0.01, 4), 1);
  });

  it('2. the error is the energy that is dropped, falls with the rank, and is 0 at full rank', () => {
    const source = sourceOf(2);
    const { joint } = spectraOf(source);
    const repeated = repeatedRows(source);
    const norm = Math.sqrt(squares(repeated));
    let last = Infinity;
    for (const rank of [1, 4, 11, 23, 24]) {
      // All rows of B: with no rotary part every row of a head is plain.
      const { down, up } = initialised(source, spectraOf(source), { rank, rotary: 0, selection: 'release' });
      let error = 0;
      for (let head = 0; head < heads; head++) {
        for (let row = 0; row < 2 * headDim; row++) {
          const whole = row < headDim ? head * headDim + row : (heads + head) * headDim + row - headDim;
          for (let c = 0; c < width; c++) {
            let value = repeated[whole * width + c] ?? 0;
            for (let r = 0; r < rank; r++) {
              value -= (up[(head * 2 * headDim + row) * rank + r] ?? 0) * (down[r * width + c] ?? 0);
            }
            error += value * value;
          }
        }
      }
      const dropped = joint.singular.slice(rank).reduce((sum, value) => sum + value * value, 0);
      assert.ok(Math.abs(error - dropped) <= 1e-9 * norm, `rank ${rank}: ${error}, not ${dropped}`);
      assert.ok(Math.abs(Math.sqrt(error) / norm - droppedShare(joint.singular, rank)) <= 1e-7);
      assert.ok(error <= last);
      last = error;
    }
    assert.ok(last <= 1e-20 * norm);
  });

  it('3. the explicit and the absorbed form are one', () => {
    for (const selection of ['release', 'pairs'] as const) {
      const turn = turnOf(0, 2, selection === 'release' ? 'interleaved' : 'half');
      const layer = layerOf(sourceOf(2), { rank: 5, queryRank: 9, rotary: 2, selection }, turn);
      assert.ok(difference(explicit(x, layer), absorbed(x, layer)) <= 1e-12);
    }
  });

  it('4. full ranks without rotation: equal for one key head, and for heads whose rotary rows are the same', () => {
    for (const selection of ['release', 'pairs'] as const) {
      const sizes = (kvHeads: number): LatentSizes => ({ rank: fullRank(kvHeads), queryRank, rotary: 2, selection });
      const one = sourceOf(1);
      assert.ok(difference(explicit(x, layerOf(one, sizes(1), unturned)), grouped(x, one, unturned)) <= 1e-10);
      const two = sourceOf(2);
      const differs = difference(explicit(x, layerOf(two, sizes(2), unturned)), grouped(x, two, unturned));
      assert.ok(differs > 1e-2, `${differs}`);
      const key = Float64Array.from(two.key.data);
      for (const row of selected(headDim, 2, selection).rotary) {
        key.copyWithin((headDim + row) * width, row * width, (row + 1) * width);
      }
      const alike = { ...two, key: { ...two.key, data: key } };
      assert.ok(difference(explicit(x, layerOf(alike, sizes(2), unturned)), grouped(x, alike, unturned)) <= 1e-10);
    }
  });

  it('4b. whole pairs keep their rotation: equal to a model that turns these pairs alone; the last numbers do not', () => {
    const source = sourceOf(1);
    const { rotary } = selected(headDim, 2, 'pairs');
    assert.deepEqual(rotary, [0, 3]);
    // Pair 0 of 6 numbers turns as fast as pair 0 of 2.
    const original: Turn = (row, position) => {
      const [a = 0, , , b = 0] = row;
      const [x = 0, y = 0] = turnOf(0, 2, 'half')([a, b], position);
      return row.map((value, i) => (i === 0 ? x : i === 3 ? y : value));
    };
    const sizes = { rank: fullRank(1), queryRank, rotary: 2 };
    const pairs = layerOf(source, { ...sizes, selection: 'pairs' }, turnOf(0, 2, 'half'));
    assert.ok(difference(explicit(x, pairs), grouped(x, source, original)) <= 1e-10);
    const release = layerOf(source, { ...sizes, selection: 'release' }, turnOf(0, 2, 'interleaved'));
    assert.ok(difference(explicit(x, release), grouped(x, source, original)) > 1e-2);
    // All pairs of all frequencies: the rotation of the model itself.
    const whole = layerOf(source, { ...sizes, rotary: headDim, selection: 'pairs' }, turnOf(0, headDim, 'half'));
    assert.ok(difference(explicit(x, whole), grouped(x, source, turnOf(0, headDim, 'half'))) <= 1e-10);
  });

  it('5. without a rotary part and at full ranks: equal to attention without rotation for any number of key heads', () => {
    for (const kvHeads of [1, 2, 4]) {
      const source = sourceOf(kvHeads);
      const sizes = { rank: fullRank(kvHeads), queryRank, rotary: 0, selection: 'release' } as const;
      assert.ok(difference(explicit(x, layerOf(source, sizes, unturned)), grouped(x, source, unturned)) <= 1e-10);
      const { queryRank: _, ...direct } = sizes;
      assert.ok(difference(absorbed(x, layerOf(source, direct, unturned)), grouped(x, source, unturned)) <= 1e-10);
    }
  });

  it('6. ranks by energy leave out the component that crosses it, and are rounded up to 8', () => {
    const singular = Array.from({ length: 40 }, (_, i) => Math.SQRT2 ** -(i + 1));
    assert.equal(rankOfEnergy(singular, 0.9, 1), 3);
    assert.equal(rankOfEnergy(singular, 0.9), 8);
    assert.equal(rankOfEnergy(singular, 1), 40);
    assert.equal(rankOfEnergy(singular, 0.1), 8);
    assert.equal(rankOfEnergy(singular, 0.1, 1), 1);
    const ranks = [0.1, 0.5, 0.9, 0.99, 0.9999, 1].map((energy) => rankOfEnergy(singular, energy, 1));
    assert.deepEqual(
      ranks,
      ranks.toSorted((a, b) => a - b),
    );
    assert.equal(rankOfEnergy(singular.slice(0, 5), 0.99), 5);
  });

  it('7. repeated key and value heads: singular values sqrt(H / G) times as large, the same right vectors', () => {
    const source = sourceOf(2);
    const { joint } = spectraOf(source);
    const whole = Matrix.from1DArray(2 * heads * headDim, width, Array.from(repeatedRows(source)));
    const { diagonal, rightSingularVectors } = new SingularValueDecomposition(whole);
    joint.singular.forEach((value, at) => {
      assert.ok(Math.abs(value - (diagonal[at] ?? Number.NaN)) <= 1e-10);
      const along = joint.right[at]?.reduce((sum, each, i) => sum + each * rightSingularVectors.get(i, at), 0);
      assert.ok(Math.abs(Math.abs(along ?? 0) - 1) <= 1e-9);
    });
    assert.ok(diagonal.slice(joint.singular.length).every((value) => value <= 1e-10));
    const unrepeated = decomposed(stacked([source.key, source.value]));
    assert.ok(Math.abs((joint.singular[0] ?? 0) / (unrepeated.singular[0] ?? 1) - Math.SQRT2) <= 1e-12);
  });

  it('says which rotary widths do not go', () => {
    assert.match(selectionProblem(6, 3, 'release') ?? '', /odd/);
    assert.match(selectionProblem(6, 8, 'release') ?? '', /head width, 6/);
    assert.match(selectionProblem(6, 4, 'pairs') ?? '', /divides/);
    assert.equal(selectionProblem(6, 4, 'release'), undefined);
  });
});

const squares = (data: Float64Array): number => data.reduce((sum, value) => sum + value * value, 0);

/** [K; V] with each head repeated H / G times, as the release builds it. */
function repeatedRows({ key, value, kvHeads }: SourceAttention): Float64Array {
  const out = new Float64Array(2 * heads * headDim * width);
  const size = headDim * width;
  for (const [part, { data }] of [key, value].entries()) {
    for (let head = 0; head < heads; head++) {
      const from = Math.floor(head / (heads / kvHeads)) * size;
      for (let i = 0; i < size; i++) out[(part * heads + head) * size + i] = data[from + i] ?? 0;
    }
  }
  return out;
}
