import assert from 'node:assert/strict';
import { linear as withChunks } from '../../../../kernels/mechanisms/linear';
import { resolveTable } from '../../../../protocol/analysis/parameters';
import type { Mechanism } from '../../../../kernels/mechanism';
import type { AttentionShape } from '../../../../kernels/shape';
import { measureError } from '../../../../kernels/tensors/error';
import { drawInputs, roundedInputs } from '../../../../kernels/inputs';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { allowedError } from '../../../../kernels/tolerance';
import { cases } from '../cases';
import { assertRight, drawRounded, runGraph, runMechanism } from '../run';
import { takePositions } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const linear = withChunks as Mechanism;

const phi = (x: number): number => (x > 0 ? x + 1 : Math.exp(x));

/**
 * The quadratic form of arXiv:2006.16236, equation 4: o_i = sum_j w_ij v_j / (sum_j w_ij + 1e-6), w_ij = phi(q_i) . phi(k_j),
 * with the whole matrix of weights and neither sums of keys and values nor chunks.
 */
function byWeights({ query, key, value }: AttentionInputs, shape: AttentionShape): Tensor {
  const { pattern, batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const data = new Float64Array(batch * heads * queries * valueDim);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const group = b * kvHeads + Math.floor((h * kvHeads) / heads);
      for (let i = 0; i < queries; i++) {
        const row = (b * heads + h) * queries + i;
        const last = pattern === 'causal-self' ? i + keys - queries : keys - 1;
        const weights = Array.from({ length: Math.max(0, last + 1) }, (_, j) => {
          let weight = 0;
          for (let x = 0; x < headDim; x++) {
            weight += phi(query.data[row * headDim + x]!) * phi(key.data[(group * keys + j) * headDim + x]!);
          }
          return weight;
        });
        const sum = weights.reduce((total, weight) => total + weight, 1e-6);
        for (let x = 0; x < valueDim; x++) {
          data[row * valueDim + x] =
            weights.reduce((total, weight, j) => total + weight * value.data[(group * keys + j) * valueDim + x]!, 0) /
            sum;
        }
      }
    }
  }
  return tensor([batch, heads, queries, valueDim], data);
}

describe('Law: linear attention is attention by normalised weights phi(q) . phi(k)', function () {
  this.timeout(60_000);
  for (const chunk of [1, 7, 64, 4096]) {
    it(`in chunks of ${chunk}, reference and graph, in every pattern and shape`, async () => {
      const resolved = resolveTable(linear.id, linear.parameters, { chunk });
      assert.ok(resolved.ok);
      for (const { name, shape } of cases) {
        const inputs = drawInputs(linear, shape, resolved.values, 17);
        const expected = byWeights(inputs, shape);
        const exact = measureError(linear.reference(inputs, shape, resolved.values), expected);
        assert.ok(exact.maxAbsolute < 1e-12 && exact.nanMismatches === 0, `${name}: ${exact.maxAbsolute}`);
        const error = measureError(await runMechanism(linear, inputs, shape, resolved.values), expected);
        const allowed = allowedError(linear, inputs, shape, resolved.values, 'float32');
        assert.ok(error.maxAbsolute <= allowed && error.nanMismatches === 0, `${name}: ${error.maxAbsolute}`);
      }
    });
  }
});

describe('Law: linear attention in float16 divides sums that stay in its range', function () {
  this.timeout(60_000);
  // 64 features over 2,048 keys: denominators of about 180,000, and float16 ends at 65,504.
  const long = { batch: 1, heads: 2, kvHeads: 1, keys: 2048, headDim: 64, valueDim: 8 } as const;
  const shapes: readonly AttentionShape[] = [
    { ...long, pattern: 'noncausal-cross', queries: 16 },
    { ...long, pattern: 'noncausal-cross', queries: 16, keys: 16_384 },
    { ...long, pattern: 'causal-self', queries: 2048 },
    { ...long, pattern: 'causal-self', queries: 100 },
  ];
  const resolved = resolveTable(linear.id, linear.parameters, {});
  assert.ok(resolved.ok);
  for (const shape of shapes) {
    it(`${shape.pattern}, ${shape.queries} queries, ${shape.keys} keys`, async () => {
      const inputs = drawRounded(linear, shape, resolved.values, 5, 'float16');
      const output = await runMechanism(linear, inputs, shape, resolved.values, 'float16');
      assertRight(linear, output, inputs, shape, resolved.values, 'float16', shape.pattern);
    });
  }

  it('a step of decoding after 2,047 keys', async () => {
    const shape: AttentionShape = { ...long, pattern: 'causal-self', queries: 1 };
    const drawn = drawRounded(linear, shape, resolved.values, 5, 'float16');
    const last = (x: Tensor) => takePositions(x, [shape.keys - 1]);
    const earlier = Array.from({ length: shape.keys - 1 }, (_, j) => j);
    const before = { ...drawn, key: takePositions(drawn.key, earlier), value: takePositions(drawn.value, earlier) };
    const decode = linear.decode!;
    const { output } = await runGraph(
      decode.build(shape, resolved.values, 'float16'),
      {
        ...decode.stateAfter(before, { ...shape, keys: shape.keys - 1 }, resolved.values),
        query: drawn.query,
        key: last(drawn.key),
        value: last(drawn.value),
      },
      'float16',
    );
    assert.ok(output);
    assertRight(linear, output, drawn, shape, resolved.values, 'float16', 'step');
  });

  it('queries and keys whose features are near 0 give what the definition says', async () => {
    for (const shape of [shapes[0]!, shapes[3]!]) {
      const drawn = drawInputs(linear, shape, resolved.values, 6);
      const low = (x: Tensor, by: number) =>
        tensor(
          x.shape,
          x.data.map((each) => each - by),
        );
      for (const by of [2, 30]) {
        const inputs = roundedInputs({ ...drawn, query: low(drawn.query, by), key: low(drawn.key, by) }, 'float16');
        const output = await runMechanism(linear, inputs, shape, resolved.values, 'float16');
        assertRight(linear, output, inputs, shape, resolved.values, 'float16', `${shape.pattern}, ${by} lower`);
      }
    }
  });
});
