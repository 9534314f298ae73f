/**
 * The graph of one block for one new position, which decoding runs: each key/value head reads a cache of its own, with a
 * length of its own, in whatever order its positions lie (they are rotated). Scores of the new position and of the cached ones
 * stand side by side under one softmax; neither keys nor values are ever joined or moved.
 *
 * Inputs: `residual` [1, w]; `key.<g>` and `value.<g>` [cached.<g>, d], which may be empty; `query_factor` [h, 1], the factor on
 * query x key: the model's scale, or 0 for a head that attends uniformly; `head_gain` [h, 1], the factor on a head's output;
 * `rope_cos` and `rope_sin` [1, dimensions / 2] where the block rotates.
 * Outputs: `residual.out` [1, w], `new_key` and `new_value` [g, d] of the new position. For those who look into the row, and at
 * almost no cost for others: `head_output` [h, d], what the heads put out, gains included; and of the h / g queries of each
 * key/value head `probabilities.<g>` and `scores.<g>` [1, h / g, 1 + cached.<g>], the scores as softmax reads them. The new
 * position comes first, those of the cache follow as they lie there.
 *
 * With `means` a head also reads the mean of what its cache has dropped (RazorAttention's compensation token, arXiv:2407.15891,
 * section 3.3): `mean_key` and `mean_value` [g, 1, d], and `mean_weight` [g, 1, 1], ln of how many positions it stands for, which
 * is added to its score (`maskedScore` where there are none). Its column is the second, behind the new position.
 *
 * A recurrence reads `past_state.<name>` [1, ...] and leaves `state.<name>`; where the block has no attention, its heads are the ones of
 * `head_gain` and `head_output`.
 *
 * A shortcut is an output `shortcut.out` of one block and an input `shortcut` of the next, both [1, w].
 *
 * Texts that are written, with statistics or without, and those whose divergence is measured or that are reinforced go by these
 * graphs. Several rows at once, devices other than the cpu, and changes that these graphs do not know (`servedBySteps`) take the
 * graphs of the blocks, which join the cache of a layer with the new rows.
 *
 * There is no mask: a cache holds what the new position may read, and a window is kept by the cache alone. Nor are there positions, so
 * that models with ALiBi go by the graphs of the blocks.
 *
 * For a layer with routed experts the taps of its router are outputs too, [1, E].
 *
 * With `changes` the scores and probabilities of all heads are those of these kinds (instrument/changes/emphasis.ts, redistribution.ts), which
 * declare their inputs; where probabilities are moved, scores are not among the outputs. All caches hold the same positions then, and
 * heads are one tensor. What is given for columns is filled ahead: a text that grows leaves it as it is.
 */
import { absorb } from '../../kernels/graph/absorb';
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import type { Value } from '../../kernels/graph/records';
import { add, divide, hyperbolicTangent, multiply } from '../../kernels/graph/operators/elementwise';
import { concat, reshape, slice } from '../../kernels/graph/operators/layout';
import { fusedMatmul, matmul } from '../../kernels/graph/operators/matrix';
import { softmax } from '../../kernels/graph/operators/reduce';
import { blockOutput, joinedHeads, lateGains, normedHeads, type BlockBranches } from './block-parts';
import { blockRow, handedTo, rowWidth, wordsIn, type HeadRows } from './carried-rows';
import { crossStep } from './cross-attention';
import type { Rope } from '../formats/model-description';
import {
  movesProbabilities,
  movesScores,
  stepProbabilities,
  stepScores,
  type Kind,
} from '../instrument/changes/changes';
import { offset } from '../instrument/changes/expert';
import { fixedGains } from '../instrument/changes/routing';
import type { AttentionSpec } from './attention-spec';
import { ModelError, type BlockSpec, type ModelSpec } from './model-spec';
import { isRouted } from './network-spec';
import type { RouterBranches } from './router';
import { sharedOutput } from './shared-block';
import { stateStep } from './states/state-branch';
import type { StoredWeights } from './stored-weights';

