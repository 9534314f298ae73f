/**
 * The wkv of RWKV-4 (arXiv:2305.13048, equation 16): for each channel a mean of the values of all positions so far with weights
 * exp(k_j - (t - 1 - j) w) of earlier ones and exp(u + k_t) of its own, w = exp(time_decay) and u = time_first. Its effective attention are
 * these weights over their sum: they are at least 0, and those of a query sum to 1 for each channel; shown by blocks of channels, the
 * mean of each (`channels.ts`). The gate r, which multiplies the output, is not in it.
 *
 * Computed by a Scan over positions, as the published code does: numerator and denominator are kept as multiples of exp of the largest
 * exponent so far, so that none overflows.
 */
import { scan } from '../../../kernels/graph/operators/control';
import {
  add,
  divide,
  exponential,
  greater,
  maximum,
  multiply,
  sigmoid,
  subtract,
  where,
} from '../../../kernels/graph/operators/elementwise';
import { concat, reshape, slice, transpose, unsqueeze } from '../../../kernels/graph/operators/layout';
import type { Value } from '../../../kernels/graph/records';
import { linear } from '../layers';
import type { WkvSpec } from '../state-spec';
import { weight } from '../stored-weights';
import { meansOf } from './channels';
import { applied, ownPositions, repeated, widened, type Effective, type Recurrence } from './effective';
import { networkState } from './names';
import type { StateInput, StateMixer } from './state-mixer';

/** Exponent of a sum without terms: exp of it is 0 beside any other. */
const none = -1e38;

/** k and v [b, n, D], decay (-w) and first (u) [D]. */
export interface Wkv {
  readonly key: Value;
  readonly values: Value;
  readonly decay: Value;
  readonly first: Value;
}

export interface WkvState {
  /** [b, D] each; all 0 in front of a text. */
  readonly numerator: Value;
  readonly denominator: Value;
  readonly largest: Value;
}

/** The output [b, n, D] and the state; largest exponents behind each position, and those and the sum of weights of its output. */
export function wkv({ key, values, decay, first }: Wkv, past: WkvState) {
  const byPosition = (x: Value): Value => transpose(x, [1, 0, 2]);
  const { denominator } = past;
  const start = where(greater(denominator, 0), past.largest, none);
  const { states, outputs } = scan(
    [past.numerator, denominator, start],
    [byPosition(key), byPosition(add(key, first)), byPosition(values)],
    ([above, below, most], [k, own, v]) => {
      const shown = maximum(most!, own!);
      const [past, now] = [exponential(subtract(most!, shown)), exponential(subtract(own!, shown))];
      const sum = add(multiply(past, below!), now);
      const decayed = add(most!, decay);
      const next = maximum(decayed, k!);
      const [kept, taken] = [exponential(subtract(decayed, next)), exponential(subtract(k!, next))];
      return {
        states: [add(multiply(kept, above!), multiply(taken, v!)), add(multiply(kept, below!), taken), next],
        outputs: [divide(add(multiply(past, above!), multiply(now, v!)), sum), next, shown, sum],
      };
    },
  );
  const [output, largest, shown, sum] = outputs.map((each) => transpose(each, [1, 0, 2])) as [
    Value,
    Value,
    Value,
    Value,
  ];
  return {
    output,
    state: { numerator: states[0]!, denominator: states[1]!, largest: states[2]! },
    exponents: { before: before(largest, start), behind: largest, shown, sum },
  };
}

/** From x [b, n, ..] after each position, x before each position, with `first` [b, ..] for the first one. */
export function before(x: Value, first: Value): Value {
  const all = concat([unsqueeze(first, 1), x], 1);
  return withoutLast(all, x);
}

/** x [b, n + 1, ..] without its last position, in the shape of `like` [b, n, ..]. */
function withoutLast(x: Value, like: Value): Value {
  const { graph } = x;
  const ends = [0, -1, 1].map((at) => graph.constant('int64', [1], [at]));
  const shape = x.shape.map((dim, axis) => (axis === 1 ? (like.shape[1] ?? 1) : dim));
  return graph.node('Slice', [x, ...ends], [{ type: x.type, shape }])[0];
}

