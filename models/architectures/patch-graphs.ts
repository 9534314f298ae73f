/** The two ends of a vision tower as graphs: pixels to rows, and rows to embeddings of a language model. */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import { float, ints, type Value } from '../../kernels/graph/records';
import { add } from '../../kernels/graph/operators/elementwise';
import { concat, reshape, slice, transpose } from '../../kernels/graph/operators/layout';
import { activate, linear, norm } from './layers';
import { weight, type StoredWeights } from './stored-weights';
import type { ConnectorSpec, PatchSpec, VisionTower } from './vision-tower';

/** Input `pixels` [1, channels, height, width], normalised; output `residual.out` [1, n, w], leading rows first. */
export const patchGraph = (tower: VisionTower, weights: StoredWeights): Graph<Dim> =>
  buildPatches(tower, weights).finishDynamic();

/** The graph of the patches while it can still be added to. */
export function buildPatches({ stack, patches: spec }: VisionTower, weights: StoredWeights): GraphBuilder {
  const graph = new GraphBuilder('patches');
  const width = stack.hiddenSize;
  const { patch, size, rows, columns, channels } = spec;
  const pixels = graph.input('pixels', 'float32', [1, channels, size, size]);
  const kernel = weight(graph, weights, spec.projection, [width, channels, patch, patch]);
  const bias = spec.bias === undefined ? undefined : weight(graph, weights, spec.bias, [width]);
  const [map] = graph.node('Conv', [pixels, kernel, bias], [{ type: 'float32', shape: [1, width, rows, columns] }], {
    kernel_shape: ints([patch, patch]),
    strides: ints([patch, patch]),
  });
  const cells = transpose(reshape(map, [1, width, rows * columns]), [0, 2, 1]);
  const leading = spec.leading.map(({ name, shape }) => reshape(weight(graph, weights, name, shape), [1, 1, width]));
  const all = concat([...leading, cells], 1);
  const stored = (spec.learned ?? rows) * (spec.learned ?? columns) + leading.length;
  const table = reshape(weight(graph, weights, spec.positions.name, spec.positions.shape), [1, stored, width]);
  const positions = spec.learned === undefined ? table : resized(graph, table, spec, spec.learned, width);
  let x = add(all, positions);
  if (spec.norm) x = norm(graph, weights, spec.norm, x);
  graph.output(x, 'residual.out');
  return graph;
}

/**
 * The patches' positions resized from learned x learned to the image's grid, those of the leading rows as they are: bicubic
 * with a = -0.75 and the border repeated, as `interpolate(mode='bicubic', align_corners=False)` of PyTorch.
 */
function resized(
  graph: GraphBuilder,
  table: Value,
  { rows, columns, leading }: PatchSpec,
  learned: number,
  width: number,
): Value {
  const cells = slice(table, 1, leading.length, leading.length + learned * learned);
  const map = transpose(reshape(cells, [1, learned, learned, width]), [0, 3, 1, 2]);
  const [grid] = graph.node(
    'Resize',
    [map, undefined, undefined, graph.constant('int64', [4], [1, width, rows, columns])],
    [{ type: 'float32', shape: [1, width, rows, columns] }],
    {
      mode: { kind: 'text', value: 'cubic' },
      cubic_coeff_a: float(-0.75),
      coordinate_transformation_mode: { kind: 'text', value: 'half_pixel' },
    },
  );
  const patches = transpose(reshape(grid, [1, width, rows * columns]), [0, 2, 1]);
  return leading.length === 0 ? patches : concat([slice(table, 1, 0, leading.length), patches], 1);
}

/**
 * Inputs `state.0`, `state.1`, … [1, n, w], the residual streams that the connector reads; outputs `features` [1, m, W] and,
 * where the model has one, `newline` [W].
 */
export const connectorGraph = (tower: VisionTower, spec: ConnectorSpec, weights: StoredWeights): Graph<Dim> =>
  buildConnector(tower, spec, weights).finishDynamic();

/** The graph of the connector while it can still be added to. */
export function buildConnector(tower: VisionTower, spec: ConnectorSpec, weights: StoredWeights): GraphBuilder {
  const graph = new GraphBuilder('connector');
  const { rows, columns, leading } = tower.patches;
  const { hiddenSize } = tower.stack;
  const n = rows * columns + leading.length;
  const states = spec.states.map((_, i) => graph.input(`state.${i}`, 'float32', [1, n, hiddenSize]));
  const normed = spec.norm ? states.map((x) => (spec.norm ? norm(graph, weights, spec.norm, x) : x)) : states;
  let x = slice(concat(normed, 2), 1, spec.skipped, n);
  if (spec.shuffle !== undefined) x = shuffled(x, rows, columns, spec.shuffle);
  spec.linears.forEach((each, at) => {
    if (at > 0 && spec.activation) x = activate(spec.activation, x);
    x = linear(graph, weights, each, x);
  });
  graph.output(x, 'features');
  if (spec.newline !== undefined) {
    graph.output(weight(graph, weights, spec.newline, [spec.linears.at(-1)?.outputs ?? 0]), 'newline');
  }
  return graph;
}

/** [1, rows * columns, w] -> [1, rows/s * columns/s, s * s * w], cells of a square row by row. */
function shuffled(x: Value, rows: number, columns: number, s: number): Value {
  const width = Number(x.shape[2]);
  const squares = reshape(x, [rows / s, s, columns / s, s * width]);
  return reshape(transpose(squares, [0, 2, 1, 3]), [1, (rows / s) * (columns / s), s * s * width]);
}