export interface StepOptions {
  /** Heads read the mean of what they dropped. */
  readonly means?: boolean;
  /** Kinds of changes that it is built for. Not with `means`. */
  readonly changes?: readonly Kind[];
}

export const stepGraph = (
  model: ModelSpec,
  block: BlockSpec,
  weights: StoredWeights,
  options: StepOptions = {},
): Graph<Dim> => stepBuilder(model, block, weights, options).finishDynamic();

/**
 * The graphs of several blocks in a row as one, without options. Names have the number of the layer and a slash before them, but for
 * `residual` of the first and `residual.out` of the last. What a session does before its first product costs more than many small
 * nodes: 200 µs until the second thread is awake, so 5 ms of a token of 24 layers (onnxruntime 1.30, two threads, 2026-12-01).
 */
export function stepsGraph(
  model: ModelSpec,
  blocks: readonly BlockSpec[],
  weightsOf: (block: BlockSpec) => StoredWeights,
): Graph<Dim> {
  const graph = new GraphBuilder('steps');
  let stream = graph.input('residual', 'float32', [1, rowWidth(model)]);
  for (const [at, block] of blocks.entries()) {
    const outputs = absorb(
      graph,
      stepBuilder(model, block, weightsOf(block), {}),
      `${block.index}`,
      new Map([['residual', stream]]),
    );
    for (const [name, value] of outputs) {
      if (name !== 'residual.out') graph.output(value);
      else if (at === blocks.length - 1) graph.output(value, name);
      else stream = value;
    }
  }
  return graph.finishDynamic();
}

function stepBuilder(model: ModelSpec, block: BlockSpec, weights: StoredWeights, options: StepOptions): GraphBuilder {
  const graph = new GraphBuilder(`step.${block.index}`);
  const residual = graph.input('residual', 'float32', [1, rowWidth(model)]);
  let made: HeadRows | undefined;
  const onHeads = (heads: HeadRows): void => void (made = heads);
  const attended = (x: Value, attention: AttentionSpec): Value =>
    attentionOutput(graph, model, attention, weights, x, { ...options, row: residual, onHeads });
  const branches: BlockBranches = {
    shared: (x) => {
      const { shared, attention } = block;
      if (!shared || !attention) throw new RangeError(`layer ${block.index} has no shared block`);
      return sharedOutput(graph, shared, weights, x, wordsIn(model, residual), (input) => attended(input, attention));
    },
    mixer: (x) => {
      const { attention, state } = block;
      const own = attention && !block.shared ? attended(x, attention) : undefined;
      const recurrent = state && stateStep(graph, state, weights, x, attention === undefined);
      if (own && recurrent) return add(own, recurrent);
      return own ?? recurrent ?? x;
    },
    router: { ...routerChanges(graph, block, options), tap: (value, name) => graph.output(value, name) },
    cross: (x) => crossStep(graph, block, weights, x),
    joining: block.shortcut === 'joins' ? graph.input('shortcut', 'float32', [1, model.hiddenSize]) : undefined,
    leaving: (sum) => graph.output(sum, 'shortcut.out'),
  };
  const out = blockRow(graph, model, block, weights, residual, {
    inner: (stream) => blockOutput(graph, model, block, weights, stream, branches),
    leaving: (stream) => stream,
    made: () => made,
  });
  graph.output(out, 'residual.out');
  return graph;
}

/** Its inputs `router_bias` and `router_choice` [1, E], in a graph that is built for them (instrument/changes/expert.ts). */
function routerChanges(graph: GraphBuilder, { feedForward }: BlockSpec, { changes = [] }: StepOptions): RouterBranches {
  if (!changes.includes('expert') || !isRouted(feedForward)) return {};
  const [products, choice] = ['router_bias', 'router_choice'].map((name) =>
    graph.input(name, 'float32', [1, feedForward.router.linear.outputs]),
  ) as [Value, Value];
  return { products: (value) => offset(products, value), choice: (value) => offset(choice, value) };
}

