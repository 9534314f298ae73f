/**
 * Gradients as graphs, piece by piece of a model: what leaves a piece has a gradient, and the graph gives that of what enters it, of
 * taps and of weights. The graphs that are differentiated always contain gains of heads and the changes of the run.
 *
 * Shapes: b batch, n positions of the run, h query heads, g key/value heads, d head width, w hidden size, k tokens asked, v
 * vocabulary. Gradients are of one scalar, so that each has the shape of what it belongs to.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import { volume, type Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import { GraphError, type Value } from '../../kernels/graph/records';
import { add, cast as toInt64, logarithm, multiply, subtract } from '../../kernels/graph/operators/elementwise';
import { expand, gatherElements, reshape, scatterElements, scatterRows } from '../../kernels/graph/operators/layout';
import { reduceMax, reduceSum, softmax } from '../../kernels/graph/operators/reduce';
import { gradients, type Seed } from '../../kernels/gradient/gradients';
import type { Part } from '../instrument/changes/changes';
import type { LayerTap } from '../instrument/taps';
import { buildBlock } from './block-graph';
import { lastStream, rowWidth } from './carried-rows';
import { buildEmbedding, buildHead } from './edge-graphs';
import { norm } from './layers';
import type { BlockSpec, ModelSpec } from './model-spec';
import { newState, pastState } from './states/names';
import { stateShapes } from './states/state-branch';
import type { StoredWeights } from './stored-weights';

/** Taps that have a gradient; `attention.selected` is a part of the probabilities, and which experts are chosen has none. */
export type GradientTap = Exclude<LayerTap, 'attention.selected' | 'router.chosen'>;

/** A layer by its index, an end of the model, or the distance of what it gives the head from that of another run. */
export type GradientPart = number | 'embedding' | 'head' | 'distance';

export interface GradientOptions {
  /** What the run changes in the layer besides gains. */
  readonly changes: readonly Part[];
  readonly taps: readonly GradientTap[];
  /** Whether the gradient of the gain of each head is wanted. */
  readonly gains: boolean;
  /** Whether that of each head of cross-attention is, and that of the stream of the source; only in layers that read one. */
  readonly crossGains?: boolean;
  /** Whether the gain of each head of a recurrence beside attention is; only in layers that have one. */
  readonly stateGains?: boolean;
  readonly source?: boolean;
  /** Whether that of the score bias of each head on each group of keys is; only where `changes` has it. */
  readonly biases: boolean;
  /** Whether that of the share of each head is, where `changes` has a mixture. */
  readonly shares?: boolean;
  /** Names of stored tensors; those that the piece does not read are passed over. */
  readonly weights: readonly string[];
}

/** What enters and leaves the layer: the graph takes and gives its gradient anyhow. */
const isStream = (tap: GradientTap): boolean => tap === 'residual.input' || tap === 'residual';

const gradientOf = (name: string): string => `gradient.${name}`;

/** The gradient of a stored tensor, or of rows of it. */
export const weightGradient = (label: string): string => gradientOf(`weight.${label}`);

/** Name, rows and all of a weight in a graph: `name` or `name[first:last]`. */
export function storedRows(label: string): {
  readonly name: string;
  readonly first: number;
  /** Absent: all of the weight. */
  readonly count?: number;
} {
  const [, name = label, first, last] = /^(.+)\[(\d+):(\d+)\]$/.exec(label) ?? [];
  return last === undefined ? { name, first: 0 } : { name, first: Number(first), count: Number(last) - Number(first) };
}

export function gradientGraph(
  model: ModelSpec,
  of: GradientPart,
  weights: StoredWeights,
  wanted: GradientOptions,
): Graph<Dim> {
  if (of === 'embedding') return embeddingGradientGraph(model, weights, wanted.weights);
  if (of === 'head') return headGradientGraph(model, weights, wanted.weights);
  if (of === 'distance') return distanceGradientGraph(model, weights, wanted.weights);
  const block = model.blocks[of];
  if (!block) throw new RangeError(`the model has ${model.blocks.length} layers, not ${of + 1}`);
  return blockGradientGraph(model, block, weights, wanted);
}

/**
 * Inputs: those of the plain block graph, `head_gain` [b, h] (1: as it is), those of the changes
 * (models/instrument/changes), of replacements for each of the n rows, and the gradients of what leaves it,
 * `gradient.residual.out` [b, n, w], `gradient.new_key` and `gradient.new_value` [n, b, g, d], `gradient.state.<name>` [b, ..] (those that
 * later chunks of queries pass back), and `gradient.shortcut.out` [b, n, w] where it leaves a shortcut. Outputs: `gradient.residual` [b, n, w] of what enters, `gradient.past_key`, `gradient.past_value`,
 * `gradient.past_state.<name>`, and what the
 * options ask for: `gradient.<tap>`, `gradient.head_gain` [b, h], `gradient.score_bias` [b, h, groups], `gradient.mixture_share` [b, h],
 * `gradient.weight.<name>`.
 */
