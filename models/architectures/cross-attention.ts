/**
 * Cross-attention of a block: queries of its stream read the rows of a source, m of them, that an encoder gave. Keys and values of a
 * source do not depend on the rows of the decoder: a graph of their own makes them once, and the graphs of blocks and steps are given
 * them. A graph that is differentiated makes them itself, so that gradients reach the source.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import type { Value } from '../../kernels/graph/records';
import { divide, hyperbolicTangent, multiply } from '../../kernels/graph/operators/elementwise';
import { concat, gather, reshape, transpose } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { softmax } from '../../kernels/graph/operators/reduce';
import { addCrossStatistics } from '../instrument/cross-statistics';
import { replaced, type Replacement } from '../instrument/changes/replacement';
import { headOutput, scoreKeys } from '../instrument/grouped-heads';
import type { LayerTap } from '../instrument/taps';
import { linear } from './layers';
import type { AttentionSpec } from './attention-spec';
import { ModelError, type BlockSpec, type CrossSpec, type ModelSpec } from './model-spec';
import type { Linear } from './weights-spec';
import type { StoredWeights } from './stored-weights';

interface SourceKeys {
  /** [b, g, m, d] */
  readonly key: Value;
  readonly value: Value;
}

const projections = (
  { projection }: AttentionSpec,
  block: number,
): { readonly query: Linear; readonly key: Linear; readonly value: Linear } => {
  if (projection.kind === 'separate') return projection;
  throw new ModelError(`The cross-attention of layer ${block} has one projection for several, which is not computed.`);
};

/** Keys and values of the rows of a source [b, m, ws]. */
function keysOf(
  block: BlockSpec,
  spec: AttentionSpec,
  weights: StoredWeights,
  source: Value,
  named = false,
): SourceKeys {
  const graph = source.graph as GraphBuilder;
  const { key, value } = projections(spec, block.index);
  const byHead = (map: Linear, name: string): Value => {
    const once = linear(graph, weights, map, source);
    const rows = spec.twice ? concat([once, once], -1) : once;
    const heads = reshape(rows, [...source.shape.slice(0, 2), spec.kvHeads, spec.headDim]);
    return transpose(heads, [0, 2, 1, 3], named ? name : undefined);
  };
  return { key: byHead(key, 'cross_key'), value: byHead(value, 'cross_value') };
}

const crossOf = (block: BlockSpec): CrossSpec => {
  if (!block.cross) throw new RangeError(`layer ${block.index} has no cross-attention`);
  return block.cross;
};

/** Input `source` [b, m, ws]; outputs `cross_key` and `cross_value` [b, g, m, d]. */
export function sourceKeysGraph(model: ModelSpec, block: BlockSpec, weights: StoredWeights): Graph<Dim> {
  const graph = new GraphBuilder(`cross.${block.index}`);
  const source = graph.input('source', 'float32', ['b', 'm', model.sourceWidth ?? 0]);
  const { key, value } = keysOf(block, crossOf(block).attention, weights, source, true);
  graph.output(key);
  graph.output(value);
  return graph.finishDynamic();
}

export interface CrossOptions {
  /** Gains of heads [b, h], and replacements of their outputs; absent in the plain model. */
  readonly gain: Value | undefined;
  readonly replacement: Replacement | undefined;
  /** Statistics and the probabilities of chosen heads stand beside the output. */
  readonly measured: boolean;
  readonly tap: (value: Value, name: LayerTap) => Value;
  /** The graph takes the source itself and makes its keys and values. */
  readonly fromSource: boolean;
}

const capped = ({ softcap }: AttentionSpec, scores: Value): Value =>
  softcap === undefined ? scores : multiply(hyperbolicTangent(divide(scores, softcap)), softcap);

/**
 * What cross-attention makes of x [b, n, w], before the norm behind it. Inputs: `cross_key` and `cross_value` [b, g, m, d], or `source`
 * [b, m, ws]; where it is measured `cross_selected_heads` and those of the statistics.
 */
export function crossOutput(
  graph: GraphBuilder,
  model: ModelSpec,
  block: BlockSpec,
  weights: StoredWeights,
  x: Value,
  { gain, replacement, measured, tap, fromSource }: CrossOptions,
): Value {
  const spec = crossOf(block).attention;
  const { heads, kvHeads, headDim, scale } = spec;
  const given = (name: string): Value => graph.input(name, 'float32', ['b', kvHeads, 'm', headDim]);
  const made = fromSource
    ? keysOf(block, spec, weights, graph.input('source', 'float32', ['b', 'm', model.sourceWidth ?? 0]))
    : { key: given('cross_key'), value: given('cross_value') };
  const [key, value] = fromSource
    ? [tap(made.key, 'cross.key'), tap(made.value, 'cross.value')]
    : [made.key, made.value];
  const rows = reshape(linear(graph, weights, projections(spec, block.index).query, x), ['b', 'n', heads, headDim]);
  const query = tap(transpose(rows, [0, 2, 1, 3], 'cross.query'), 'cross.query');
  const scores = capped(spec, scoreKeys(query, key, scale, spec));
  const probabilities = tap(softmax(scores, -1, 'cross.probabilities'), 'cross.probabilities');
  if (measured) {
    const selected = graph.input('cross_selected_heads', 'int64', ['cross selected']);
    graph.output(gather(probabilities, selected, 1, 'cross.selected'));
    addCrossStatistics(graph, scores, probabilities);
  }
  const weighed = headOutput(probabilities, value, spec);
  const output = tap(
    gain
      ? replaced(
          replacement,
          (operand) => multiply(operand(weighed), reshape(operand(gain), ['b', heads, 1, 1])),
          'cross.head_output',
        )
      : weighed,
    'cross.head_output',
  );
  return linear(graph, weights, spec.output, reshape(transpose(output, [0, 2, 1, 3]), ['b', 'n', heads * headDim]));
}

/**
 * The same of one row x [1, w], for decoding. Inputs: `cross_key` and `cross_value` [g, m, d], `cross_head_gain` [h, 1]; output
 * `cross.probabilities` [g, h / g, m].
 */
export function crossStep(graph: GraphBuilder, block: BlockSpec, weights: StoredWeights, x: Value): Value {
  const spec = crossOf(block).attention;
  const { heads, kvHeads, headDim, scale } = spec;
  const given = (name: string): Value => graph.input(name, 'float32', [kvHeads, 'm', headDim]);
  const rows = linear(graph, weights, projections(spec, block.index).query, x);
  const query = reshape(rows, [kvHeads, heads / kvHeads, headDim]);
  const scores = capped(spec, fusedMatmul(query, given('cross_key'), { transposeB: true, scale }));
  const probabilities = graph.output(softmax(scores, -1, 'cross.probabilities'));
  const output = reshape(matmul(probabilities, given('cross_value')), [heads, headDim]);
  const gained = multiply(output, graph.input('cross_head_gain', 'float32', [heads, 1]));
  return linear(graph, weights, spec.output, reshape(gained, [1, heads * headDim]));
}
