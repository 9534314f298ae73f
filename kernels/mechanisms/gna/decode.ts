/** Decoding on a grid: of the cache of all positions, the neighbourhood of the new one is copied and nothing else. */
import { tensorBytes } from '../../cost/attention';
import { stepCost } from '../../cost/step';
import { stepInputs } from '../../graph/attention-graph';
import { attendLists, type KeyList } from '../../graph/attention-step';
import { GraphBuilder } from '../../graph/builder';
import { gather, reshape } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import { integers } from '../../integers';
import type { Decoding, ParameterValues } from '../../mechanism';
import type { AttentionShape } from '../../shape';

interface Neighbourhood<P> {
  /** Whether a query reads a key, of a shape with one query on a cache. */
  readonly readsOf: (shape: AttentionShape, parameters: P) => (head: number, query: number, key: number) => boolean;
  /** Whether a grid holds so many positions. */
  readonly hasGrid: (length: number, parameters: P) => boolean;
}

export function neighbourhoodDecoding<P extends ParameterValues>({ readsOf, hasGrid }: Neighbourhood<P>): Decoding<P> {
  const neighbours = (shape: AttentionShape, parameters: P): readonly number[] => {
    const reads = readsOf(shape, parameters);
    return integers(0, shape.keys - 1).filter((key) => reads(0, 0, key));
  };
  const decoding: Decoding<P> = {
    states: ({ batch, kvHeads, keys, headDim, valueDim }) => [
      { name: 'past.key', shape: [batch, kvHeads, keys - 1, headDim], grows: 2 },
      { name: 'past.value', shape: [batch, kvHeads, keys - 1, valueDim], grows: 2 },
    ],
    stateAfter: ({ key, value }) => ({ 'past.key': key, 'past.value': value }),
    build(shape, parameters, precision) {
      const builder = new GraphBuilder('gna step');
      const { batch, heads, kvHeads, headDim, valueDim } = shape;
      const { query, key, value } = stepInputs(builder, shape, precision);
      const [pastKeys, pastValues] = decoding
        .states(shape, parameters)
        .map(({ name, shape: dims }) => builder.input(name, precision, dims)) as [Value, Value];
      const list = neighbours(shape, parameters);
      const index = builder.constant('int64', [list.length], list);
      const lists: KeyList[] = [{ keys: key, values: value }];
      if (list.length > 0) lists.push({ keys: gather(pastKeys, index, 2), values: gather(pastValues, index, 2) });
      const rows = reshape(query, [batch, kvHeads, heads / kvHeads, headDim]);
      const output = attendLists(rows, lists, headDim ** -0.5);
      builder.output(reshape(output, [batch, heads, 1, valueDim]), 'output');
      builder.output(key, 'next.past.key');
      builder.output(value, 'next.past.value');
      return builder.finish();
    },
    cost(shape, parameters) {
      const { length } = neighbours(shape, parameters);
      const read = stepCost(shape, [{ shape, lists: length > 0 ? [1, length] : [1], copied: length }]);
      return { ...read, peakBytes: read.peakBytes + tensorBytes(shape) };
    },
    /** The step that completes the longest grid within `length`: its cells before the last one are the cache. */
    typical(length, parameters) {
      const grid = integers(2, length + 1).findLast((keys) => hasGrid(keys, parameters));
      return grid === undefined ? length : grid - 1;
    },
  };
  return decoding;
}