/** The effective attention of channels from one on, by channel, [b, d, n, past + n]. */
function effectiveOfBlock(
  { key, decay, first }: Wkv,
  exponents: ReturnType<typeof wkv>['exponents'],
  reads: Value,
  from: number,
  headDim: number,
): Effective {
  const own = (x: Value): Value => slice(x, -1, from, from + headDim);
  const [k, most, behind, shown, sum] = [key, exponents.before, exponents.behind, exponents.shown, exponents.sum].map(
    own,
  ) as [Value, Value, Value, Value, Value];
  const one = add(multiply(slice(k, 2, 0, 1), 0), 1);
  const taken: Recurrence = {
    query: one,
    key: one,
    options: {
      rule: 'gated',
      queryHeads: 1,
      heads: headDim,
      decay: subtract(add(most, own(decay)), behind),
    },
    factor: exponential(subtract(k, behind)),
  };
  const past = slice(reads, 1, from, from + headDim);
  const wide = widened(k, past);
  const positions = unsqueeze(ownPositions(k, past), 1);
  const { output, state } = applied(taken, repeated(positions, k, headDim), wide);
  // The output reads the state in front of its position.
  const held = withoutLast(
    concat([unsqueeze(reshape(wide, [...wide.shape.slice(0, 2), wide.shape[3] ?? 1]), 1), output], 1),
    output,
  );
  const weights = add(
    multiply(held, unsqueeze(exponential(subtract(most, shown)), 3)),
    multiply(positions, unsqueeze(exponential(subtract(add(k, own(first)), shown)), 3)),
  );
  return { matrix: transpose(divide(weights, unsqueeze(sum, 3)), [0, 2, 1, 3]), reads: state };
}

/** The effective attention of h blocks of d channels: matrix [b, h, n, past + n], reads [b, h d, 1, past + n]. */
export const effectiveWkv = (
  given: Wkv,
  exponents: ReturnType<typeof wkv>['exponents'],
  reads: Value,
  heads: number,
  headDim: number,
): Effective =>
  meansOf(
    Array.from({ length: heads }, (_, block) => effectiveOfBlock(given, exponents, reads, block * headDim, headDim)),
  );

/** x_t mu + x_(t-1) (1 - mu): x and what stood in front of each [b, n, w], mu [1, 1, w]. */
export const shifted = (
  { graph, weights }: Pick<StateInput, 'graph' | 'weights'>,
  mix: string,
  x: Value,
  earlier: Value,
): Value => {
  const share = weight(graph, weights, mix, [1, 1, Number(x.shape.at(-1))]);
  return add(multiply(x, share), multiply(earlier, subtract(1, share)));
};

/** The position in front of each of x [b, n, w], of x and the last one of the chunk before [b, w]; and the last one of this chunk. */
export function shift(x: Value, past: Value): { readonly earlier: Value; readonly last: Value } {
  const { graph, type, shape } = x;
  const last = graph.node(
    'Slice',
    [x, ...[-1, Number.MAX_SAFE_INTEGER, 1].map((at) => graph.constant('int64', [1], [at]))],
    [{ type, shape: [shape[0] ?? 1, 1, shape[2] ?? 1] }],
  )[0];
  return { earlier: before(x, past), last: reshape(last, past.shape) };
}

export const rwkv: StateMixer<WkvSpec> = {
  shapes: ({ heads, headDim, key }) => ({
    shift: [key.inputs],
    numerator: [heads * headDim],
    denominator: [heads * headDim],
    largest: [heads * headDim],
    [networkState]: [key.inputs],
  }),
  readsShape: ({ heads, headDim }) => [heads * headDim, 1],
  positionsOfState: 1,
  compute(spec, input) {
    const { graph, weights, x, past, reads } = input;
    const { heads, headDim } = spec;
    const channels = heads * headDim;
    const { earlier, last } = shift(x, past['shift']!);
    const mapped = (which: 'key' | 'value' | 'receptance'): Value =>
      linear(graph, weights, spec[which], shifted(input, spec.mix[which], x, earlier));
    const given: Wkv = {
      key: mapped('key'),
      values: mapped('value'),
      decay: multiply(exponential(weight(graph, weights, spec.decay, [channels])), -1),
      first: weight(graph, weights, spec.first, [channels]),
    };
    const { output, state, exponents } = wkv(given, past as unknown as WkvState);
    return {
      heads: reshape(multiply(sigmoid(mapped('receptance')), output), [...x.shape.slice(0, -1), heads, headDim]),
      states: { shift: last, ...state },
      ...(reads ? { effective: effectiveWkv(given, exponents, reads, heads, headDim) } : {}),
    };
  },
};
