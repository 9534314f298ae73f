/**
 * The graph of one block: the residual stream goes in, the residual stream and the keys and values of its positions come
 * out. Positions, cache length and batch are decided by each run, so that one session serves prefill, chunks and decoding.
 *
 * Inputs: `residual` [b, n, w]; where the block is causal or reads around a query `query_reach` [n] and `key_positions` [past + n] (for masks: a
 * query reads the keys up to its reach, which is its own position but for a prefix that reads in both directions, and the last one near enough where it
 * reads around itself), and with a window, around it or where distance counts (`score-terms.ts`) `query_positions` [n] and `key_positions`, all of them int32, which every device compares (WebGPU has no int64);
 * `past_key` and `past_value` [past, b, g, d] (position first, so that a prefix of a growing cache is one piece of memory);
 * `query_marks` [n] and `key_marks` [past + n], int32, 1 at tokens that are marked, where they are (marked-tokens.ts); `rope_cos` and `rope_sin` [n, dimensions / 2] where the block rotates; those of cross-attention (`cross-attention.ts`); interventions and statistics when instrumented.
 * Where the block has a recurrence: `past_state.<name>` [b, ...] by the names of states/state-mixer.ts, and outputs `state.<name>`.
 * If the block has a shortcut (`BlockSpec.shortcut`): the input `shortcut` [b, n, w], or the output `shortcut.out` [b, n, w] for the next block.
 * Outputs: `residual.out`, `new_key`, `new_value` [n, b, g, d], `present_key`, `present_value` [past + n, b, g, d] (past and new
 * together, for a cache that stays on a device), the taps of models/instrument/taps.ts, statistics.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import type { Value } from '../../kernels/graph/records';
import { add, multiply } from '../../kernels/graph/operators/elementwise';
import { concat, gather, reshape, slice, transpose } from '../../kernels/graph/operators/layout';
import { attend, maskedScore } from '../instrument/attention';
import { declareChanges, type Interventions, type Part } from '../instrument/changes/changes';
import { withAddition } from '../instrument/changes/addition';
import { offset } from '../instrument/changes/expert';
import { borrowed, withFeatures } from '../instrument/changes/feature';
import { ofLowRank } from '../instrument/changes/low-rank';
import { replaced, type Replaceable } from '../instrument/changes/replacement';
import { byHead, fixedGains, routedGains } from '../instrument/changes/routing';
import type { BlockChoiceShape } from '../instrument/changes/sizes';
import { withoutSuppression } from '../instrument/changes/unsuppress';
import { gainedUnits } from '../instrument/changes/units';
import type { Rope } from '../formats/model-description';
import { blockOutput, joinedHeads, lateGains, normedHeads, temperedGains, type BlockBranches } from './block-parts';
import { blockRow, handedTo, rowWidth, wordsIn, type HeadRows } from './carried-rows';
import type { LayerTap } from '../instrument/taps';
import { crossOutput } from './cross-attention';
import { layerSizes } from './layer-sizes';
import { rotate } from './layers';
import { predictingReads } from './predicting-stream';
import { stateBranch } from './states/state-branch';
import { sharedOutput } from './shared-block';
import { convolvedValues, hasDistanceTerms, scoreTerms } from './score-terms';
import { joinedRows, keysUnread } from './token-groups';
import type { AttentionSpec } from './attention-spec';
import type { BlockSpec, ModelSpec } from './model-spec';
import { weight, type StoredWeights } from './stored-weights';

export interface BlockOptions {
  /** Without it, and without changes, the graph is the plain model, for parity and for comparison. */
  readonly instrumented: boolean;
  /** Instrumented, and with these parts without a condition. */
  readonly rare?: readonly Part[];
  /** Instrumented, and with heads that choose the blocks that they read. */
  readonly blocks?: BlockChoiceShape | undefined;
  /**
   * Instrumented, and with the effective attention of the recurrence, of which `selected_heads` are `attention.selected` where the
   * block has no attention: input `past_reads`, outputs `reads` and `state.effective`.
   */
  readonly effective?: boolean;
  /** Gains and these parts, without a condition: in a graph that is differentiated. */
  readonly changes?: readonly Part[];
  /** What takes the place of the value that a tap names, e.g. the value plus an input. */
  readonly through?: (value: Value, tap: LayerTap) => Value;
}

