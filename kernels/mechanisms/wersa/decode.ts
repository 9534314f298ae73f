/**
 * Decoding of the one-sided filter: the averages of every level go on from position to position, so that nothing that the
 * filter of a query or key reads is computed again.
 */
import { stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { add, multiply } from '../../graph/operators/elementwise';
import { concat, filled, gatherRange, reshape } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceSum } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { integers } from '../../integers';
import type { Decoding } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import { gateHidden, gateKernel, gateSource, gateWidth, gaussianUnit, type WersaParameters } from './filter';
import { gatesFrom, splitLevels } from './kernel';
import { featuresOf } from './reference';
import { featureRows, normedAverages, readWeights, scalesOf } from './rows';
import type { AttentionInputs } from '../../tensors/tensor';
import type { StateTensor } from '../../graph/cache-state';

/** Positions before the own one that a one-sided local gate sees. */
const gateBefore = gateKernel - 1;

const levelName = (of: 'query' | 'key', level: number): string => `${of}.level.${level}`;

/** Levels 0 .. L - 1 of `of`: the sums of the last 2^l activated rows at each of the last 2^l positions. */
const levelStates = (
  of: 'query' | 'key',
  { batch, heads, kvHeads, headDim }: AttentionShape,
  { levels }: WersaParameters,
): readonly StateTensor[] =>
  integers(0, levels).map((level) => ({
    name: levelName(of, level),
    shape: [batch, of === 'query' ? heads : kvHeads, 2 ** level, headDim],
    grows: 2,
    forgets: { from: 0, to: 1 },
  }));

const statesOf = (shape: AttentionShape, parameters: WersaParameters): readonly StateTensor[] => [
  { name: 'sums', shape: [shape.batch, shape.kvHeads, parameters.features, shape.valueDim + 1] },
  ...levelStates('query', shape, parameters),
  ...levelStates('key', shape, parameters),
  ...(parameters.gate === 'local'
    ? [
        {
          name: 'gate.source',
          shape: [shape.batch, gateWidth(shape), gateBefore],
          grows: 2,
          forgets: { from: 0, to: 1 },
        },
      ]
    : []),
];

/** The last 2^l positions of the sums of 2^l activated rows, zeros before the first position; one tensor for each level. */
function levelsAfter(x: Tensor, levels: number): readonly Tensor[] {
  const [batch, heads, rows, width] = x.shape as readonly [number, number, number, number];
  const states = integers(0, levels).map((level) => zeros([batch, heads, 2 ** level, width]));
  for (let head = 0; head < batch * heads; head++) {
    for (let c = 0; c < width; c++) {
      let sums = Float64Array.from({ length: rows }, (_, t) => gaussianUnit(x.data[(head * rows + t) * width + c]!));
      states.forEach(({ data }, level) => {
        const kept = 2 ** level;
        for (let t = Math.max(0, rows - kept); t < rows; t++) {
          data[(head * kept + t - rows + kept) * width + c] = sums[t]!;
        }
        sums = sums.map((each, t) => each + (sums[t - kept] ?? 0));
      });
    }
  }
  return states;
}

/** S with z in its last column, [b, hkv, r, dv + 1]. */
function sumsAfter(inputs: AttentionInputs, shape: AttentionShape, parameters: WersaParameters): Tensor {
  const { batch, kvHeads, keys, valueDim } = shape;
  const { features: count } = parameters;
  const features = featuresOf(inputs, shape, parameters).key.data;
  const sums = zeros([batch, kvHeads, count, valueDim + 1]);
  for (let row = 0; row < batch * kvHeads * keys; row++) {
    const head = Math.floor(row / keys);
    for (let f = 0; f < count; f++) {
      const [feature, to] = [features[row * count + f]!, (head * count + f) * (valueDim + 1)];
      for (let y = 0; y < valueDim; y++) sums.data[to + y]! += feature * inputs.value.data[row * valueDim + y]!;
      sums.data[to + valueDim]! += feature;
    }
  }
  return sums;
}

/** The joined key heads of the last 32 positions, [b, D, 32], zeros before the first. */
function sourceAfter({ key }: AttentionInputs, shape: AttentionShape): Tensor {
  const width = gateWidth(shape);
  const source = zeros([shape.batch, width, gateBefore]);
  for (let b = 0; b < shape.batch; b++) {
    const joined = gateSource(key, b, shape.kvHeads);
    for (let back = 1; back <= Math.min(gateBefore, shape.keys); back++) {
      for (let c = 0; c < width; c++) {
        source.data[(b * width + c + 1) * gateBefore - back] = joined.data[(shape.keys - back) * width + c]!;
      }
    }
  }
  return source;
}

