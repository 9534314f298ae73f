/**
 * The graph of one block for one new position, which decoding runs. Its scores on the new position and on the cached ones stand side by
 * side under one softmax; keys and values are never joined or moved, and lie in whatever order their cache has them (keys are rotated).
 *
 * Inputs: `residual` [1, w]; `key` and `value` [cached, g, d], which may be empty; `query_factor` [h, 1], the factor on
 * query x key: the model's scale, or 0 for a head that attends uniformly; `head_gain` [h, 1], the factor on a head's output;
 * `rope_cos` and `rope_sin` [1, dimensions / 2] where the block rotates.
 * Outputs: `residual.out` [1, w], `new_key` and `new_value` [g, d] of the new position. For those who look into the row, and at
 * almost no cost for others: `head_output` [h, d], what the heads put out, gains included; and `probabilities` and `scores`
 * [g, h / g, 1 + cached] of the queries of each key/value head, the scores as softmax reads them. The new position comes first, those of
 * the cache follow as they lie there.
 *
 * With `apart` each key/value head reads a cache of its own, with a length of its own: `key.<g>` and `value.<g>` [1, cached.<g>, d], and
 * outputs `probabilities.<g>` and `scores.<g>` [1, h / g, 1 + cached.<g>].
 *
 * With `means`, which are of caches apart, a head also reads the mean of what its cache has dropped (RazorAttention's compensation token,
 * arXiv:2407.15891, section 3.3): `mean_key` and `mean_value` [g, 1, d], and `mean_weight` [g, 1, 1], ln of how many positions it stands
 * for, which is added to its score (`maskedScore` where there are none). Its column is the second, behind the new position.
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
 * declare their inputs; where probabilities are moved, scores are not among the outputs. These kinds are not for caches apart. What is
 * given for columns is filled ahead: a text that grows leaves it as it is.
 */
import { absorb } from '../../kernels/graph/absorb';
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import type { Value } from '../../kernels/graph/records';
import { add } from '../../kernels/graph/operators/elementwise';
import { blockOutput, type BlockBranches } from './block-parts';
import { blockRow, rowWidth, wordsIn, type HeadRows } from './carried-rows';
import { crossStep } from './cross-attention';
import { offset } from '../instrument/changes/expert';
import type { AttentionSpec } from './attention-spec';
import type { BlockSpec, ModelSpec } from './model-spec';
import { isRouted } from './network-spec';
import type { RouterBranches } from './router';
import { sharedOutput } from './shared-block';
import { stepAttention, type StepOptions } from './step-attention';
import { stateStep } from './states/state-branch';
import type { StoredWeights } from './stored-weights';

export const stepGraph = (
  model: ModelSpec,
  block: BlockSpec,
  weights: StoredWeights,
  options: StepOptions = {},
): Graph<Dim> => stepBuilder(model, block, weights, options).finishDynamic();

/**
 * The graphs of several blocks in a row as one. Names have the number of the layer and a slash before them, but for `residual` of the
 * first, `residual.out` of the last, and the angles, which layers share: `rope_cos.<r>` and `rope_sin.<r>` of the model's rotation r. What a session does before its first product costs more than many small
 * nodes: 200 µs until the second thread is awake, so 5 ms of a token of 24 layers (onnxruntime 1.30, two threads, 2026-12-01).
 */
export function stepsGraph(
  model: ModelSpec,
  blocks: readonly BlockSpec[],
  weightsOf: (block: BlockSpec) => StoredWeights,
  options: Pick<StepOptions, 'apart'> = {},
): Graph<Dim> {
  const graph = new GraphBuilder('steps');
  let stream = graph.input('residual', 'float32', [1, rowWidth(model)]);
  for (const [at, block] of blocks.entries()) {
    const step = stepBuilder(model, block, weightsOf(block), options);
    const shared = step.inputs.flatMap(({ name, shape }) => {
      const common = sharedName(block, name);
      if (common === undefined) return [];
      return [[name, graph.values.get(common) ?? graph.input(common, 'float32', shape)] as const];
    });
    const outputs = absorb(graph, step, `${block.index}`, new Map([['residual', stream], ...shared]));
    for (const [name, value] of outputs) {
      if (name !== 'residual.out') graph.output(value);
      else if (at === blocks.length - 1) graph.output(value, name);
      else stream = value;
    }
  }
  return graph.finishDynamic();
}

/** The name of an input of a step that layers of a group share; undefined of one that each has for itself. */
export function sharedName({ attention }: BlockSpec, input: string): string | undefined {
  return input === 'rope_cos' || input === 'rope_sin' ? `${input}.${attention?.rope}` : undefined;
}

function stepBuilder(model: ModelSpec, block: BlockSpec, weights: StoredWeights, options: StepOptions): GraphBuilder {
  const graph = new GraphBuilder(`step.${block.index}`);
  const residual = graph.input('residual', 'float32', [1, rowWidth(model)]);
  let made: HeadRows | undefined;
  const onHeads = (heads: HeadRows): void => void (made = heads);
  const attended = (x: Value, attention: AttentionSpec): Value =>
    stepAttention(graph, model, attention, weights, x, { ...options, row: residual, onHeads });
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
