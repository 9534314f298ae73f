import assert from 'node:assert/strict';
import { forwardAndBackward, gradientOf, outputGradient } from '../../../kernels/gradient/backward';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { liveBytes } from '../../../kernels/graph/live-bytes';
import { add, negate } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import { scaledDotProduct } from '../../../kernels/mechanisms/scaled-dot-product';
import { tensor } from '../../../kernels/tensors/tensor';
import { runGraph } from '../../laws/kernels/run';

describe('a forward and backward pass', () => {
  it('gives the output and the gradients of query, key and value: one query between two keys, by hand', async () => {
    const shape = {
      ...{ pattern: 'noncausal-cross' as const, batch: 1, heads: 1, kvHeads: 1 },
      ...{ queries: 1, keys: 2, headDim: 1, valueDim: 1 },
    };
    const graph = forwardAndBackward(scaledDotProduct.build(shape, {}, 'float32'));
    const of = (...numbers: number[]) => tensor([1, 1, numbers.length, 1], Float64Array.from(numbers));
    // Scores q k_i = 0, ln 3: probabilities 1/4 and 3/4, output (1 + 3 * 5) / 4 = 4. Back from 2: to value 2 p = 1/2, 3/2;
    // to scores 2 p_i (v_i - 4) = -3/2, 3/2; to the query their sum with the keys, to the keys they times the query.
    const found = await runGraph(graph, {
      query: of(1),
      key: of(0, Math.log(3)),
      value: of(1, 5),
      [outputGradient]: of(2),
    });
    const near = (name: string, expected: readonly number[]): void => {
      const { data } = found[name]!;
      assert.equal(data.length, expected.length);
      expected.forEach((value, at) => assert.ok(Math.abs(data[at]! - value) < 1e-6, `${name}: ${data.join(', ')}`));
    };
    near('output', [4]);
    near(gradientOf('value'), [0.5, 1.5]);
    near(gradientOf('key'), [-1.5, 1.5]);
    near(gradientOf('query'), [1.5 * Math.log(3)]);
  });

  it('needs the bytes of the tensors alive at once: views have none of their own', () => {
    const graph = new GraphBuilder('chain');
    const x = graph.input('x', 'float32', [10, 20]);
    const [a, b] = [negate(x), negate(negate(x))];
    const flat = reshape(add(a, b), [200]);
    graph.output(negate(negate(negate(flat))), 'y');
    // x and y all the time, and three more at the inner sign of b (a, the sign, b) and at the sum (a, b, the sum); the shape is a constant.
    assert.equal(liveBytes(graph.finish().model), 5 * 4 * 200 + 8);
  });
});
