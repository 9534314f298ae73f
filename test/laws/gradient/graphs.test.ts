/** Gradients of graphs whose sizes a run decides, of several uses of one value, and what is refused. */
import assert from 'node:assert/strict';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { operatorsOf } from '../../../kernels/graph/operators-of';
import { conditional } from '../../../kernels/graph/operators/conditional';
import { add, floor, greater, multiply, sigmoid } from '../../../kernels/graph/operators/elementwise';
import { concat, gather, reshape, transpose } from '../../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { reduceMean, reduceSum, softmax } from '../../../kernels/graph/operators/reduce';
import { inStandardOperators, isRewritten } from '../../../kernels/graph/portable';
import { gradients } from '../../../kernels/gradient/gradients';
import { GraphError, type Value } from '../../../kernels/graph/records';
import { openSession } from '../../../compute-server/runtime/session';
import { normalTensor } from '../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { evaluate } from '../../support/graph-arithmetic/evaluate';
import { differencesOf, float32Limit, float64Limit, relativeError } from './check';

/** Attention over a cache, as models build it: names for the batch, the rows and the keys. */
function named(): { readonly graph: GraphBuilder; readonly loss: Value; readonly wrt: readonly Value[] } {
  const graph = new GraphBuilder('named');
  const x = graph.input('x', 'float32', ['b', 'n', 8]);
  const past = graph.input('past', 'float32', ['past', 'b', 2, 4]);
  const weight = graph.input('weight', 'float32', [8, 8]);
  const table = graph.input('table', 'float32', [5, 8]);
  const ids = graph.input('ids', 'int64', ['b', 'n']);
  const rows = add(fusedMatmul(x, weight, { transposeB: true }), gather(table, ids));
  const heads = transpose(reshape(rows, ['b', 'n', 2, 4]), [0, 2, 1, 3]);
  const keys = transpose(concat([past, transpose(heads, [2, 0, 1, 3])], 0), [1, 2, 0, 3]);
  const weights = softmax(fusedMatmul(heads, keys, { transposeB: true, scale: 0.5 }));
  const mean = reduceMean(fusedMatmul(weights, keys), [2], false);
  const loss = reduceSum(multiply(mean, mean), [0, 1, 2], false);
  return { graph, loss, wrt: [x, past, weight, table] };
}

const feeds: Readonly<Record<string, Tensor>> = {
  x: normalTensor([2, 3, 8], 1),
  past: normalTensor([4, 2, 2, 4], 2),
  weight: normalTensor([8, 8], 3, 0.4),
  table: normalTensor([5, 8], 4),
};
const ids = tensor([2, 3], Float64Array.of(0, 4, 4, 1, 0, 4));

describe('Law: gradients of graphs with named sizes', () => {
  it('are central differences in float64, and the same in the runtime, in standard operators too', async () => {
    const { graph, loss, wrt } = named();
    gradients(graph, loss, wrt).forEach((value, at) => graph.output(value, `gradient of ${wrt[at]!.name}`));
    const expected = differencesOf((moved) => evaluate(graph, { ...moved, ids }).get(loss.name)!.data[0]!, feeds)!;
    const values = evaluate(graph, { ...feeds, ids });
    const encoded = graph.finishDynamic();
    const standard = inStandardOperators(encoded);
    assert.deepEqual([...operatorsOf(standard.model)].filter(isRewritten), []);
    const runs = [];
    for (const each of [encoded, standard]) {
      const session = await openSession(each, { device: 'cpu', threads: 1, optimisation: 'basic' });
      const arrays = Object.entries(feeds).map(([name, { data, shape }]) => {
        return [name, { data: Float32Array.from(data), shape }] as const;
      });
      const numbers = { data: BigInt64Array.from(ids.data, BigInt), shape: ids.shape };
      runs.push(await session.run({ ...Object.fromEntries(arrays), ids: numbers }));
      await session.release();
    }
    for (const { name } of wrt) {
      const key = `gradient of ${name}`;
      assert.ok(relativeError(expected[name]!, values.get(key)!) <= float64Limit, name);
      for (const run of runs) {
        const { data, shape } = run[key]!;
        assert.ok(relativeError(expected[name]!, tensor(shape, Float64Array.from(data, Number))) <= float32Limit, name);
      }
    }
  });

  it('a wrong rule is found', () => {
    const { graph, loss, wrt } = named();
    const found = gradients(graph, loss, wrt);
    // As if the gradient of the table had been put in place of added: a row that is read three times gets too little.
    const planted = graph.nodes.findIndex(({ operator }) => operator === 'ScatterND');
    graph.nodes[planted] = { ...graph.nodes[planted]!, attributes: {} };
    const expected = differencesOf((moved) => evaluate(graph, { ...moved, ids }).get(loss.name)!.data[0]!, feeds)!;
    const values = evaluate(graph, { ...feeds, ids });
    const errors = wrt.map(({ name }, at) => relativeError(expected[name]!, values.get(found[at]!.name)!));
    assert.deepEqual(
      errors.map((error) => error > float32Limit),
      [false, false, false, true],
    );
  });
});

describe('gradients', () => {
  const scalar = (build: (x: Value, graph: GraphBuilder) => Value) => {
    const graph = new GraphBuilder('scalar');
    const x = graph.input('x', 'float32', []);
    const [gradient] = gradients(graph, build(x, graph), [x]);
    return (at: number): number =>
      evaluate(graph, { x: tensor([], Float64Array.of(at)) }).get(gradient!.name)!.data[0]!;
  };

  it('add up over the uses of a value', () => {
    const slope = scalar((x) => add(multiply(multiply(x, x), x), x));
    assert.equal(slope(2), 13);
  });

  it('are 0 where nothing passes', () => {
    assert.equal(scalar((x) => floor(x))(1.5), 0);
    assert.equal(scalar((x, graph) => sigmoid(graph.constant(x.type, [], [2])))(1.5), 0);
  });

  it('of what is no scalar need its gradient', () => {
    const graph = new GraphBuilder('vector');
    const x = graph.input('x', 'float32', [3]);
    assert.throws(() => gradients(graph, sigmoid(x), [x]), /"Sigmoid.out" \[3\] is no scalar: give its gradient/);
  });

  it('name the operator that they do not go through', () => {
    const graph = new GraphBuilder('refused');
    const x = graph.input('x', 'float32', []);
    const [unknown] = graph.node('Acosh', [x], [{ type: 'float32', shape: [] }]);
    assert.throws(
      () => gradients(graph, unknown, [x]),
      new GraphError('The gradient through Acosh "Acosh" is not computed: it has no rule.'),
    );
    const [chosen] = conditional(
      greater(x, 0),
      (branch) => [sigmoid({ ...x, graph: branch })],
      (branch) => [multiply({ ...x, graph: branch }, 2)],
    );
    assert.throws(() => gradients(graph, chosen!, [x]), /through If "If" is not computed: which branch runs/);
  });
});
