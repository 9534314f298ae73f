/**
 * Decoding of the Routing Transformer. Routed heads keep normalised keys and values of all positions. Own cluster: and the cluster
 * of each, so that a new position copies the last members of its own. Balanced: and the products with the centroids, of which the
 * lists of the clusters are chosen anew at every step, as if the sequence ended there. Local heads keep two blocks.
 */
import { stepCost } from '../../cost/step';
import type { Cost } from '../../cost/cost';
import { stepInputs } from '../../graph/attention-graph';
import { attendLists } from '../../graph/attention-step';
import { GraphBuilder } from '../../graph/builder';
import { joinClasses, pickHeads, queriesOfClass, shapeOfClass } from '../../graph/head-classes';
import { keptLists, keptNumbers, keptStates, type KeptClass } from '../../graph/cache-state';
import { reshape } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import { integers } from '../../integers';
import type { Decoding } from '../../mechanism';
import { sequenceInputs } from '../../reference/batches';
import type { AttentionShape, Precision } from '../../shape';
import { tensor, type Tensor } from '../../tensors/tensor';
import { nearest } from './clusters';
import { balancedStep, balancedStepCost, ownClusterStep, ownClusterStepCost, routedStates } from './decode-routed';
import { clusteredRows, keySimilarities, querySimilarities } from './definition';
import { headGroups, localHeads, localStart, ownClusterOnly, sharesKeys, type RoutingParameters } from './rule';

/** `local`: the local heads; `near`: the routed heads, where a position in no cluster reads locally. */
function localClasses(shape: AttentionShape, parameters: RoutingParameters): readonly KeptClass[] {
  const { routed, local } = headGroups(shape, parameters);
  const keptAt = (position: number) => integers(localStart(position, parameters), position);
  const kept = (name: string, heads: readonly number[]): KeptClass => ({
    name,
    heads,
    now: keptAt(shape.keys - 1),
    next: keptAt(shape.keys),
  });
  return [
    ...(local.length > 0 ? [kept('local', local)] : []),
    ...(parameters.uncovered === 'local' && !ownClusterOnly(shape, parameters) ? [kept('near', routed)] : []),
  ];
}

/** Heads-first output [b, heads, 1, dv] of one class of local heads. */
function attendLocally(
  builder: GraphBuilder,
  { query, key, value }: { readonly query: Value; readonly key: Value; readonly value: Value },
  shape: AttentionShape,
  precision: Precision,
  kept: KeptClass,
): Value {
  const own = shapeOfClass(shape, kept.heads);
  const lists = keptLists(builder, shape, precision, kept, key, value);
  const queries = queriesOfClass(query, shape, kept.heads);
  const grouped = reshape(queries, [own.batch, own.kvHeads, own.heads / own.kvHeads, own.headDim]);
  return reshape(attendLists(grouped, lists, own.headDim ** -0.5), [own.batch, own.heads, 1, own.valueDim]);
}

export const routingDecoding: Decoding<RoutingParameters> = {
  states: (shape, parameters) => [
    ...routedStates(shapeOfClass(shape, headGroups(shape, parameters).routed), parameters),
    ...localClasses(shape, parameters).flatMap((kept) => keptStates(shape, kept)),
  ],
  stateAfter(inputs, shape, parameters) {
    const { routed } = headGroups(shape, parameters);
    const own = shapeOfClass(shape, routed);
    const { batch, keys, headDim, valueDim } = own;
    const sequences = integers(0, batch).map((b) => sequenceInputs(inputs, b));
    const joined = (parts: readonly (readonly number[])[]) => Float64Array.from(parts.flat());
    const ofHeads = (of: (part: (typeof sequences)[number], head: number) => readonly number[]) =>
      joined(
        sequences.flatMap((part) => integers(localHeads(shape, parameters), shape.heads).map((head) => of(part, head))),
      );
    const perHead = own.heads * keys;
    const byCluster = (scores: readonly (readonly number[])[]) =>
      integers(0, parameters.clusters).flatMap((c) => scores.map((row) => row[c]!));
    const states: Record<string, Tensor> = {
      'past.key': tensor(
        [batch, routed.length, keys, headDim],
        joined(sequences.map(({ key }) => [...clusteredRows(key, routed, parameters).data])),
      ),
      'past.value': tensor(
        [batch, routed.length, keys, valueDim],
        joined(sequences.map(({ value }) => [...value.data.subarray(routed[0]! * keys * valueDim)])),
      ),
    };
    if (ownClusterOnly(shape, parameters)) {
      const clusters = ofHeads((part, head) => nearest(keySimilarities(part, shape, parameters, head)));
      states['cluster'] = tensor([batch, perHead / keys, keys], clusters);
    } else {
      const dims = [batch, own.heads, parameters.clusters, keys];
      states['score'] = tensor(
        dims,
        ofHeads((part, head) => byCluster(keySimilarities(part, shape, parameters, head))),
      );
      if (!sharesKeys(shape, parameters)) {
        states['query.score'] = tensor(
          dims,
          ofHeads((part, head) => byCluster(querySimilarities(part, shape, parameters, head))),
        );
      }
    }
    const kept = localClasses({ ...shape, keys: keys + 1 }, parameters).map((each) => keptNumbers(inputs, each));
    return Object.assign(states, ...kept) as Readonly<Record<string, Tensor>>;
  },
  build(shape, parameters, precision) {
    const builder = new GraphBuilder('routing-transformer step');
    const { query, key, value } = stepInputs(builder, shape, precision);
    const { routed, local } = headGroups(shape, parameters);
    const own = shapeOfClass(shape, routed);
    const locals = new Map(
      localClasses(shape, parameters).map((kept) => [
        kept.name,
        attendLocally(builder, { query, key, value }, shape, precision, kept),
      ]),
    );
    const centroids = builder.input('centroids', precision, [own.heads, parameters.clusters, own.headDim]);
    const given = {
      query: queriesOfClass(query, shape, routed),
      key: pickHeads(key, routed),
      value: pickHeads(value, routed),
      centroids,
    };
    const states = new Map(
      routedStates(own, parameters).map(({ name, shape: dims }) => [name, builder.input(name, precision, dims)]),
    );
    const { output, next } = ownClusterOnly(shape, parameters)
      ? ownClusterStep(given, states, own, parameters)
      : balancedStep(given, states, own, parameters, locals.get('near'));
    const outputs = local.length > 0 ? [locals.get('local')!, output] : [output];
    const classes = local.length > 0 ? [{ heads: local }, { heads: routed }] : [{ heads: routed }];
    builder.output(joinClasses(outputs, shape, classes), 'output');
    for (const [name, row] of Object.entries(next)) builder.output(row, `next.${name}`);
    return builder.finish();
  },
  cost(shape, parameters) {
    const own = shapeOfClass(shape, headGroups(shape, parameters).routed);
    const near = stepCost(
      shape,
      localClasses(shape, parameters).map(({ heads, now }) => ({
        shape: shapeOfClass(shape, heads),
        lists: now.length > 0 ? [1, now.length] : [1],
      })),
    );
    const routedCost: Cost = ownClusterOnly(shape, parameters)
      ? ownClusterStepCost(own, parameters)
      : balancedStepCost(own, parameters);
    return {
      flops: near.flops + routedCost.flops,
      bytes: near.bytes + routedCost.bytes,
      peakBytes: near.peakBytes + routedCost.peakBytes,
    };
  },
};
