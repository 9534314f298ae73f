import assert from 'node:assert/strict';
import { openSession } from '../../../compute-server/runtime/session';
import { catalogue } from '../../../kernels/catalogue';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { operatorsOf } from '../../../kernels/graph/operators-of';
import { cast, elu, greater, or } from '../../../kernels/graph/operators/elementwise';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { inStandardOperators, isRewritten } from '../../../kernels/graph/portable';
import { measureError } from '../../../kernels/tensors/error';
import { roundTo } from '../../../kernels/tensors/precision';
import { normalTensor, seedFor } from '../../../kernels/tensors/random';
import { tensor } from '../../../kernels/tensors/tensor';
import { cases, fewCases, settings } from './cases';
import { assertRight, drawRounded, precisions, runGraph, runMechanism } from './run';

/** Lengths that fill no block, grouped heads, and one query on a cache: each side and batch axis that a product can have. */
const chosen = cases.filter(({ name }) => /grouped|two sequences in the batch|one query on a cache/.test(name));

describe('Law: in standard operators alone the graph equals the float64 reference', function () {
  this.timeout(60_000);
  for (const mechanism of catalogue) {
    it(mechanism.id, async () => {
      let tried = 0;
      for (const precision of precisions) {
        for (const parameters of settings(mechanism).slice(0, 2)) {
          for (const { name, shape } of precision === 'float32' ? chosen : fewCases.slice(0, 2)) {
            if (!mechanism.supports(shape, parameters).ok) continue;
            const inputs = drawRounded(mechanism, shape, parameters, 7, precision);
            const actual = await runMechanism(mechanism, inputs, shape, parameters, precision, (graph) => {
              const standard = inStandardOperators(graph);
              assert.deepEqual([...operatorsOf(standard.model)].filter(isRewritten), [], name);
              return standard;
            });
            assertRight(mechanism, actual, inputs, shape, parameters, precision, name);
            tried++;
          }
        }
      }
      assert.ok(tried >= 2, `${mechanism.id} ran ${tried} cases`);
    });
  }

  it('or, of every pair of truths', async () => {
    const graph = new GraphBuilder('or');
    const [a, b] = [graph.input('a', 'float32', [4]), graph.input('b', 'float32', [4])];
    graph.output(cast(or(greater(a, 0), greater(b, 0)), 'float32'), 'y');
    const inputs = { a: tensor([4], Float64Array.of(0, 0, 1, 1)), b: tensor([4], Float64Array.of(0, 1, 0, 1)) };
    const standard = inStandardOperators(graph.finish());
    assert.ok(!operatorsOf(standard.model).has('Or'));
    assert.deepEqual([...(await runGraph(standard, inputs, 'float32'))['y']!.data], [0, 1, 1, 1]);
  });

  for (const transposeB of [false, true]) {
    it(`with the rows of a matrix in front of its batch axes${transposeB ? ', turned' : ''}`, async () => {
      const [batches, queries, rows, width] = [3, 2, 5, 4];
      const a = normalTensor([batches, queries, transposeB ? width : rows], seedFor(1, 'a'));
      const b = normalTensor([rows, batches, width], seedFor(1, 'b'));
      const expected: number[] = [];
      for (let batch = 0; batch < batches; batch++) {
        for (let query = 0; query < queries; query++) {
          const left = (at: number): number => a.data[(batch * queries + query) * a.shape[2]! + at]!;
          const right = (row: number, at: number): number => b.data[(row * batches + batch) * width + at]!;
          for (let out = 0; out < (transposeB ? rows : width); out++) {
            let sum = 0;
            for (let at = 0; at < a.shape[2]!; at++) sum += left(at) * (transposeB ? right(out, at) : right(at, out));
            expected.push(sum);
          }
        }
      }
      const graph = new GraphBuilder('product');
      const product = fusedMatmul(
        graph.input('a', 'float32', [batches, queries, 'k']),
        graph.input('b', 'float32', transposeB ? ['rows', batches, 'k'] : ['k', batches, width]),
        { transposeB, rowsFirst: true },
      );
      assert.deepEqual(product.shape, [batches, queries, transposeB ? 'rows' : width]);
      graph.output(product, 'y');
      const fused = graph.finishDynamic();
      for (const one of [fused, inStandardOperators(fused)]) {
        const session = await openSession(one, { device: 'cpu', threads: 1 });
        const data = (x: typeof a) => ({ data: Float32Array.from(x.data), shape: x.shape });
        const { y } = await session.run({ a: data(a), b: data(b) });
        await session.release();
        expected.forEach((value, at) => assert.ok(Math.abs(value - Number(y!.data[at])) < 1e-5));
        assert.equal(y!.data.length, expected.length);
      }
    });
  }

  it('in float16, with either side turned', async () => {
    const draw = (name: string, ...shape: readonly number[]) =>
      roundTo(normalTensor(shape, seedFor(1, name)), 'float16');
    const inputs = { a: draw('a', 2, 6, 9), b: draw('b', 2, 5, 6) };
    const graph = new GraphBuilder('product');
    const [a, b] = [graph.input('a', 'float16', [2, 6, 9]), graph.input('b', 'float16', [2, 5, 6])];
    graph.output(elu(fusedMatmul(a, b, { transposeA: true, transposeB: true, scale: 0.25 })), 'y');
    const fused = await runGraph(graph.finish(), inputs, 'float16');
    const standard = await runGraph(inStandardOperators(graph.finish()), inputs, 'float16');
    assert.deepEqual(standard['y']!.shape, [2, 9, 5]);
    const { maxAbsolute, nanMismatches } = measureError(standard['y']!, fused['y']!);
    assert.ok(maxAbsolute < 0.01 && nanMismatches === 0, `differs by ${maxAbsolute}`);
  });
});