const keys = 'n + past';

export function blockGraph(
  model: ModelSpec,
  block: BlockSpec,
  weights: StoredWeights,
  options: BlockOptions,
): Graph<Dim> {
  return buildBlock(model, block, weights, options).finishDynamic();
}

/** The graph of a block while it can still be added to. */
export function buildBlock(
  model: ModelSpec,
  block: BlockSpec,
  weights: StoredWeights,
  options: BlockOptions,
): GraphBuilder {
  const graph = new GraphBuilder(`layer.${block.index}`);
  const { instrumented, changes } = options;
  const residual = graph.input('residual', 'float32', ['b', 'n', rowWidth(model)]);
  const interventions =
    instrumented || changes
      ? declareChanges(
          graph,
          layerSizes(model, block),
          keys,
          changes ? { parts: changes, always: true } : { parts: options.rare ?? [], blocks: options.blocks },
        )
      : undefined;
  const tap: Tap = (value, name) => {
    if (options.through) return options.through(value, name);
    if (instrumented) graph.output(value, name);
    return value;
  };

  const router = interventions?.expert;
  let made: HeadRows | undefined;
  const attended = (x: Value, attention: AttentionSpec): Value =>
    attentionOutput(graph, model, attention, weights, x, {
      ...{ interventions, measured: instrumented, tap, row: residual, every: changes !== undefined },
      onHeads: (heads) => (made = heads),
    });
  const branches: BlockBranches = {
    shared: (x) => {
      const { shared, attention } = block;
      if (!shared || !attention) throw new RangeError(`layer ${block.index} has no shared block`);
      return sharedOutput(graph, shared, weights, x, wordsIn(model, residual), (input) => attended(input, attention));
    },
    mixer: (x) => {
      const { attention, state } = block;
      const effective = options.effective ?? false;
      const own = attention && !block.shared ? attended(x, attention) : undefined;
      const recurrent =
        state &&
        stateBranch(graph, state, weights, x, {
          ...{ tap, effective },
          ...(attention
            ? { gain: interventions?.['state-gain'], replacement: interventions?.replacement?.['state-head'] }
            : { interventions }),
        });
      if (own && recurrent) return add(own, recurrent);
      return own ?? recurrent ?? x;
    },
    everyExpert: changes !== undefined,
    joining: block.shortcut === 'joins' ? graph.input('shortcut', 'float32', ['b', 'n', model.hiddenSize]) : undefined,
    leaving: (sum) => graph.output(sum, 'shortcut.out'),
    cross: (x) =>
      crossOutput(graph, model, block, weights, x, {
        ...{ gain: interventions?.['cross-gain'], replacement: interventions?.replacement?.['cross-head'] },
        ...{ measured: instrumented, tap },
        fromSource: changes !== undefined,
      }),
    onCross: (output) => tap(output, 'cross.output'),
    onAttention: (output) => tap(withFeatures(interventions?.feature?.attention, output), 'attention.output'),
    units: (inner) => {
      const gain = interventions?.units;
      // Made with its name, which only a graph with these gains has.
      return gain ? tap(gainedUnits(gain, inner, 'mlp_units'), 'mlp_units') : inner;
    },
    router: {
      ...(router
        ? {
            products: (value) => offset(router.products, value),
            choice: (value) => offset(router.choice, value),
          }
        : {}),
      // In graphs that are not instrumented too: what nobody asks for costs nothing.
      tap: (value, name) =>
        options.through ? options.through(value, name) : changes ? value : graph.output(value, name),
    },
    network: (computed) => {
      const led = interventions?.unsuppress ? withoutSuppression(interventions.unsuppress, computed) : computed;
      const own = withFeatures(interventions?.feature?.network, led);
      return tap(
        replaced(interventions?.replacement?.mlp, (operand) => operand(own), 'mlp_output'),
        'mlp_output',
      );
    },
  };
  const { through } = options;
  const features = interventions?.feature?.stream;
  const leaving = (added: Value): Value => {
    const out = replaced(
      interventions?.replacement?.residual,
      (operand) => {
        const featured = withFeatures(features && borrowed(features, operand), operand(added));
        return withAddition(interventions?.addition && operand(interventions.addition), featured);
      },
      // It gets its name if nothing replaces it.
      (through ?? model.carried) ? undefined : 'residual.out',
    );
    return through ? through(out, 'residual') : out;
  };
  const out = blockRow(graph, model, block, weights, residual, {
    inner: (stream) => blockOutput(graph, model, block, weights, stream, branches),
    leaving,
    made: () => made,
  });
  graph.output(out, 'residual.out');
  return graph;
}

