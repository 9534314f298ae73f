/**
 * Products with weights that take less memory than float32 and are widened to it each time. They are taken a run of outputs at a time, so that
 * little is wide at once and stays in the caches of a processor: float16 takes half the memory of float32 and 1 to 1.4 times its time for a
 * row, 1.1 for 64 rows; tables of 16 numbers an eighth, and 4 times, 1.3 (onnxruntime 1.30, two threads of an AMD EPYC, 2026-12-01).
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import { shapeOf } from '../../kernels/graph/operators/dynamic';
import { add, cast, greater, multiply } from '../../kernels/graph/operators/elementwise';
import { borrow, conditional } from '../../kernels/graph/operators/conditional';
import { concat, reshape, slice } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmulTable } from '../../kernels/graph/operators/matrix';
import { reduceSum } from '../../kernels/graph/operators/reduce';
import type { ExternalData, Value } from '../../kernels/graph/records';
import { externalOf, partLabel, type HalfMatrix, type TableMatrix } from './stored-weights';
import type { Linear } from './weights-spec';

/** How many numbers are wide at once. */
const atOnce = 2 ** 20;

export function widenedProduct(graph: GraphBuilder, spec: Linear, held: HalfMatrix | TableMatrix, x: Value): Value {
  const product = (graph: GraphBuilder, x: Value): Value =>
    held.kind === 'table' ? tableProduct(graph, spec, held, x) : halfProduct(graph, spec, held, x);
  const [rows] = x.shape;
  // An expert that no token chose: a product of no rows would still widen the weight.
  if (x.shape.length !== 2 || typeof rows === 'number') return product(graph, x);
  const hasRows = greater(reshape(shapeOf(x, 0, 1), []), 0);
  const [result] = conditional(
    hasRows,
    (inside) => [product(inside, borrow(inside, x))],
    (inside) => [inside.constant('float32', [0, spec.outputs], [])],
  );
  if (!result) throw new RangeError('a branch gives a value');
  return result;
}

/** Runs of outputs, each of at most as many as are widened at once. */
function* runsOf(inputs: number, counts: readonly number[]): Generator<{ run: number; first: number; count: number }> {
  const most = Math.max(1, Math.floor(atOnce / inputs));
  let first = 0;
  for (const [run, outputs] of counts.entries()) {
    for (let done = 0; done < outputs; done += most) {
      const count = Math.min(most, outputs - done);
      yield { run, first, count };
      first += count;
    }
  }
}

const partOf = ({ location, offset }: ExternalData, from: number, length: number): ExternalData => ({
  location,
  offset: offset + from,
  length,
});

function halfProduct(graph: GraphBuilder, spec: Linear, { values, scales, runs, group }: HalfMatrix, x: Value): Value {
  const { inputs, outputs } = spec;
  const label = partLabel(spec);
  const width = 4 * inputs;
  const zero = zeroOf(x);
  const scaled = runs?.map((_, run) =>
    multiply(x, externalOf(graph, `${label}.scales[${run}]`, 'float32', [inputs], partOf(scales, run * width, width))),
  );
  const inGroups = (wide: Value, group: number, first: number): Value => {
    const [count = 0] = wide.shape as readonly number[];
    const groups = inputs / group;
    const name = `${label}.scales[${first}:${first + count}]`;
    const own = externalOf(
      graph,
      name,
      'float32',
      [count, groups, 1],
      partOf(scales, 4 * first * groups, 4 * count * groups),
    );
    return reshape(multiply(reshape(wide, [count, groups, group]), own), [count, inputs]);
  };
  const products = [...runsOf(inputs, runs ?? [outputs])].map(({ run, first, count }) => {
    const name = `${label}.halves[${first}:${first + count}]`;
    const data = partOf(values, 2 * first * inputs, 2 * count * inputs);
    const half = externalOf(graph, name, 'float16', [count, inputs], data);
    const wide = cast(unfolded(half, zero), 'float32');
    const matrix = group === undefined ? wide : inGroups(wide, group, first);
    return fusedMatmul(scaled?.[run] ?? x, matrix, { transposeB: true });
  });
  const all = concat(products, -1);
  return (runs ?? group) ? all : multiply(all, externalOf(graph, `${label}.scales`, 'float32', [outputs], scales));
}

function tableProduct(
  graph: GraphBuilder,
  spec: Linear,
  { values, sizes, block, table }: TableMatrix,
  x: Value,
): Value {
  const { inputs, outputs } = spec;
  const label = partLabel(spec);
  const [codes, blocks] = [inputs / 2, inputs / block];
  const products = [...runsOf(inputs, [outputs])].map(({ first, count }) => {
    const part = (name: string, type: 'uint8' | 'float32', data: ExternalData, each: number, bytes: number): Value => {
      const some = partOf(data, first * each * bytes, count * each * bytes);
      return externalOf(graph, `${label}.${name}[${first}:${first + count}]`, type, [count * each], some);
    };
    return matmulTable(x, {
      ...{ inputs, outputs: count, block, table },
      values: part('values', 'uint8', values, codes, 1),
      sizes: part('sizes', 'float32', sizes, blocks, 4),
    });
  });
  return concat(products, -1);
}

/** int64 [1]: 0, which is known only when the graph runs, whatever x is. */
function zeroOf(x: Value): Value {
  const some = slice(x, -1, 0, 1);
  const axes = x.shape.map((_, axis) => axis);
  return reshape(reduceSum(cast(greater(some, some), 'int64'), axes, false), [1]);
}

/**
 * The same value in a shape that is computed: the runtime would otherwise widen a stored weight once when the graph is opened and keep the
 * wide one. Nothing is copied.
 */
function unfolded(stored: Value, zero: Value): Value {
  const { graph, type, shape } = stored;
  const target = add(graph.constant('int64', [shape.length], shape.map(Number)), zero);
  return graph.node('Reshape', [stored, target], [{ type, shape }])[0];
}