function blockGradientGraph(
  model: ModelSpec,
  block: BlockSpec,
  weights: StoredWeights,
  wanted: GradientOptions,
): Graph<Dim> {
  const taps = new Map<LayerTap, Value>();
  const graph = buildBlock(model, block, weights, {
    instrumented: false,
    changes: wanted.changes,
    through(value, tap) {
      taps.set(tap, value);
      return value;
    },
  }).withoutOutputs();
  const residual = valueOf(graph, 'residual');
  const { left, taken } = handedOn(block);
  const leaves = block.shortcut === 'leaves' ? ['shortcut.out'] : [];
  const seeds = ['residual.out', ...leaves, ...left].map((name) => seeded(graph, name));
  const read = taken.map((name) => valueOf(graph, name));
  const wrt = (name: string) => [gradientOf(name), valueOf(graph, name)] as const;
  const outputs = [
    ...[residual, ...read].map((value) => [gradientOf(value.name), value] as const),
    ...wanted.taps.flatMap((tap) => (isStream(tap) ? [] : [[gradientOf(tap), tapOf(taps, tap)] as const])),
    ...(wanted.gains ? [wrt('head_gain')] : []),
    ...(wanted.crossGains ? [wrt('cross_head_gain')] : []),
    ...(wanted.stateGains ? [wrt('state_head_gain')] : []),
    ...(wanted.source ? [wrt('source')] : []),
    ...(wanted.biases ? [wrt('score_bias')] : []),
    ...(wanted.shares ? [wrt('mixture_share')] : []),
  ];
  return withGradients(graph, seeds, outputs, wanted.weights);
}

/**
 * Inputs: `residual` [b, n, w], `tokens` int64 [b, n, k], `coefficients` [b, n, k] and `normaliser` [b, n, 1]. The objective is the
 * sum over the rows of coefficients times logits of the tokens plus normaliser times ln sum e^logit: a weighted sum of logits,
 * or with 1/m for the normaliser and -1/m for the next token its mean loss over m rows. Outputs: `objective` [b, n, 1] of each
 * row, `gradient.residual`, `gradient.weight.<name>`.
 */
function headGradientGraph(model: ModelSpec, weights: StoredWeights, wanted: readonly string[]): Graph<Dim> {
  const graph = buildHead(model, weights)?.withoutOutputs();
  if (!graph) throw new RangeError('the model has no language head');
  const logits = valueOf(graph, 'logits');
  const tokens = graph.input('tokens', 'int64', ['b', 'n', 'k']);
  const coefficients = graph.input('coefficients', 'float32', ['b', 'n', 'k']);
  const normaliser = graph.input('normaliser', 'float32', ['b', 'n', 1]);
  const probabilities = softmax(logits);
  // The largest logit less the log of its probability: no second pass of exponentials.
  const logSum = subtract(reduceMax(logits, [2]), logarithm(reduceMax(probabilities, [2])));
  const chosen = reduceSum(multiply(gatherElements(logits, tokens, 2), coefficients), [2]);
  graph.output(add(chosen, multiply(logSum, normaliser)), 'objective');
  const seed = scatterElements(multiply(probabilities, normaliser), tokens, coefficients, 2, 'add');
  const residual = valueOf(graph, 'residual');
  return withGradients(graph, [[logits, seed]], [[gradientOf('residual'), residual]], wanted);
}

/**
 * Inputs: `residual` [b, n, w], `other` [b, n, w], the streams that leave the last layer of two runs, and `weight` [1]. The objective
 * is weight times the sum of the squared differences of both behind the final norm. Outputs: `objective` [b, n, 1] of each row,
 * `gradient.residual`, `gradient.weight.<name>`.
 */
function distanceGradientGraph(model: ModelSpec, weights: StoredWeights, wanted: readonly string[]): Graph<Dim> {
  const graph = new GraphBuilder('distance');
  const stream = (name: string): Value => graph.input(name, 'float32', ['b', 'n', rowWidth(model)]);
  const normed = (row: Value): Value => {
    const value = lastStream(graph, model, weights, row);
    return model.head.norm ? norm(graph, weights, model.head.norm, value) : value;
  };
  const residual = stream('residual');
  const difference = subtract(normed(residual), normed(stream('other')));
  const weight = graph.input('weight', 'float32', [1]);
  graph.output(multiply(reduceSum(multiply(difference, difference), [2]), weight), 'objective');
  const seed = multiply(difference, multiply(weight, 2));
  return withGradients(graph, [[difference, seed]], [[gradientOf('residual'), residual]], wanted);
}

/** Inputs: those of the embedding, and `gradient.residual.out` [b, n, w]; outputs `gradient.weight.<name>`. */
function embeddingGradientGraph(model: ModelSpec, weights: StoredWeights, wanted: readonly string[]): Graph<Dim> {
  const graph = buildEmbedding(model, weights).withoutOutputs();
  return withGradients(graph, [seeded(graph, 'residual.out')], [], wanted);
}

