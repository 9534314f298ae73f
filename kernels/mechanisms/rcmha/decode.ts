/** Decoding: convolved keys and values of all positions, and the last K - 1 rows that went into each convolution. */
import { stepCost } from '../../cost/step';
import { stepInputs } from '../../graph/attention-graph';
import { attendLists } from '../../graph/attention-step';
import { GraphBuilder } from '../../graph/builder';
import { add, multiply } from '../../graph/operators/elementwise';
import { concat, gatherRange, reshape, slice, transpose } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import { reduceSum } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Decoding } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { lastPositions } from '../titans/persistent';
import { convolvedInputs, convolvedTensors, type Convolved, type RcmhaParameters } from './definition';
import { distanceRows, weightInputs, type NamedWeights } from './graph';
import type { StateTensor } from '../../graph/cache-state';

const widthOf = ({ headDim, valueDim }: AttentionShape, name: Convolved): number =>
  name === 'value' ? valueDim : headDim;
const headsOf = ({ heads, kvHeads }: AttentionShape, name: Convolved): number => (name === 'query' ? heads : kvHeads);

function statesOf(shape: AttentionShape, { convolution, kernel }: RcmhaParameters): readonly StateTensor[] {
  const { batch, kvHeads, keys, headDim, valueDim } = shape;
  return [
    { name: 'past.key', shape: [batch, kvHeads, keys - 1, headDim], grows: 2 },
    { name: 'past.value', shape: [batch, kvHeads, keys - 1, valueDim], grows: 2 },
    ...(convolution && kernel > 1
      ? convolvedInputs.map((name) => ({
          name: `before.${name}`,
          shape: [batch, headsOf(shape, name), kernel - 1, widthOf(shape, name)],
        }))
      : []),
  ];
}

/** The convolution at one new position on the K - 1 rows before it; both as a window [b, h, K, width]. */
function convolveStep(window: Value, weights: NamedWeights, name: Convolved): Value {
  const weight = weights[`convolution.${name}.weight`]!;
  const [width, , kernel] = weight.shape.map(Number) as [number, number, number];
  const taps = transpose(reshape(weight, [width, kernel]), [1, 0]);
  return add(reduceSum(multiply(window, taps), [2]), weights[`convolution.${name}.bias`]!);
}

export const rcmhaDecoding: Decoding<RcmhaParameters> = {
  states: statesOf,
  stateAfter(inputs, shape, parameters) {
    const { key, value } = convolvedTensors(inputs, shape, parameters);
    const { convolution, kernel } = parameters;
    return {
      'past.key': key,
      'past.value': value,
      ...(convolution && kernel > 1
        ? Object.fromEntries(convolvedInputs.map((name) => [`before.${name}`, lastPositions(inputs[name], kernel - 1)]))
        : {}),
    };
  },
  build(shape, parameters, precision) {
    const builder = new GraphBuilder('rcmha step');
    const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
    const given = stepInputs(builder, shape, precision);
    const states = Object.fromEntries(
      statesOf(shape, parameters).map(({ name, shape: dims }) => [name, builder.input(name, precision, dims)]),
    );
    const weights = weightInputs(builder, shape, parameters, precision);
    const made = (name: Convolved): Value => {
      if (!parameters.convolution) return given[name];
      const before = states[`before.${name}`];
      const window = before ? concat([before, given[name]], 2) : given[name];
      if (before) builder.output(slice(window, 2, 1), `next.before.${name}`);
      return convolveStep(window, weights, name);
    };
    const [query, key, value] = [made('query'), made('key'), made('value')];
    builder.output(key, 'next.past.key');
    builder.output(value, 'next.past.value');

    const scale = headDim ** -0.5;
    const grouped = (x: Value, width: number) => reshape(x, [batch, kvHeads, heads / kvHeads, width]);
    const cached = { keys: states['past.key']!, values: states['past.value']! };
    const own = { keys: key, values: value };
    if (!parameters.relative) {
      const output = attendLists(grouped(query, headDim), [cached, own], scale);
      builder.output(reshape(output, [batch, heads, 1, valueDim]), 'output');
      return builder.finish();
    }
    const table = distanceRows(weights['position.key']!, keys, parameters);
    const beta = reshape(distanceRows(weights['position.bias']!, keys, parameters), [heads, 1, keys]);
    const terms = fusedMatmul(query, table, { transposeB: true, scale });
    const bias = grouped(add(terms, multiply(beta, scale)), keys);
    const shifted = add(query, reshape(weights['query.bias']!, [heads, 1, headDim]));
    const output = attendLists(
      grouped(shifted, headDim),
      [
        { ...cached, bias: gatherRange(bias, 3, 0, keys - 1) },
        { ...own, bias: gatherRange(bias, 3, keys - 1, keys) },
      ],
      scale,
    );
    builder.output(reshape(output, [batch, heads, 1, valueDim]), 'output');
    return builder.finish();
  },
  /** Beside the lists: rows of E copied and multiplied, and the scores of the distances in five passes. */
  cost(shape, { relative }) {
    const lists = stepCost(shape, [{ shape, lists: [shape.keys - 1, 1] }]);
    if (!relative) return lists;
    const { batch, heads, keys, headDim } = shape;
    const rows = 4 * heads * keys * headDim;
    const scores = 4 * batch * heads * keys;
    return {
      flops: lists.flops + batch * heads * keys * (2 * headDim + 3),
      bytes: lists.bytes + 3 * rows + 10 * scores,
      peakBytes: lists.peakBytes + rows + 2 * scores,
    };
  },
};
