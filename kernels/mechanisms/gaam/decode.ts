/**
 * Decoding of the causal gate: mean and sum of squared distances of each feature over the positions so far, brought up to date
 * by the new value (Welford), so that no square of a large number is taken. The count is the length.
 */
import { stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { add, multiply, subtract } from '../../graph/operators/elementwise';
import { reshape, unsqueeze } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import type { Decoding } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { zeros } from '../../tensors/tensor';
import { epsilon, rootEpsilon, type GaamParameters } from './definition';
import { besideValues, gated, weightInputs } from './graph';

/** Shape of a state: one number for each channel of the values of a key/value head, [b, hkv, 1, dv]. */
const stateShape = ({ batch, kvHeads, valueDim }: AttentionShape): readonly number[] => [batch, kvHeads, 1, valueDim];

export const gaamDecoding: Decoding<GaamParameters> = {
  states: (shape) => ['mean', 'squares'].map((name) => ({ name, shape: stateShape(shape) })),
  stateAfter({ value }, shape) {
    const { batch, kvHeads, keys, valueDim } = shape;
    const [mean, squares] = [zeros(stateShape(shape)), zeros(stateShape(shape))];
    const each = (visit: (at: number, x: number) => void) => {
      for (let row = 0; row < batch * kvHeads * keys; row++) {
        for (let x = 0; x < valueDim; x++) {
          visit(Math.floor(row / keys) * valueDim + x, value.data[row * valueDim + x]!);
        }
      }
    };
    each((at, x) => (mean.data[at]! += x / keys));
    each((at, x) => (squares.data[at]! += (x - mean.data[at]!) ** 2));
    return { mean, squares };
  },
  build(shape, parameters, precision) {
    const builder = new GraphBuilder('gaam step');
    const { batch, heads, keys, valueDim } = shape;
    const { value } = stepInputs(builder, shape, precision);
    const state = (name: string) => builder.input(name, precision, stateShape(shape));
    const [before, squares] = [state('mean'), state('squares')];
    const [offset, variance] = weightInputs(builder, shape, parameters, precision).map((weight) =>
      besideValues(weight, shape),
    );
    const distance = subtract(value, before);
    const mean = add(before, multiply(distance, 1 / keys));
    const centred = subtract(value, mean);
    const next = add(squares, multiply(distance, centred));
    const spread = add(multiply(next, 1 / keys), epsilon + rootEpsilon);
    const apart = (x: Value) => unsqueeze(x, 2); // [b, hkv, 1, 1, dv]
    const output = gated(apart(value), subtract(apart(centred), offset!), apart(spread), variance!);
    builder.output(reshape(output, [batch, heads, 1, valueDim]), 'output');
    builder.output(mean, 'next.mean');
    builder.output(next, 'next.squares');
    return builder.finish();
  },
  /** 9 operations on each feature of a key/value head, 9 on each of a head; two numbers read and one written by each. */
  cost({ batch, heads, kvHeads, valueDim }) {
    const [own, all] = [batch * kvHeads * valueDim, batch * heads * valueDim];
    return { flops: 9 * own + 9 * all, bytes: 4 * (22 * own + 21 * all), peakBytes: 4 * (6 * own + 4 * all) };
  },
};
