/**
 * A language model as a network that can be trained: the graphs of its family (embedding, blocks, head) in one graph, with the
 * stored tensors as parameters. No cache: every row of a batch is a whole sequence.
 *
 * Inputs of a batch: `token_ids` int64 [b, n]; `targets` int64 [b, n], the token that each place should predict, and
 * `target_weights` [b, n], how much it counts; `positions` int32 [n] from 0; `rope_cos.<i>` and `rope_sin.<i>`
 * [n, dimensions / 2] of each rotary form. The loss is the mean surprisal of the targets by their weights, nats.
 * Outputs: `best` int64 [b, n], the token with the largest logit, and `surprisal` [b, n] of each target; where tokens choose heads
 * (`routing` of a layer, training-routing.ts) also `load.<layer>` and `probability.<layer>` [E] and `entropy.<layer>`.
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { add, divide, multiply } from '../../kernels/graph/operators/elementwise';
import { reshape, transpose } from '../../kernels/graph/operators/layout';
import { argMax, reduceSum } from '../../kernels/graph/operators/reduce';
import { divergences, surprisals } from '../../kernels/training/losses';
import type { BatchInput, Network } from '../../kernels/training/network';
import { attend } from '../instrument/attention';
import { byHead as gainsByHead, fixedGains } from '../instrument/changes/routing';
import { blockOutput, joinedHeads, lateGains, normedHeads, temperedGains } from './block-parts';
import { embedded, logitsOf } from './edge-graphs';
import { rotate } from './layers';
import { attentionIn, withoutAttention } from './block-heads';
import type { AttentionSpec } from './attention-spec';
import { ModelError, type ModelSpec } from './model-spec';
import { convolvedValues, scoreTerms } from './score-terms';
import { weight, type StoredWeights } from './stored-weights';
import { balanceLoss, routingLoads, trainedRouting, type TrainedRouting } from './training-routing';

/** Shapes of the tensors of a checkpoint, by name. */
export type TensorShapes = Readonly<Record<string, readonly number[]>>;

/** Weights that are parameters of the graph that reads them: no bytes are behind them. */
export const weightsOf = (shapes: TensorShapes): StoredWeights => ({
  find(name) {
    const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    return shape && { name, dtype: 'F32', shape, location: '', offset: 0, length: 0 };
  },
});

export const languageNetwork = (name: string, model: ModelSpec, shapes: TensorShapes): Network =>
  networkOf(name, model, shapes, {
    batch: { targets: { type: 'int64', shape: ['b', 'n'] } },
    losses(logits, input) {
      const surprisal = surprisals(logits, input('targets'));
      return { each: surprisal, outputs: { best: argMax(logits, 2), surprisal } };
    },
  });

/**
 * The same, trained on another model's next-token distributions: `teacher` [b, n, v], its logits, in place of `targets`. The loss is
 * the mean of KL(teacher || model) by `target_weights`, nats; output `divergence` [b, n] of each place. `balance` times the
 * mean over layers of the balance loss of their heads is added to it.
 */
export const distillationNetwork = (name: string, model: ModelSpec, shapes: TensorShapes, balance = 0): Network =>
  networkOf(name, model, shapes, {
    balance,
    batch: { teacher: { type: 'float32', shape: ['b', 'n', model.head.vocabulary?.outputs ?? 0] } },
    losses(logits, input) {
      const divergence = divergences(input('teacher'), logits);
      return { each: divergence, outputs: { divergence } };
    },
  });

/** What a network makes of the logits [b, n, v]: the loss of each place, and outputs; and the inputs that this takes. */
interface Objective {
  /** Weight of the balance loss. */
  readonly balance?: number;
  readonly batch: Readonly<Record<string, BatchInput>>;
  losses(
    logits: Value,
    input: (name: string) => Value,
  ): { readonly each: Value; readonly outputs: Readonly<Record<string, Value>> };
}

/** Why the blocks of a model are not all that a row of it goes through, or not attention; undefined where they are. */
function untrained(model: ModelSpec): string | undefined {
  if (model.carried) return 'Rows of the model carry more than its stream from layer to layer.';
  if (model.embedding?.predicts) return 'A row of the model has a stream that predicts beside that of the text.';
  if (model.marks) return 'Some tokens of the model read and are read by all.';
  for (const block of model.blocks) {
    if (block.cross) return `Layer ${block.index} reads a source.`;
    if (block.attention && block.state) return `Layer ${block.index} has a recurrence beside its attention.`;
    if (block.attention?.groups) return `Layer ${block.index} reads groups of tokens.`;
    const without = withoutAttention(block);
    if (without !== undefined) return without;
  }
  return undefined;
}

