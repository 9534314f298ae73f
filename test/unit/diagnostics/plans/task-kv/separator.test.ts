/** Semantic vectors, distances and the heads that keep everything. */
import assert from 'node:assert/strict';
import {
  distancesOf,
  farthestFirst,
  heterogeneous,
  heterogeneousCount,
  inResidualSpace,
  observedScores,
  parted,
  semanticVector,
} from '../../../../../diagnostics/plans/task-kv/separator';
import { random, type Random } from '../../../../../kernels/tensors/random';

/** Causal softmax weights of random scores, [rows, keys], of the last `rows` of `keys` queries. */
function causalRows(source: Random, rows: number, keys: number): number[] {
  return Array.from({ length: rows }, (_, row) => {
    const weights = Array.from({ length: keys }, (__, key) =>
      key <= keys - rows + row ? Math.exp(2 * source.uniform()) : 0,
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / sum);
  }).flat();
}

const numbers = (source: Random, count: number): Float64Array =>
  Float64Array.from({ length: count }, () => 2 * source.uniform() - 1);

const near = (found: number, expected: number, what: string): void =>
  assert.ok(Math.abs(found - expected) <= 1e-12, `${what}: ${found}, not ${expected}`);

describe('the semantic separator', () => {
  it('with all queries and keys the vector is the mean output of the head', () => {
    const source = random(1);
    const [keys, width] = [9, 4];
    const weights = causalRows(source, keys, keys);
    const values = numbers(source, keys * width);
    const [scores] = observedScores(weights, { heads: 1, kvHeads: 1, keys });
    assert.ok(scores);
    const vector = semanticVector(scores, values, keys);
    for (let at = 0; at < width; at++) {
      let sum = 0;
      for (let row = 0; row < keys; row++)
        for (let key = 0; key <= row; key++) sum += (weights[row * keys + key] ?? 0) * (values[key * width + at] ?? 0);
      near(vector[at] ?? 0, sum / keys, `component ${at}`);
    }
  });

  it('query heads of a group are averaged', () => {
    const weights = [1, 0, 0.5, 0.5, 0, 1, 0.25, 0.75];
    const scores = observedScores(weights, { heads: 4, kvHeads: 2, keys: 2 });
    assert.deepEqual(
      scores.map((of) => [...of]),
      [
        [0.75, 0.25],
        [0.125, 0.875],
      ],
    );
  });

  it('takes the largest scores, without dividing by their sum', () =>
    assert.deepEqual([...semanticVector([0.5, 0.1, 0.4], [1, 0, 9, 9, 0, 1], 2)], [0.5, 0.4]));

  it('one offset of all values, and one rotation of all heads, change no distance', () => {
    const source = random(2);
    const [keys, width, heads] = [7, 2, 5];
    const weights = Array.from({ length: heads }, () => causalRows(source, 3, keys)).flat();
    const scores = observedScores(weights, { heads, kvHeads: heads, keys });
    const values = scores.map(() => numbers(source, keys * width));
    const distances = (of: readonly Float64Array[]) =>
      distancesOf(scores.map((own, head) => semanticVector(own, of[head] ?? [], keys))).distance;
    const plain = distances(values);
    const offset = [3, -2];
    const moved = distances(values.map((own) => own.map((value, at) => value + (offset[at % width] ?? 0))));
    const [cos, sin] = [Math.cos(0.7), Math.sin(0.7)];
    const turned = distances(
      values.map((own) =>
        own.map((value, at) =>
          at % 2 === 0 ? cos * value - sin * (own[at + 1] ?? 0) : cos * value + sin * (own[at - 1] ?? 0),
        ),
      ),
    );
    plain.forEach((distance, head) => {
      near(moved[head] ?? 0, distance, `offset, head ${head}`);
      near(turned[head] ?? 0, distance, `rotation, head ${head}`);
    });
  });

  it('in residual space a rotation of one head that its output projection undoes changes nothing', () => {
    const vectors = [Float64Array.of(1, 2), Float64Array.of(3, -1)];
    const output = { data: [1, 0, 2, 1, 0, 1, 1, 3, 1, 1, 0, -1], rows: 3, columns: 4 };
    const turned = [Float64Array.of(-2, 1), vectors[1] ?? Float64Array.of()];
    // Columns of head 0 turned by a quarter: W R^T.
    const undone = { ...output, data: [0, 1, 2, 1, -1, 0, 1, 3, -1, 1, 0, -1] };
    const [plain, other] = [inResidualSpace(vectors, output), inResidualSpace(turned, undone)];
    assert.deepEqual(
      plain.map((of) => [...of]),
      [
        [1, 2, 3],
        [5, 0, 1],
      ],
    );
    assert.deepEqual(other, plain);
  });

  it('adds up over the query heads of a group', () => {
    const output = { data: [1, 0, 0, 10, 0, 1, 5, 0], rows: 2, columns: 4 };
    assert.deepEqual(
      inResidualSpace([Float64Array.of(2, 3)], output).map((of) => [...of]),
      [[32, 13]],
    );
  });

  it('finds three planted heads, and keeps the one nearest to the centre with them', () => {
    const source = random(3);
    const [heads, width] = [12, 8];
    const common = numbers(source, width);
    const planted = [2, 7, 10];
    const vectors = Array.from({ length: heads }, (_, head) =>
      common.map(
        (value, at) => value + 1e-3 * source.uniform() + (planted.includes(head) && at === head % width ? 4 : 0),
      ),
    );
    const { distance, length } = distancesOf(vectors);
    const { far, nearest } = parted(farthestFirst({ distance, length }), 4);
    assert.deepEqual(far, planted);
    assert.equal(distance[nearest ?? -1], Math.min(...distance));
    assert.deepEqual(
      heterogeneous({ far, nearest: nearest ?? -1 }),
      [...planted, nearest].sort((a = 0, b = 0) => a - b),
    );
  });

  it('of one head it is the farthest; of two equally far ones the longer', () => {
    const { distance, length } = distancesOf([Float64Array.of(1, 0), Float64Array.of(3, 0)]);
    assert.deepEqual(distance, [1, 1]);
    assert.deepEqual(parted(farthestFirst({ distance, length }), 1), { far: [1] });
  });

  it('f goes in a line from n x share to the least, half rounded up', () => {
    const of = (layer: number, layers: number, heads: number, share: number, least: number): number =>
      heterogeneousCount(layer, layers, heads, { share, least });
    // Llama-2-7B: 32 layers and heads, a quarter, four; Mistral-7B: eight key/value heads, 0.3, one.
    const llama = Array.from({ length: 32 }, (_, layer) => of(layer, 32, 32, 0.25, 4));
    assert.equal(llama[0], 8);
    assert.equal(llama[31], 4);
    assert.ok(llama.every((count, layer) => count <= (llama[layer - 1] ?? Infinity)));
    assert.deepEqual([of(0, 32, 8, 0.3, 1), of(31, 32, 8, 0.3, 1)], [2, 1]);
    assert.equal(of(0, 1, 10, 0.15, 1), 2, 'half, and one layer');
    assert.equal(of(0, 2, 2, 0.1, 1), 1, 'at least one');
    assert.equal(of(0, 2, 2, 0.1, 0), 0);
    assert.equal(of(1, 2, 2, 0.5, 9), 2, 'at most all');
  });

  it('what a head adds to the stream is bounded by mean and distance', () => {
    // |v_j W_j|^2 <= C^2 (|mean| + |delta_j|)^2 with |W_j| <= C, the Frobenius norm bounding the spectral one (equation 11).
    const source = random(4);
    const [heads, width, out] = [6, 3, 5];
    const vectors = Array.from({ length: heads }, () => numbers(source, width));
    const { distance } = distancesOf(vectors);
    const centre = Math.hypot(
      ...Array.from({ length: width }, (_, at) => vectors.reduce((sum, of) => sum + (of[at] ?? 0) / heads, 0)),
    );
    vectors.forEach((vector, head) => {
      const data = numbers(source, out * width);
      const [written] = inResidualSpace([vector], { data, rows: out, columns: width });
      assert.ok(Math.hypot(...(written ?? [])) <= Math.hypot(...data) * (centre + (distance[head] ?? 0)) + 1e-12);
    });
  });
});
