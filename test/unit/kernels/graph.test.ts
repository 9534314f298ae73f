import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { file_onnx, ModelProtoSchema } from '../../../kernels/graph/onnx_pb';
import { openSession } from '../../../compute-server/runtime/session';
import { absorb } from '../../../kernels/graph/absorb';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { countMultiplyAdds } from '../../../kernels/graph/count';
import { addDims, broadcast, divideDims, multiplyDims } from '../../../kernels/graph/dims';
import { depthwiseConvolution } from '../../../kernels/graph/operators/convolution';
import { conditional, scan } from '../../../kernels/graph/operators/control';
import { range, dimOf, sliceBy } from '../../../kernels/graph/operators/dynamic';
import { add, greater, multiply } from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice, split } from '../../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../../kernels/graph/operators/matrix';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import { expectedSizes } from '../../../kernels/graph/stored-tensors';

const at = <T>(list: readonly T[], index: number): T => {
  const item = list[index];
  assert.ok(item !== undefined);
  return item;
};

describe('The messages of ONNX', () => {
  it('are generated from onnx.proto: the same names and numbers of fields and values', () => {
    const text = readFileSync('kernels/graph/onnx.proto', 'utf8');
    const written = [...text.matchAll(/^ +(?:[\w.]+ )*?(\w+) = (\d+)(?: \[packed = true\])?;$/gm)].map(
      ([, name, number]) => `${name} ${number}`,
    );
    type Message = (typeof file_onnx.proto.messageType)[number];
    type Enum = (typeof file_onnx.proto.enumType)[number];
    const ofEnum = ({ value }: Enum): string[] => value.map(({ name, number }) => `${name} ${number}`);
    const ofMessage = ({ field, nestedType, enumType }: Message): string[] => [
      ...enumType.flatMap(ofEnum),
      ...nestedType.flatMap(ofMessage),
      ...field.map(({ name, number }) => `${name} ${number}`),
    ];
    const generated = [...file_onnx.proto.enumType.flatMap(ofEnum), ...file_onnx.proto.messageType.flatMap(ofMessage)];
    assert.ok(written.length > 150);
    assert.deepEqual(generated.sort(), written.sort());
  });
});

describe('Text in ONNX files', () => {
  it('may be no UTF-8, as in files that a protobuf of the second version wrote', () => {
    // Field 2 (producer_name), two bytes.
    const model = fromBinary(ModelProtoSchema, Uint8Array.of(0x12, 2, 0x61, 0xff));
    assert.equal(model.producerName, 'a\ufffd');
  });
});

describe('Dimensions', () => {
  it('add and multiply to one spelling', () => {
    assert.equal(addDims('past', 'n'), addDims('n', 'past'));
    assert.equal(addDims(addDims('n', 4), -4), 'n');
    assert.equal(addDims('n', 'n'), '2*n');
    assert.equal(multiplyDims(addDims('n', 1), 'batch'), 'batch + batch*n');
    assert.equal(multiplyDims(3, 4), 12);
  });

  it('divide only when nothing is left over', () => {
    assert.equal(divideDims(multiplyDims('n', 64), 8), '8*n');
    assert.equal(divideDims(multiplyDims('batch', 'n'), 'n'), 'batch');
    assert.equal(divideDims('n', 2), undefined);
    assert.equal(divideDims(7, 2), undefined);
  });

  it('broadcast by the rules of numpy, and not when names might differ', () => {
    assert.deepEqual(broadcast([8, 1, 'n'], [4, 'n']), [8, 4, 'n']);
    assert.equal(broadcast(['n'], [4]), undefined);
  });
});