/** What the checkpoint and the run leave of each head at each token, [b, h, n, 1]. */
function tokenGain(
  { routing }: AttentionSpec,
  interventions: Interventions | undefined,
  query: Value,
): Value | undefined {
  const own = routing && byHead(fixedGains(routing, query));
  const routed = interventions?.routing && routedGains(interventions.routing, query);
  return own && routed ? multiply(own, routed) : (own ?? routed);
}

/** Which positions a block takes: those of its queries, the last that each of them reads, and those of the keys. */
export function positionsRead(spec: AttentionSpec): {
  readonly queries: boolean;
  readonly reach: boolean;
  readonly keys: boolean;
} {
  const reach = spec.causal || spec.around !== undefined;
  const distances = hasDistanceTerms(spec) || spec.convolution !== undefined;
  return {
    queries: distances || [spec.turns, spec.window, spec.around, spec.tempered].some((part) => part !== undefined),
    reach,
    keys: distances || reach,
  };
}

/** Gives what takes the place of a value, and makes it an output where the graph is instrumented. */
type Tap = (value: Value, name: LayerTap) => Value;

/** Everything between the input norm and the output norm of the attention branch. */
function attentionOutput(
  graph: GraphBuilder,
  model: ModelSpec,
  spec: AttentionSpec,
  weights: StoredWeights,
  x: Value,
  {
    interventions,
    measured,
    tap,
    row,
    every,
    onHeads,
  }: {
    readonly interventions: Interventions | undefined;
    readonly measured: boolean;
    readonly tap: Tap;
    /** What enters the block. */
    readonly row: Value;
    /** The graph is differentiated. */
    readonly every: boolean;
    /** Takes keys and values before their rotation. */
    readonly onHeads: (heads: HeadRows) => void;
  },
): Value {
  const basis = interventions?.['low-rank'];
  const forKeys = basis ? ofLowRank(basis, x) : x;
  const { groups } = spec;
  const forQueries = groups && groups.level > groups.from ? joinedRows(graph, groups, x) : x;
  const marked = spec.projection.kind === 'marked';
  const marks = marked ? graph.input('query_marks', 'int32', ['n']) : undefined;
  const projected = normedHeads(graph, spec, weights, forQueries, {
    ...{ forKeys, handed: handedTo(model, spec, row), every, marks },
  });
  onHeads(projected);
  const rope: Rope | undefined = spec.rope === undefined ? undefined : model.ropes[spec.rope];
  const reads = positionsRead(spec);
  const queries = reads.queries ? graph.input('query_positions', 'int32', ['n']) : undefined;
  const turn = (name: 'sin' | 'cos'): Value => {
    const half = (rope?.dimensions ?? 0) / 2;
    if (!spec.turns || !queries) return graph.input(`rope_${name}`, 'float32', ['n', half]);
    const rows = gather(weight(graph, weights, spec.turns.table, [spec.turns.rows, 2 * half]), queries);
    return name === 'sin' ? slice(rows, -1, 0, half) : slice(rows, -1, half);
  };
  const angles = rope && { cos: turn('cos'), sin: turn('sin') };
  const valueIsKey = spec.projection.kind === 'latent';
  const gains = lateGains(graph, spec, weights);
  const temper = temperedGains(spec, queries);
  /** [b, n, heads, d] -> [b, heads, n, d], rotated; made with the name of its tap, since a value that is named afterwards is copied in every run. */
  const byHead = (x: Value, target: Replaceable & ('query' | 'key' | 'value')): Value => {
    const compute = (operand: (value: Value) => Value): Value => {
      const heads = transpose(operand(x), [0, 2, 1, 3]);
      const turned =
        rope && angles && (target !== 'value' || valueIsKey)
          ? rotate(heads, operand(angles.cos), operand(angles.sin), rope)
          : heads;
      const gain = target === 'value' ? undefined : gains[target];
      const gained = gain ? multiply(turned, operand(gain)) : turned;
      return temper && target === 'query' ? multiply(gained, operand(temper)) : gained;
    };
    const name = `attention.${target}` as const;
    return tap(replaced(interventions?.replacement?.[target], compute, name), name);
  };
  const query = byHead(projected.query, 'query');
  const key = byHead(projected.key, 'key');
  const valueByHead = byHead(projected.value, 'value');

  const newKey = graph.output(transpose(key, [2, 0, 1, 3], 'new_key'));
  const newValue = graph.output(transpose(valueByHead, [2, 0, 1, 3], 'new_value'));
  const cache = (name: string): Value => graph.input(name, 'float32', ['past', 'b', spec.kvHeads, spec.headDim]);
  const all = (name: 'key' | 'value', now: Value): Value =>
    transpose(graph.output(concat([cache(`past_${name}`), now], 0, `present_${name}`)), [1, 2, 0, 3]);
  const places = reads.keys
    ? {
        ...(queries ? { queries } : {}),
        keys: graph.input('key_positions', 'int32', [keys]),
      }
    : undefined;
  const positions =
    places && reads.reach
      ? {
          ...places,
          reach: graph.input('query_reach', 'int32', ['n']),
          ...(marks ? { marks: { queries: marks, keys: graph.input('key_marks', 'int32', [keys]) } } : {}),
        }
      : undefined;
  const allKeys = all('key', newKey);
  const allValues = all('value', newValue);
  const { own } = projected;
  const reading =
    spec.mappedBuckets && own && queries && places
      ? predictingReads(
          graph,
          spec,
          spec.mappedBuckets,
          weights,
          { x: forQueries, query, own },
          { queries, keys: places.keys },
          maskedScore,
        )
      : undefined;
  const output = attend(
    graph,
    {
      ...spec,
      sinks:
        reading?.score ?? (spec.sinks === undefined ? undefined : weight(graph, weights, spec.sinks, [spec.heads])),
      besideKeys: reading?.value,
      gate: projected.gate && transpose(projected.gate, [0, 2, 1, 3]),
      beside: convolvedValues(graph, spec, weights, allValues, places),
      terms: reading?.terms ?? scoreTerms(graph, spec, weights, { query, key: allKeys, value: allValues }, places),
      unread: places && keysUnread(groups, places.keys, maskedScore),
    },
    query,
    allKeys,
    allValues,
    positions,
    interventions,
    measured,
    (probabilities) => tap(probabilities, 'attention.probabilities'),
    tokenGain(spec, interventions, projected.query),
    rotate,
  );
  const joined = reshape(transpose(tap(output, 'attention.head_output'), [0, 2, 1, 3]), [
    'b',
    'n',
    spec.heads * spec.headDim,
  ]);
  return joinedHeads(graph, spec, weights, joined, projected.experts);
}