function networkOf(name: string, model: ModelSpec, shapes: TensorShapes, objective: Objective): Network {
  const problem = untrained(model);
  if (problem !== undefined)
    throw new ModelError(
      `${problem} Headscope trains only layers of attention and networks: choose another model, or no training.`,
    );
  const weights = weightsOf(shapes);
  const ropes = model.ropes.flatMap(({ dimensions }, index) =>
    (['rope_cos', 'rope_sin'] as const).map(
      (table) => [`${table}.${index}`, { type: 'float32', shape: ['n', dimensions / 2] }] as const,
    ),
  );
  const batch: Record<string, BatchInput> = {
    token_ids: { type: 'int64', shape: ['b', 'n'] },
    ...objective.batch,
    target_weights: { type: 'float32', shape: ['b', 'n'] },
    positions: { type: 'int32', shape: ['n'] },
    ...Object.fromEntries(ropes),
  };
  return {
    name,
    parameters: shapes,
    batch,
    build(graph, _, values) {
      const input = (of: string): Value => {
        const value = values[of];
        if (!value) throw new RangeError(`the batch has no "${of}"`);
        return value;
      };
      const routed = new Map<number, TrainedRouting>();
      let stream = embedded(graph, model, weights, input('token_ids'), () => input('positions'));
      let shortcut: Value | undefined;
      for (const block of model.blocks) {
        stream = graph.within(`layer.${block.index}`, () =>
          blockOutput(graph, model, block, weights, stream, {
            everyExpert: true,
            joining: shortcut,
            leaving: (sum) => (shortcut = sum),
            mixer: (x) =>
              attention(graph, model, attentionIn(block), weights, x, input, (of) => routed.set(block.index, of)),
          }),
        );
      }
      const { each, outputs } = objective.losses(logitsOf(graph, model, weights, stream), input);
      const counted = input('target_weights');
      const sum = (value: Value): Value => reduceSum(value, [0, 1], false);
      const loss = divide(sum(multiply(each, counted)), sum(counted));
      const loads = [...routed].map(([layer, of]) => ({ layer, ...routingLoads(of, counted) }));
      const balances = loads.map((of) => balanceLoss(of));
      const { balance = 0 } = objective;
      const whole =
        balance === 0 || balances.length === 0
          ? loss
          : add(
              loss,
              multiply(
                balances.reduce((total, of) => add(total, of)),
                balance / balances.length,
              ),
            );
      const measured = loads.flatMap(({ layer, load, probability, entropy }) => [
        [`load.${layer}`, load] as const,
        [`probability.${layer}`, probability] as const,
        [`entropy.${layer}`, entropy] as const,
      ]);
      return { loss: whole, outputs: { ...outputs, ...Object.fromEntries(measured) } };
    },
  };
}

/** As in `block-graph.ts`, without a cache and without taps. x [b, n, w]. */
function attention(
  graph: GraphBuilder,
  model: ModelSpec,
  spec: AttentionSpec,
  weights: StoredWeights,
  x: Value,
  input: (name: string) => Value,
  onRouting: (routing: TrainedRouting) => void,
): Value {
  const { query, key, value, gate, experts } = normedHeads(graph, spec, weights, x, { every: true });
  const rope = spec.rope === undefined ? undefined : model.ropes[spec.rope];
  const byHead = (heads: Value): Value => transpose(heads, [0, 2, 1, 3]);
  const late = lateGains(graph, spec, weights);
  const turned = (heads: Value, gain?: Value): Value => {
    const rotated = rope
      ? rotate(byHead(heads), input(`rope_cos.${spec.rope}`), input(`rope_sin.${spec.rope}`), rope)
      : byHead(heads);
    return gain ? multiply(rotated, gain) : rotated;
  };
  const positions = input('positions');
  const { around } = spec;
  const reach = around === undefined ? positions : add(positions, around - 1);
  const mask = spec.causal || around !== undefined ? { queries: positions, reach, keys: positions } : undefined;
  const temper = temperedGains(spec, positions);
  const scaled = turned(query, late.query);
  const [queries, keys] = [temper ? multiply(scaled, temper) : scaled, turned(key, late.key)];
  const all = attend(
    graph,
    {
      ...spec,
      sinks: spec.sinks === undefined ? undefined : weight(graph, weights, spec.sinks, [spec.heads]),
      gate: gate && byHead(gate),
      beside: convolvedValues(graph, spec, weights, byHead(value), { queries: positions, keys: positions }),
      terms: scoreTerms(
        graph,
        spec,
        weights,
        { query: queries, key: keys, value: byHead(value) },
        { queries: positions, keys: positions },
      ),
    },
    queries,
    keys,
    byHead(value),
    mask,
    undefined,
    false,
  );
  const routing = spec.routing && trainedRouting(spec.routing, query);
  if (routing) onRouting(routing);
  const gains = routing?.gains ?? (spec.routing && fixedGains(spec.routing, query));
  const output = gains ? multiply(all, gainsByHead(gains)) : all;
  return joinedHeads(graph, spec, weights, reshape(byHead(output), ['b', 'n', spec.heads * spec.headDim]), experts);
}