function attentionOutput(
  graph: GraphBuilder,
  model: ModelSpec,
  spec: AttentionSpec,
  weights: StoredWeights,
  x: Value,
  {
    means = false,
    changes = [],
    row,
    onHeads,
  }: StepOptions & { readonly row: Value; readonly onHeads: (heads: HeadRows) => void },
): Value {
  const { heads, kvHeads, headDim } = spec;
  const projected = normedHeads(graph, spec, weights, x, x, handedTo(model, spec, row));
  onHeads(projected);
  const rope = spec.rope === undefined ? undefined : model.ropes[spec.rope];
  const angles = rope && {
    cos: graph.input('rope_cos', 'float32', [1, rope.dimensions / 2]),
    sin: graph.input('rope_sin', 'float32', [1, rope.dimensions / 2]),
  };
  const gains = lateGains(graph, spec, weights);
  /** [1, heads, d] -> [1, heads, 1, d], rotated. */
  const rotated = (y: Value, count: number, gain: Value | undefined): Value => {
    const rows = reshape(y, [1, count, 1, headDim]);
    const turned = rope && angles ? rotaryEmbedding(rows, angles.cos, angles.sin, rope) : rows;
    return gain ? multiply(turned, gain) : turned;
  };
  const perHead = (name: string): Value => graph.input(name, 'float32', [heads, 1]);
  const query = rotated(projected.query, heads, gains.query);
  const turnedKey = rotated(projected.key, kvHeads, gains.key);
  const key = graph.output(reshape(turnedKey, [kvHeads, headDim], 'new_key'));
  // The value of latent attention is its key.
  const ofValue = spec.projection.kind === 'latent' ? turnedKey : projected.value;
  const value = graph.output(reshape(ofValue, [kvHeads, headDim], 'new_value'));

  // Queries that read one key/value head lie side by side.
  const group = heads / kvHeads;
  const factor = reshape(perHead('query_factor'), [kvHeads, group, 1]);
  const queries = multiply(reshape(query, [kvHeads, group, headDim]), factor);
  const scoresOf = (rows: Value, own = queries): Value => fusedMatmul(own, rows, { transposeB: true });
  const [ownKey, ownValue] = [key, value].map((rows) => reshape(rows, [kvHeads, 1, headDim])) as [Value, Value];
  const { softcap } = spec;
  if (means && softcap !== undefined)
    throw new ModelError('the mean of scores that are capped is not the score of a mean');
  const mean = (name: string, width: number): Value => graph.input(`mean_${name}`, 'float32', [kvHeads, 1, width]);
  /** Each key/value head reads the new position and, where there is one, the mean. */
  const near = means
    ? {
        scores: concat([scoresOf(ownKey), add(scoresOf(mean('key', headDim)), mean('weight', 1))], -1),
        values: concat([ownValue, mean('value', headDim)], 1),
        columns: 2,
      }
    : { scores: scoresOf(ownKey), values: ownValue, columns: 1 };
  /** Made with the name of the output: a value that is named afterwards is copied in every run. */
  const scored = (g: number, parts: readonly Value[]): Value => {
    const name = `scores.${g}`;
    if (softcap === undefined) return graph.output(concat(parts, -1, name));
    return graph.output(multiply(hyperbolicTangent(divide(concat(parts, -1), softcap)), softcap, name));
  };
  const queriesOf = split(queries, kvHeads);
  const nearOf = split(near.scores, kvHeads);
  const together = movesScores(changes);
  const cache = (name: string, g: number): Value =>
    graph.input(`${name}.${g}`, 'float32', [1, together ? 'cached' : `cached.${g}`, headDim]);
  const weightsOf = together
    ? changedWeights(
        graph,
        spec,
        concat(
          [
            near.scores,
            concat(
              queriesOf.map((own, g) => scoresOf(cache('key', g), own)),
              0,
            ),
          ],
          -1,
        ),
        changes,
      )
    : queriesOf.map((own, g) =>
        softmax(scored(g, [nearOf[g] ?? own, scoresOf(cache('key', g), own)]), -1, `probabilities.${g}`),
      );
  const read = weightsOf.map((weights, g) => {
    graph.output(weights);
    return {
      near: slice(weights, -1, 0, near.columns),
      cached: matmul(slice(weights, -1, near.columns), cache('value', g)),
    };
  });
  const nearWeights = concat(
    read.map((head) => head.near),
    0,
  );
  // One row is a product of numbers.
  const own = means ? matmul(nearWeights, near.values) : multiply(nearWeights, near.values);
  const cached = concat(
    read.map((head) => head.cached),
    0,
  );
  const output = reshape(add(cached, own), [heads, headDim]);
  const { routing } = spec;
  const gated = projected.gate ? multiply(output, reshape(projected.gate, [heads, headDim])) : output;
  const routed = routing ? multiply(gated, reshape(fixedGains(routing, projected.query), [heads, 1])) : gated;
  const gained = graph.output(multiply(routed, perHead('head_gain'), 'head_output'));
  return joinedHeads(graph, spec, weights, reshape(gained, [1, heads * headDim]), projected.experts);
}

