/** Random features: what they do not depend on, how their scores are distributed, and that they are heads of the catalogue. */
import assert from 'node:assert/strict';
import { Matrix, solve, SingularValueDecomposition } from 'ml-matrix';
import {
  attentionFeatures,
  drawnHeads,
  drawnNeurons,
  neuronFeatures,
} from '../../../../../diagnostics/experiments/rfa-lens/features';
import {
  drawnExamples,
  targetValues,
  unitVector,
  type Examples,
} from '../../../../../diagnostics/experiments/rfa-lens/targets';
import { reluMean } from '../../../../../kernels/mechanisms/relu-mean';
import { random } from '../../../../../kernels/tensors/random';
import { tensor } from '../../../../../kernels/tensors/tensor';

const sizes = { dimension: 3, keys: 5 };
const examples = drawnExamples(sizes, 6, random(1));
const heads = drawnHeads(sizes, 4, 1, random(2));
const identity = (score: number): number => score;

const largest = (values: Iterable<number>): number => [...values].reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Each point with a 1 behind it, [examples, N + 1, d + 1]. */
const lifted = ({ count, points, keys, dimension }: Examples): number[][][] =>
  Array.from({ length: count }, (_, example) =>
    Array.from({ length: keys + 1 }, (__, at) => {
      const from = (example * (keys + 1) + at) * dimension;
      return [...points.subarray(from, from + dimension), 1];
    }),
  );

describe('random features', () => {
  it('of attention do not depend on the order of the keys; those of the network do', () => {
    const order = [3, 0, 4, 1, 2];
    const width = 6 * 3;
    const points = examples.points.map((_, at) => {
      const [example, place, c] = [Math.floor(at / width), Math.floor((at % width) / 3), at % 3];
      const from = place === 0 ? 0 : 1 + (order[place - 1] ?? 0);
      return examples.points[example * width + from * 3 + c] ?? 0;
    });
    const shuffled = { ...examples, points };
    const [before, after] = [examples, shuffled].map((of) => attentionFeatures(of, heads).data);
    assert.ok(largest(before ?? []) > 0.1);
    assert.ok(largest((before ?? new Float64Array()).map((x, at) => x - (after?.[at] ?? 9))) < 1e-12);
    const neurons = drawnNeurons(sizes, 8, random(3));
    const [plain, moved] = [examples, shuffled].map((of) => neuronFeatures(of, neurons).data);
    assert.ok(largest((plain ?? new Float64Array()).map((x, at) => x - (moved?.[at] ?? 9))) > 0.1);
  });

  it('are the outputs of the mechanism relu-mean, with the rectifier and with the identity', () => {
    const side = 4;
    const shape = {
      ...{ pattern: 'noncausal-cross' as const, batch: 6, heads: 4, kvHeads: 1 },
      ...{ queries: 1, keys: 5, headDim: side, valueDim: side },
    };
    const points = lifted(examples);
    // Query of head m: x~_0^T W_m.
    const asked = points.flatMap(([x]) =>
      [0, 1, 2, 3].flatMap((head) =>
        [0, 1, 2, 3].map((c) =>
          (x ?? []).reduce((sum, value, r) => sum + value * (heads[(head * side + r) * side + c] ?? 0), 0),
        ),
      ),
    );
    const key = tensor([6, 1, 5, side], Float64Array.from(points.flatMap(([, ...rest]) => rest.flat())));
    const query = tensor([6, 4, 1, side], Float64Array.from(asked));
    for (const [activation, by] of [
      ['relu', undefined],
      ['identity', identity],
    ] as const) {
      const expected = reluMean.reference({ query, key, value: key, weights: {} }, shape, {
        activation,
        scale: 'none',
      });
      const found = attentionFeatures(examples, heads, by).data;
      assert.equal(found.length, expected.data.length);
      assert.ok(largest(found.map((x, at) => x - (expected.data[at] ?? 9))) < 1e-14, activation);
    }
  });

  it('have scores of mean 0, w0 <x_0, x_i> with a mean of the matrices, and variance 1', () => {
    const one = { dimension: 3, keys: 1, count: 1, points: examples.points.slice(0, 6) };
    const cosine = [0, 1, 2].reduce((sum, c) => sum + (one.points[c] ?? 0) * (one.points[3 + c] ?? 0), 0);
    assert.ok(Math.abs(cosine) > 0.1);
    const draws = 100_000;
    const moments = (scores: readonly number[]): readonly [mean: number, variance: number] => {
      const mean = scores.reduce((sum, x) => sum + x, 0) / scores.length;
      return [mean, scores.reduce((sum, x) => sum + (x - mean) ** 2, 0) / scores.length];
    };
    for (const strength of [0, 1, 2]) {
      // With one key and the identity the feature of the 1 is the score itself.
      const { data } = attentionFeatures(one, drawnHeads(one, draws, strength, random(11 + strength)), identity);
      const [mean, variance] = moments(Array.from({ length: draws }, (_, head) => data[head * 4 + 3] ?? 0));
      assert.ok(Math.abs(mean - strength * cosine) < 0.02, `mean ${mean}`);
      assert.ok(Math.abs(variance - 1) < 0.02, `variance ${variance}`);
    }
    // The rectified half of N(0, 1) has the mean square 1/2.
    const { data } = neuronFeatures(one, drawnNeurons(one, draws, random(20)));
    assert.ok(Math.abs(data.reduce((sum, x) => sum + x * x, 0) / draws - 0.5) < 0.02);
  });

  it('with the identity see a query and second moments of the keys alone: degree 2 is fitted exactly, degree 3 is not', () => {
    const direction = unitVector(3, random(31));
    const few = drawnExamples(sizes, 400, random(32));
    const others = drawnExamples(sizes, 200, random(33));
    const drawn = drawnHeads(sizes, 16, 0, random(34));
    const error = (heads: number, target: 'T1' | 'T2', first: number): number => {
      const [learned, asked] = [few, others].map((of) => {
        const { rows, width, data } = attentionFeatures(of, drawn.subarray(0, heads * 16), identity);
        return Matrix.from1DArray(rows, width, data);
      });
      // 16 heads see all: d + 1 times the 9 free second moments of unit keys.
      if (heads === 16) assert.equal(new SingularValueDecomposition(learned!).rank, 36);
      const [y, z] = [few, others].map((of) => targetValues(of, direction, { first, second: 1, angle: 0 })[target]);
      const found = asked!.mmul(solve(learned!, Matrix.columnVector(y!), true)).getColumn(0);
      return found.reduce((sum, x, at) => sum + (x - z![at]!) ** 2, 0) / z!.reduce((sum, x) => sum + x * x, 0);
    };
    assert.ok(error(16, 'T1', 2) < 1e-20);
    assert.ok(error(16, 'T2', 2) < 1e-20);
    const cubic = error(16, 'T1', 3);
    assert.ok(cubic > 0.1 && cubic < 0.5, `${cubic}`);
    const few8 = error(8, 'T1', 2);
    assert.ok(few8 > 1e-5, `8 heads are too few: ${few8}`);
  });
});