describe('Graph builder', () => {
  it('names the node, the values and the shapes when a product does not fit', () => {
    const graph = new GraphBuilder('test');
    const a = graph.input('query', 'float32', [2, 8, 64]);
    const b = graph.input('key', 'float32', [2, 8, 64]);
    assert.throws(() => matmul(a, b, 'scores'), {
      name: 'GraphError',
      message:
        'MatMul "scores": the inner axes differ: "query" [2, 8, 64] float32 and "key" [2, 8, 64] float32 (64 against 8).',
    });
    assert.throws(() => add(a, graph.input('bias', 'float32', [7, 64])), /do not broadcast: "query".*"bias" \[7, 64\]/);
    assert.throws(() => add(a, graph.input('half', 'float16', [64])), /types differ.*Cast one/);
    assert.throws(() => reshape(a, [3, -1]), /holds 1024 numbers, which do not fill/);
    assert.throws(() => slice(a, 1, 4, 9), /\[4, 9\) is not inside axis 1/);
    assert.throws(() => split(a, 1, [4, 5]), /add up to 9/);
    assert.throws(() => concat([a, graph.input('odd', 'float32', [2, 8, 63])], 1), /"odd" .* does not join/);
  });

  it('refuses two values of one name, values of another graph, and an unfinished graph', () => {
    const graph = new GraphBuilder('one');
    const x = graph.input('x', 'float32', [4]);
    assert.throws(() => graph.input('x', 'float32', [4]), /has a value named "x" already/);
    const other = new GraphBuilder('two');
    const y = other.input('y', 'float32', [4]);
    assert.throws(() => add(x, y), /graph "one" cannot read "y" of graph "two"/);
    assert.throws(() => graph.finish(), /has no output/);
    graph.output(graph.node('Relu', [graph.input('z', 'float32', ['n'])], [{ type: 'float32', shape: ['n'] }])[0]);
    assert.throws(() => graph.finish(), /finishDynamic/);
  });

  it('stores equal constants once and keeps metadata, scopes and value shapes in the file', () => {
    const graph = new GraphBuilder('test');
    graph.metadata.set('made by', 'a test');
    const x = graph.input('x', 'float32', [2]);
    const y = graph.within('layer.0', () => multiply(add(x, 1), 1));
    graph.output(y, 'y');
    const model = fromBinary(ModelProtoSchema, graph.finish().model);
    assert.equal(model.graph?.initializer.length, 1);
    assert.deepEqual(
      model.graph?.node.map((node) => node.name),
      ['layer.0/Add', 'layer.0/Mul', 'Identity'],
    );
    assert.equal(model.metadataProps[0]?.value, 'a test');
    assert.ok(model.graph?.valueInfo.some((value) => value.name === 'layer.0/Add.out'));
  });

  it('points weights into a data file and checks their length', () => {
    const graph = new GraphBuilder('test');
    const data = { location: 'model.safetensors', offset: 11, length: 24 };
    const w = graph.external('w', 'float32', [2, 3], data);
    assert.throws(() => graph.external('v', 'bfloat16', [2, 3], data), /takes 12 bytes, but 24 bytes/);
    graph.output(matmul(graph.input('x', 'float32', [1, 2]), w), 'y');
    const tensor = fromBinary(ModelProtoSchema, graph.finish().model).graph?.initializer[0];
    assert.equal(tensor?.dataLocation, 1);
    assert.deepEqual(
      tensor?.externalData.map(({ key, value }) => [key, value]),
      [
        ['location', 'model.safetensors'],
        ['offset', '11'],
        ['length', '24'],
      ],
    );
  });

  it('runs named dimensions: a cache of any length joined with new rows', async () => {
    const graph = new GraphBuilder('cache');
    const past = graph.input('past', 'float32', ['past', 2]);
    const rows = graph.input('rows', 'float32', ['n', 2]);
    const all = concat([past, rows], 0);
    assert.deepEqual(all.shape, ['n + past', 2]);
    const start = reshape(dimOf(past, 0), [1]);
    const tail = sliceBy(all, 0, start, graph.constant('int64', [1], [1 << 30]), 'n');
    graph.output(add(tail, 1), 'y');
    graph.output(range(graph.constant('int64', [], [0]), dimOf(all, 0), 'n + past'), 'positions');
    const session = await openSession(graph.finishDynamic(), { device: 'cpu', threads: 1 });
    const { y, positions } = await session.run({
      past: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] },
      rows: { data: Float32Array.of(5, 6), shape: [1, 2] },
    });
    assert.deepEqual(y, { data: Float32Array.of(6, 7), shape: [1, 2] });
    assert.deepEqual(positions?.data, BigInt64Array.of(0n, 1n, 2n));
    await session.release();
  });

  it('runs Scan with a carried state and If with two branches', async () => {
    const graph = new GraphBuilder('control');
    const x = graph.input('x', 'float32', [3, 2]);
    const zero = graph.constant('float32', [2], [0, 0]);
    const { states, outputs } = scan([zero], [x], (carried, slices) => {
      const sum = add(at(carried, 0), at(slices, 0));
      return { states: [sum], outputs: [multiply(sum, 2)] };
    });
    graph.output(at(outputs, 0), 'running');
    const total = reduceSum(at(states, 0), [0], false);
    const [chosen] = conditional(
      greater(total, 10),
      () => [at(states, 0)],
      () => [zero],
    );
    assert.ok(chosen);
    graph.output(chosen, 'chosen');
    const session = await openSession(graph.finish(), { device: 'cpu', threads: 1 });
    const { running, chosen: result } = await session.run({
      x: { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] },
    });
    assert.deepEqual(running?.data, Float32Array.of(2, 4, 8, 12, 18, 24));
    assert.deepEqual(result?.data, Float32Array.of(9, 12));
    await session.release();
    assert.throws(
      () => scan([zero], [x], (_, slices) => ({ states: [reduceSum(at(slices, 0), [0])], outputs: [] })),
      /state 0 is .*\[2\].* before the step and .*\[1\].* after/,
    );
  });

  it('drops nodes and constants that no output depends on, and keeps what a branch reads', async () => {
    const graph = new GraphBuilder('half used');
    const x = graph.input('x', 'float32', [2]);
    const use = graph.input('use', 'bool', []);
    const read = add(x, 5);
    add(multiply(x, 7), 9);
    const [chosen] = conditional(
      use,
      (branch) => [multiply({ ...read, graph: branch }, branch.constant('float32', [], [3]))],
      (branch) => [multiply({ ...x, graph: branch }, branch.constant('float32', [], [2]))],
    );
    assert.ok(chosen);
    graph.output(chosen, 'y');
    assert.equal(graph.nodes.length, 5);
    graph.withoutUnused();
    assert.deepEqual(
      graph.nodes.map(({ operator }) => operator),
      ['Add', 'If', 'Identity'],
    );
    assert.equal(graph.initialisers.length, 1);
    const session = await openSession(graph.finish(), { device: 'cpu', threads: 1 });
    const { y } = await session.run({
      x: { data: Float32Array.of(1, 2), shape: [2] },
      use: { data: Uint8Array.of(1), shape: [] },
    });
    assert.deepEqual([...(y?.data ?? [])], [18, 21]);
    await session.release();
  });

  it('counts the multiply-adds of products, also inside Scan', () => {
    const graph = new GraphBuilder('count');
    const q = graph.input('q', 'float32', [2, 5, 16]);
    const k = graph.input('k', 'float32', [2, 7, 16]);
    const scores = fusedMatmul(q, k, { transposeB: true });
    const { outputs } = scan([], [q], (_, slices) => ({
      states: [],
      outputs: [fusedMatmul(at(slices, 0), at(slices, 0), { transposeA: true })],
    }));
    graph.output(matmul(scores, k), 'y');
    graph.output(at(outputs, 0), 'z');
    assert.equal(countMultiplyAdds(graph.finish().model), 2 * (2 * 5 * 7 * 16) + 2 * 16 * 16 * 5);
  });

  it('counts a depthwise convolution by its output and the size of one kernel', () => {
    const graph = new GraphBuilder('count');
    const x = graph.input('x', 'float32', [2, 6, 40]);
    graph.output(depthwiseConvolution(x, graph.input('kernel', 'float32', [6, 1, 33]), undefined), 'y');
    assert.equal(countMultiplyAdds(graph.finish().model), 2 * 6 * 40 * 33);
  });

  it('counts dimensions that a run decides as the graph says they are expected to be, and refuses without', () => {
    const build = (sizes?: Record<string, number>) => {
      const graph = new GraphBuilder('count');
      const q = graph.input('q', 'float32', ['rows + 1', 16]);
      graph.output(fusedMatmul(q, q, { transposeB: true }), 'y');
      if (sizes) graph.metadata.set(expectedSizes, JSON.stringify(sizes));
      return graph.finishDynamic().model;
    };
    assert.equal(countMultiplyAdds(build({ rows: 9 })), 10 * 10 * 16);
    assert.throws(() => countMultiplyAdds(build()), /has a dimension that only a run decides/);
  });
});