/** Probabilities of each key/value head [1, h / g, 1 + cached] of the scores [g, h / g, 1 + cached] of all; they and the scores are outputs. */
function changedWeights(
  graph: GraphBuilder,
  { kvHeads, softcap }: AttentionSpec,
  raw: Value,
  changes: readonly Kind[],
): readonly Value[] {
  const capped = softcap === undefined ? raw : multiply(hyperbolicTangent(divide(raw, softcap)), softcap);
  const scores = stepScores(graph, changes, capped);
  if (!movesProbabilities(changes)) outputs(scores, kvHeads, 'scores');
  return split(stepProbabilities(graph, changes, softmax(scores, -1)), kvHeads, 'probabilities');
}

/** Each of the [1, ...] of x [count, ...], named `name.<g>`. */
function outputs(x: Value, count: number, name: string): void {
  for (const part of split(x, count, name)) (x.graph as GraphBuilder).output(part);
}

/**
 * The rotation of `rotate` for one row of x [1, heads, 1, d] in one node of nine: small nodes run cold behind the weights of a
 * layer. Of a token of 322 million parameters in 24 layers, these were 3 to 4 % (fastest of 40, onnxruntime 1.30, 2026-11-27).
 */
function rotaryEmbedding(x: Value, cos: Value, sin: Value, { dimensions, layout }: Rope): Value {
  const [, heads = 1, , width] = x.shape;
  const part = width === dimensions ? 0 : dimensions;
  return x.graph.node(
    'RotaryEmbedding',
    [x, x.graph.constant('int64', [1], [0]), cos, sin],
    [{ type: x.type, shape: x.shape }],
    {
      interleaved: { kind: 'int', value: layout === 'interleaved' ? 1 : 0 },
      ...(part === 0
        ? {}
        : {
            num_heads: { kind: 'int', value: Number(heads) },
            rotary_embedding_dim: { kind: 'int', value: part },
          }),
    },
    'com.microsoft',
  )[0];
}

/** x [count, ...] as `count` of [1, ...]. */
function split(x: Value, count: number, name?: string): readonly Value[] {
  const shape = [1, ...x.shape.slice(1)];
  if (count === 1) {
    return name === undefined ? [x] : x.graph.node('Identity', [x], [{ type: x.type, shape, name: `${name}.0` }]);
  }
  return x.graph.node(
    'Split',
    [x],
    Array.from({ length: count }, (_, g) => ({
      type: x.type,
      shape,
      ...(name === undefined ? {} : { name: `${name}.${g}` }),
    })),
    { axis: { kind: 'int', value: 0 }, num_outputs: { kind: 'int', value: count } },
  );
}