/**
 * The graph of the gradients of a vision encoder's ends. Inputs: those of the graph, and `gradient.<output>` of one output;
 * outputs: `gradient.<input>` of every input (pixels, or the streams that the connector reads) and `gradient.weight.<name>`.
 */
export function inputGradientGraph(
  graph: GraphBuilder,
  output: 'residual.out' | 'features',
  wanted: readonly string[],
): Graph<Dim> {
  const wrt = [...graph.inputs];
  const outputs = wrt.map((value) => [gradientOf(value.name), value] as const);
  return withGradients(graph.withoutOutputs(), [seeded(graph, output)], outputs, wanted);
}

function withGradients(
  graph: GraphBuilder,
  seeds: readonly Seed[],
  outputs: readonly (readonly [name: string, of: Value])[],
  wanted: readonly string[],
): Graph<Dim> {
  const stored = graph.initialisers.flatMap(({ value, data }) =>
    !(data instanceof Uint8Array) && wanted.includes(storedRows(value.name).name) ? widened(graph, value) : [],
  );
  const found = gradients(
    graph,
    seeds,
    [...outputs, ...stored].map(([, value]) => value),
  );
  outputs.forEach(([name], at) => graph.output(found[at]!, name));
  const sums = new Map<string, Value>();
  stored.forEach(([name, , whole], at) => {
    const gradient = found[outputs.length + at]!;
    const part = whole ? whole(gradient) : gradient;
    const known = sums.get(name);
    sums.set(name, known ? add(known, part) : part);
  });
  for (const [name, value] of sums) graph.output(value, name);
  // What leaves a layer is no part of its gradient: without this the runtime would compute the last product of the MLP.
  return graph.withoutUnused().finishDynamic();
}

/** What a chunk of queries hands to later chunks and takes from earlier ones: keys and values, and states of a recurrence. */
function handedOn({ attention, state }: BlockSpec): {
  readonly left: readonly string[];
  readonly taken: readonly string[];
} {
  const states = Object.keys(state ? stateShapes(state) : {});
  return {
    left: [...(attention ? ['new_key', 'new_value'] : []), ...states.map(newState)],
    taken: [...(attention ? ['past_key', 'past_value'] : []), ...states.map(pastState)],
  };
}

/**
 * What a layer hands on alone: inputs of the block graph with these changes, outputs `new_key`, `new_value` [n, b, g, d] and
 * `state.<name>`.
 */
export function keysGraph(
  model: ModelSpec,
  block: BlockSpec,
  weights: StoredWeights,
  changes: readonly Part[],
): Graph<Dim> {
  const graph = buildBlock(model, block, weights, { instrumented: false, changes }).withoutOutputs();
  for (const name of handedOn(block).left) graph.output(valueOf(graph, name));
  return graph.withoutUnused().finishDynamic();
}

/** The weight as the graph computes with it, and what makes its gradient that of the whole weight where rows are picked first. */
type Widened = readonly [name: string, value: Value, whole?: (gradient: Value) => Value];

/** Gradients of weights are in float32, whatever they are stored as. */
function widened(graph: GraphBuilder, value: Value): readonly Widened[] {
  const name = weightGradient(value.name);
  if (value.type === 'float32') return [[name, value]];
  const readers = graph.nodes.filter(({ inputs }) => inputs[0] === value.name);
  return readers.flatMap((reader): readonly Widened[] => {
    const read = valueOf(graph, reader.outputs[0] ?? '');
    if (reader.operator === 'Cast') return [[name, read]];
    const cast = graph.nodes.find(({ operator, inputs }) => operator === 'Cast' && inputs[0] === read.name);
    if (reader.operator !== 'Gather' || !cast) {
      throw new GraphError(`"${value.name}" is read by ${reader.operator} before it is widened`);
    }
    const rows = valueOf(graph, reader.inputs[1] ?? '');
    const size = value.shape.map(Number);
    const spread = (gradient: Value): Value => {
      const zeros = expand(graph.constant('float32', [], [0]), size);
      const count = volume(rows.shape);
      const at = reshape(toInt64(rows, 'int64'), [count, 1]);
      return scatterRows(zeros, at, reshape(gradient, [count, ...size.slice(1)]), 'add');
    };
    return [[name, valueOf(graph, cast.outputs[0] ?? ''), spread]];
  });
}

function seeded(graph: GraphBuilder, name: string): Seed {
  const value = valueOf(graph, name);
  return [value, graph.input(gradientOf(name), value.type, value.shape)];
}

function valueOf(graph: GraphBuilder, name: string): Value {
  const value = graph.values.get(name);
  if (!value) throw new GraphError(`graph "${graph.name}" has no value "${name}"`);
  return value;
}

function tapOf(taps: ReadonlyMap<LayerTap, Value>, tap: LayerTap): Value {
  const value = taps.get(tap);
  if (!value) throw new GraphError(`the block has no tap "${tap}"`);
  return value;
}
