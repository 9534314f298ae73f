/**
 * Decoding of the Routing Transformer: normalised keys, values and the cluster of every position are kept, so that a new position
 * is compared with the centroids alone and copies the last members of its own cluster.
 */
import { pairFlops, tensorBytes } from '../../cost/attention';
import { stepInputs } from '../../graph/attention-graph';
import { attendLists, type KeyList } from '../../graph/attention-step';
import { GraphBuilder } from '../../graph/builder';
import { add, cast, equal, multiply, where } from '../../graph/operators/elementwise';
import { gather, reshape } from '../../graph/operators/layout';
import { argMax, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { lowest } from '../../graph/types';
import { integers } from '../../integers';
import type { Decoding } from '../../mechanism';
import { sequenceInputs } from '../../reference/batches';
import type { AttentionShape } from '../../shape';
import { tensor } from '../../tensors/tensor';
import type { RoutingParameters } from './clusters';
import { normalisedTensor, ownClusters } from './definition';
import { firstRows, indices, normal, scoresOf } from './kernel';

/** Members of the own cluster that are copied: the new position is read besides. */
const copiedMembers = ({ keys }: AttentionShape, { window }: RoutingParameters): number =>
  Math.min(window - 1, keys - 1);

export const routingDecoding: Decoding<RoutingParameters> = {
  states: ({ batch, heads, kvHeads, keys, headDim, valueDim }) => [
    { name: 'past.key', shape: [batch, kvHeads, keys - 1, headDim], grows: 2 },
    { name: 'past.value', shape: [batch, kvHeads, keys - 1, valueDim], grows: 2 },
    { name: 'cluster', shape: [batch, heads, keys - 1], grows: 2 },
  ],
  stateAfter(inputs, shape) {
    const { batch, heads, kvHeads, keys, headDim } = shape;
    const sequences = integers(0, batch).map((b) => sequenceInputs(inputs, b));
    const clusters = sequences.flatMap((part) => integers(0, heads).flatMap((head) => ownClusters(part, shape, head)));
    const rows = sequences.flatMap((part) => [...normalisedTensor(part.key).data]);
    return {
      'past.key': tensor([batch, kvHeads, keys, headDim], Float64Array.from(rows)),
      'past.value': inputs.value,
      cluster: tensor([batch, heads, keys], Float64Array.from(clusters)),
    };
  },
  build(shape, parameters, precision) {
    const builder = new GraphBuilder('routing-transformer step');
    const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
    const past = keys - 1;
    const { key, value } = stepInputs(builder, shape, precision);
    const [pastKeys, pastValues, pastClusters] = routingDecoding
      .states(shape, parameters)
      .map(({ name, shape: dims }) => builder.input(name, precision, dims));
    const centroids = builder.input('centroids', precision, [heads, parameters.clusters, headDim]);
    const row = normal(key);
    const own = cast(argMax(scoresOf(row, centroids, shape), 2), precision); // [b, h, 1]
    const ofHeads = (x: Value) =>
      gather(
        x,
        indices(x, [heads], (head) => Math.floor(head / (heads / kvHeads))),
        1,
      );
    const query = ofHeads(row);
    const lists: KeyList[] = [{ keys: query, values: ofHeads(value) }];
    const members = copiedMembers(shape, parameters);
    if (members > 0) {
      const none = builder.constant('int64', [], [-1]);
      const places = where(
        equal(pastClusters!, own),
        indices(row, [past], (at) => at),
        none,
      );
      const [latest, positions] = topK(places, members, 2); // the last members; after them whatever is none
      const rows = add(reshape(positions, [batch * heads, members]), firstRows(row, shape, kvHeads, past));
      const copy = (x: Value, width: number) =>
        reshape(gather(reshape(x, [batch * kvHeads * past, width]), rows), [batch, heads, members, width]);
      const bias = multiply(cast(equal(latest, none), precision), lowest(row));
      lists.push({
        keys: copy(pastKeys!, headDim),
        values: copy(pastValues!, valueDim),
        bias: reshape(bias, [batch, heads, 1, members]),
      });
    }
    builder.output(attendLists(query, lists, headDim ** -0.5), 'output');
    builder.output(row, 'next.past.key');
    builder.output(value, 'next.past.value');
    builder.output(own, 'next.cluster');
    return builder.finish();
  },
  /**
   * flops = b h (members (2 d + 2 e + 5) + 2 C d) and the sort of the positions; bytes = b h (12 (d + e) for each member, 37 for
   * each position whose cluster is compared: 4 + 1 for that, 1 + 16 to place it, 8 to sort), and the centroids.
   */
  cost(shape, parameters) {
    const { batch, heads, keys, headDim, valueDim } = shape;
    const members = copiedMembers(shape, parameters);
    const perHead = batch * heads;
    const centroids = heads * parameters.clusters * headDim;
    return {
      flops: pairFlops(shape, members + 1) + 2 * batch * centroids + 2 * perHead * keys,
      bytes:
        perHead * (12 * members * (headDim + valueDim) + 64 * members + 30 * keys + 24 * (headDim + valueDim)) +
        4 * centroids,
      peakBytes: tensorBytes(shape) + perHead * (4 * members * (headDim + valueDim) + 20 * keys) + 4 * centroids,
    };
  },
};
