/**
 * Decoding of causal bi-level routing: beside keys and values the mean keys of complete regions, the sum of the keys of the own
 * one, and of the queries the mean that routes the own region and the sum of those that will route the next.
 *
 * Letters: i the new position, s positions of a region, r = floor(i / s) its region, p = i mod s.
 */
import { tensorBytes } from '../../cost/attention';
import { stepCost } from '../../cost/step';
import { stepInputs } from '../../graph/attention-graph';
import { attendLists, type KeyList } from '../../graph/attention-step';
import { GraphBuilder } from '../../graph/builder';
import { add, isNaNumber, multiply, where } from '../../graph/operators/elementwise';
import { filled, gather, gatherRange, reshape } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import { reduceSum, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { lowest } from '../../graph/types';
import { integers } from '../../integers';
import type { Decoding } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import { scaleOf, type BiFormerParameters } from './regions';

const placeOf = ({ keys }: AttentionShape, { region, topk }: BiFormerParameters) => {
  const position = keys - 1;
  const own = Math.floor(position / region);
  return { position, own, inside: position % region, chooses: own > topk };
};

/** Sum of the positions [from, to) of [b, h, n, d]: [b, h, 1, d]. */
function sumOf(x: Tensor, from: number, to: number): Tensor {
  const [batch, heads, length, width] = x.shape as readonly [number, number, number, number];
  const sum = zeros([batch, heads, 1, width]);
  for (let head = 0; head < batch * heads; head++) {
    for (let at = from; at < to; at++) {
      for (let c = 0; c < width; c++) sum.data[head * width + c]! += x.data[(head * length + at) * width + c]!;
    }
  }
  return sum;
}

const scaled = (x: Tensor, factor: number): Tensor => ({ ...x, data: x.data.map((number) => number * factor) });

export const biformerDecoding: Decoding<BiFormerParameters> = {
  states(shape, parameters) {
    const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
    const { own, inside } = placeOf(shape, parameters);
    const completes = inside === parameters.region - 1;
    return [
      { name: 'past.key', shape: [batch, kvHeads, keys - 1, headDim], grows: 2 },
      { name: 'past.value', shape: [batch, kvHeads, keys - 1, valueDim], grows: 2 },
      { name: 'mean.key', shape: [batch, kvHeads, own, headDim], ...(completes ? { grows: 2 } : {}) },
      { name: 'own.key.sum', shape: [batch, kvHeads, 1, headDim] },
      { name: 'own.query.mean', shape: [batch, heads, 1, headDim] },
      { name: 'next.query.sum', shape: [batch, heads, 1, headDim] },
    ];
  },
  stateAfter({ query, key, value }, shape, { region }) {
    const { batch, kvHeads, keys, headDim } = shape;
    const complete = Math.floor(keys / region);
    const last = Math.floor((keys - 1) / region) * region;
    const means = zeros([batch, kvHeads, complete, headDim]);
    for (let at = 0; at < complete; at++) {
      const { data } = scaled(sumOf(key, at * region, (at + 1) * region), 1 / region);
      for (let head = 0; head < batch * kvHeads; head++) {
        means.data.set(data.subarray(head * headDim, (head + 1) * headDim), (head * complete + at) * headDim);
      }
    }
    const first = Math.max(0, last - region + 1);
    return {
      'past.key': key,
      'past.value': value,
      'mean.key': means,
      'own.key.sum': sumOf(key, complete * region, keys),
      'own.query.mean': scaled(sumOf(query, first, last + 1), 1 / (last + 1 - first)),
      'next.query.sum': sumOf(query, last + 1, keys),
    };
  },
  build(shape, parameters, precision) {
    const builder = new GraphBuilder('biformer step');
    const { batch, heads, kvHeads, headDim, valueDim } = shape;
    const { region } = parameters;
    const { position, own, inside, chooses } = placeOf(shape, parameters);
    const { query, key, value } = stepInputs(builder, shape, precision);
    const states = new Map(
      biformerDecoding
        .states(shape, parameters)
        .map(({ name, shape: dims }) => [name, builder.input(name, precision, dims)]),
    );
    const state = (name: string): Value => states.get(name)!;
    const nothing = (like: Value): Value => filled(like, like.shape as readonly number[], 0);
    const group = heads / kvHeads;

    const asked = add(state('next.query.sum'), query);
    const routing = inside === 0 ? multiply(asked, 1 / Math.min(region, position + 1)) : state('own.query.mean');
    if (inside === 0) builder.output(routing, 'next.own.query.mean');
    builder.output(inside === 0 ? nothing(asked) : asked, 'next.next.query.sum');
    const keySum = add(state('own.key.sum'), key);
    const completes = inside === region - 1;
    builder.output(completes ? nothing(keySum) : keySum, 'next.own.key.sum');
    if (completes) builder.output(multiply(keySum, 1 / region), 'next.mean.key');
    builder.output(key, 'next.past.key');
    builder.output(value, 'next.past.value');

    const [pastKeys, pastValues] = [state('past.key'), state('past.value')];
    const lists: KeyList[] = [{ keys: key, values: value }];
    if (!chooses) lists.push({ keys: pastKeys, values: pastValues });
    else {
      const part = (x: Value): Value => gatherRange(x, 2, own * region, position);
      if (inside > 0) lists.push({ keys: part(pastKeys), values: part(pastValues) });
      const rows = chosenRows();
      const copy = (x: Value, width: number) => gather(reshape(x, [batch * kvHeads * position, width]), rows);
      lists.push({ keys: copy(pastKeys, headDim), values: copy(pastValues, valueDim) });
    }
    const output = attendLists(reshape(query, [batch, kvHeads, group, headDim]), lists, scaleOf(shape, parameters));
    builder.output(reshape(output, [batch, heads, 1, valueDim]), 'output');
    return builder.finish();

    /** Rows of the chosen regions in [b hkv n, width], int64 [b, hkv, k s]; one choice for all heads. */
    function chosenRows(): Value {
      const products = fusedMatmul(reshape(routing, [batch, kvHeads, group, headDim]), state('mean.key'), {
        transposeB: true,
      });
      const scores = reduceSum(products, [1, 2], false); // [b, r]
      const [, chosen] = topK(where(isNaNumber(scores), lowest(scores), scores), parameters.topk);
      const numbers = (dims: readonly number[], list: readonly number[]) => builder.constant('int64', dims, list);
      const firsts = reshape(multiply(chosen, numbers([], [region])), [batch, parameters.topk, 1]);
      const inHead = reshape(add(firsts, numbers([region], integers(0, region))), [batch, 1, parameters.topk * region]);
      const heads = integers(0, batch * kvHeads).map((head) => head * position);
      return add(inHead, numbers([batch, kvHeads, 1], heads));
    }
  },
  /** The keys read, those of chosen regions and of the own one copied; a score and a mean for each region. */
  cost(shape, parameters) {
    const { batch, heads, kvHeads, headDim } = shape;
    const { position, own, inside, chooses } = placeOf(shape, parameters);
    const chosen = parameters.topk * parameters.region;
    const lists = chooses ? [1, ...(inside > 0 ? [inside] : []), chosen] : [1, position];
    const read = stepCost(shape, [{ shape, lists, copied: chooses ? chosen + inside : 0 }]);
    const means = chooses ? batch * own * headDim : 0;
    return {
      flops: read.flops + 2 * heads * means,
      bytes:
        read.bytes +
        4 * (kvHeads * means + batch * (heads + kvHeads) * 10 * headDim) +
        (chooses ? 32 * batch * kvHeads * chosen : 0),
      peakBytes: read.peakBytes + tensorBytes(shape) + 4 * batch * (kvHeads * (own + 2) + 3 * heads) * headDim,
    };
  },
};
