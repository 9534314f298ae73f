/** Parts of WERSA's graphs that a pass and a step of decoding share: weights, features of rows, the norm of the averages. */
import type { GraphBuilder } from '../../graph/builder';
import { add, divide, gelu, multiply, reciprocal, rectify, softplus } from '../../graph/operators/elementwise';
import { slice } from '../../graph/operators/layout';
import { matmul } from '../../graph/operators/matrix';
import { layerNormalization } from '../../graph/operators/normalize';
import type { Value } from '../../graph/records';
import type { Weight } from '../../mechanism';
import type { AttentionShape, Precision } from '../../shape';
import { gateHidden, gateKernel, gateWidth, type WersaParameters } from './filter';
import { denominatorEpsilon, normEpsilon, projection } from './reference';

export function weightsOf(shape: AttentionShape, { levels, gate }: WersaParameters): readonly Weight[] {
  const [width, hidden] = [gateWidth(shape), gateHidden(shape)];
  const normal = (name: string, dims: readonly number[], from: number): Weight => ({
    name,
    shape: dims,
    initial: { kind: 'normal', deviation: from ** -0.5 },
  });
  const constant = (name: string, count: number, value: number): Weight => ({
    name,
    shape: [count],
    initial: { kind: 'constant', value },
  });
  return [
    ...(gate === 'local'
      ? [normal('gate.kernel', [width, 1, gateKernel], gateKernel), constant('gate.kernel.offset', width, 0)]
      : []),
    ...(gate === 'off'
      ? []
      : [
          normal('gate.first', [hidden, width], width),
          constant('gate.first.offset', hidden, 0),
          normal('gate.second', [levels + 1, hidden], hidden),
          constant('gate.second.offset', levels + 1, 0),
        ]),
    constant('scales', levels + 1, 0.5),
    constant('bandwidth', 1, 0),
    constant('norm.gain', shape.valueDim, 1),
    constant('norm.offset', shape.valueDim, 0),
  ];
}

export const readWeights = (
  builder: GraphBuilder,
  shape: AttentionShape,
  parameters: WersaParameters,
  precision: Precision,
): Readonly<Record<string, Value>> =>
  Object.fromEntries(
    weightsOf(shape, parameters).map(({ name, shape: dims }) => [name, builder.input(name, precision, dims)]),
  );

/** The scales of the levels times 1 / (beta sqrt r), which rides on them. */
export function scalesOf(weights: Readonly<Record<string, Value>>, { features }: WersaParameters): Value {
  const beta = add(softplus(weights['bandwidth']!), 0.1);
  return multiply(weights['scales']!, multiply(reciprocal(beta), 1 / Math.sqrt(features)));
}

/** phi of rows [b, h, rows, d] whose activated numbers go through `filter`: [b, h, rows, r]. */
export function featureRows(
  x: Value,
  of: 'query' | 'key',
  { headDim }: AttentionShape,
  parameters: WersaParameters,
  filter: (active: Value) => Value,
): Value {
  const { data } = projection(of, headDim, parameters);
  const matrix = x.graph.constant(x.type, [headDim, parameters.features], data);
  return rectify(matmul(filter(gelu(x, 'none')), matrix));
}

/** The layer norm of numerators by denominators: [b, h, n, dv + 1] to [b, h, n, dv]. */
export function normedAverages(sums: Value, valueDim: number, weights: Readonly<Record<string, Value>>): Value {
  const averages = divide(slice(sums, 3, 0, valueDim), add(slice(sums, 3, valueDim), denominatorEpsilon));
  return layerNormalization(averages, weights['norm.gain']!, weights['norm.offset'], normEpsilon);
}