describe('Graphs that are put into one', () => {
  it('compute one after the other, bodies included, each with its own inputs and dimensions', async () => {
    /** x + the sum of more, where that is above 0. */
    const part = (): GraphBuilder => {
      const graph = new GraphBuilder('part');
      const x = graph.input('x', 'float32', [1]);
      const sum = reduceSum(graph.input('more', 'float32', ['count']), [0], true);
      const [chosen] = conditional(
        reshape(greater(sum, 0), []),
        (own) => [add({ ...x, graph: own }, { ...sum, graph: own })],
        (own) => [multiply({ ...x, graph: own }, 1)],
      );
      graph.output(at([chosen], 0)!, 'y');
      return graph;
    };
    const graph = new GraphBuilder('both');
    const x = graph.input('x', 'float32', [1]);
    const first = absorb(graph, part(), '0', new Map([['x', x]])).get('y');
    const second = absorb(graph, part(), '1', new Map([['x', first!]])).get('y');
    graph.output(second!);
    const session = await openSession(graph.finishDynamic(), { device: 'cpu', threads: 1 });
    const row = (...numbers: number[]) => ({ data: Float32Array.from(numbers), shape: [numbers.length] });
    const of = async (one: readonly number[], other: readonly number[]) =>
      (await session.run({ x: row(1), '0/more': row(...one), '1/more': row(...other) }))['1/y']?.data[0];
    assert.equal(await of([1, 2], [4, 8, 16]), 1 + 3 + 28);
    assert.equal(await of([-1], [4, 8, 16]), 1 + 28);
    assert.equal(await of([2], [-3, 2]), 1 + 2);
    await session.release();
  });
});
