/** Inputs of an embedding other than the text, which the class fills in, as graph nodes. */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, rectify } from '../../kernels/graph/operators/elementwise';
import { concat, slice } from '../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../kernels/graph/operators/matrix';
import type { BesideText, TableRow } from './beside-spec';
import { linear } from './layers';
import { rowsOfTensor, weight, type StoredWeights } from './stored-weights';

/** The embedding of words x [b, n, w] together with these inputs. */
export function besideText(graph: GraphBuilder, weights: StoredWeights, spec: BesideText, x: Value): Value {
  /** [1, width] */
  const row = ({ weight: name, rows, width, row: first }: TableRow): Value =>
    rowsOfTensor(graph, weights, name, [rows, width], { first, count: 1, columns: width });
  const joined = (values: readonly Value[]): Value => concat([...values], -1);
  switch (spec.kind) {
    case 'added':
      return add(x, joined(spec.tables.map(row)));
    case 'network': {
      const sums = joined(spec.pairs.map(([one, other]) => add(row(one), row(other))));
      return add(x, linear(graph, weights, spec.down, rectify(linear(graph, weights, spec.up, sums))));
    }
    case 'mapped': {
      const { weight: name, bias, inputs, outputs } = spec.map;
      const matrix = weight(graph, weights, name, [outputs, inputs]);
      const words = Number(x.shape.at(-1));
      const part = (rows: Value, from: number, to: number): Value =>
        fusedMatmul(rows, slice(matrix, -1, from, to), { transposeB: true });
      const rest = part(joined(spec.tables.map(row)), words, inputs);
      const beside = bias === undefined ? rest : add(rest, weight(graph, weights, bias, [outputs]));
      return add(part(x, 0, words), beside);
    }
  }
}