export const wersaDecoding: Decoding<WersaParameters> = {
  states: statesOf,
  stateAfter(inputs, shape, parameters) {
    const { levels, gate } = parameters;
    return Object.fromEntries([
      ['sums', sumsAfter(inputs, shape, parameters)],
      ...(['query', 'key'] as const).flatMap((of) =>
        levelsAfter(inputs[of], levels).map((state, level) => [levelName(of, level), state] as const),
      ),
      ...(gate === 'local' ? [['gate.source', sourceAfter(inputs, shape)] as const] : []),
    ]);
  },
  build(shape, parameters, precision) {
    const builder = new GraphBuilder('wersa step');
    const { batch, heads, kvHeads, valueDim } = shape;
    const { query, key, value } = stepInputs(builder, shape, precision);
    const states = Object.fromEntries(
      statesOf(shape, parameters).map(({ name, shape: dims }) => [name, builder.input(name, precision, dims)]),
    );
    const weights = readWeights(builder, shape, parameters, precision);
    const scales = scalesOf(weights, parameters);
    const gates = gateOf();
    const rows = (x: Value, of: 'query' | 'key'): Value => {
      // Each level adds what it was 2^(l - 1) positions ago, the first row that it keeps.
      const before = (sums: Value, level: number): Value => {
        const name = levelName(of, level - 1);
        builder.output(sums, `next.${name}`);
        return gatherRange(states[name]!, 2, 0, 1);
      };
      return featureRows(x, of, shape, parameters, (active) =>
        splitLevels(active, scales, gates, parameters.levels, before),
      );
    };
    const widened = concat([value, filled(value, [batch, kvHeads, 1, 1], 1)], 3);
    const next = add(states['sums']!, fusedMatmul(rows(key, 'key'), widened, { transposeA: true }));
    const queries = reshape(rows(query, 'query'), [batch, kvHeads, heads / kvHeads, parameters.features]);
    const sums = reshape(matmul(queries, next), [batch, heads, 1, valueDim + 1]);
    builder.output(normedAverages(sums, valueDim, weights), 'output');
    builder.output(next, 'next.sums');
    return builder.finish();

    function gateOf(): Value | undefined {
      // A global gate is refused for causal attention.
      if (parameters.gate !== 'local') return undefined;
      const width = gateWidth(shape);
      const source = reshape(key, [batch, width, 1]);
      builder.output(source, 'next.gate.source');
      const window = concat([states['gate.source']!, source], 2);
      const kernel = reshape(weights['gate.kernel']!, [width, gateKernel]);
      const sum = reduceSum(multiply(window, kernel), [2]);
      return gatesFrom(add(sum, reshape(weights['gate.kernel.offset']!, [width, 1])), weights);
    }
  },
  /**
   * Letters as in cost/attention.ts, r features, D the joined key heads. flops: features of the new query and key
   * 2 b (h + hkv) d r, their sums into the state and out of it b r (e + 1) (3 hkv + 2 h), levels 6 L b (h + hkv) d, the gate
   * b (66 D + 2 D D / 4 + 2 (L + 1) D / 4). bytes: the state seven times as for linear attention, the projections and the
   * weights of the gate once, the window of the gate five times, ten passes over the rows of a level. peak: states, the new
   * sums and their sum.
   */
  cost(shape, parameters) {
    const { batch, heads, kvHeads, headDim: d, valueDim: e } = shape;
    const { features: r, levels, gate } = parameters;
    const cells = batch * r * (e + 1);
    const rows = batch * (heads + kvHeads);
    const [width, hidden] = [gateWidth(shape), gateHidden(shape)];
    const local = gate === 'local' ? 1 : 0;
    const states = statesOf(shape, parameters).reduce(
      (sum, { shape: dims }) => sum + dims.reduce((a, b) => a * b, 1),
      0,
    );
    return {
      flops:
        rows * d * (2 * r + 6 * levels + 8) +
        cells * (3 * kvHeads + 2 * heads) +
        rows * r +
        local * batch * (2 * gateKernel * width + 2 * hidden * (width + levels + 1)) +
        9 * batch * heads * e,
      bytes:
        4 *
        (7 * cells * kvHeads +
          2 * d * r +
          rows * (3 * r + d * (10 * levels + 4)) +
          local * (width * hidden + (4 * batch + 2) * gateKernel * width)),
      peakBytes: 4 * (states + 2 * cells * kvHeads + rows * (d + r) + local * batch * gateKernel * width),
    };
  },
};
