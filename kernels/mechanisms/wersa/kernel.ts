/** The parts of WERSA's graph. */
import { add, multiply, rectify, sigmoid, subtract } from '../../graph/operators/elementwise';
import { depthwiseConvolution } from '../../graph/operators/convolution';
import { concat, gather, pad, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { matmul } from '../../graph/operators/matrix';
import { reduceMean } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { AttentionShape } from '../../shape';
import { gateKernel, gateWidth, levelsOf, paddedLength, type WersaParameters } from './filter';

/** [b, D, rows] of the joined heads, query heads of one key head as their mean. */
export function gateSourceOf(x: Value, shape: AttentionShape): Value {
  const [batch, heads, rows, width] = x.shape as readonly [number, number, number, number];
  const group = heads / shape.kvHeads;
  const means =
    group === 1
      ? x
      : reshape(reduceMean(reshape(x, [batch, shape.kvHeads, group, rows, width]), [2]), [
          batch,
          shape.kvHeads,
          rows,
          width,
        ]);
  return reshape(transpose(means, [0, 1, 3, 2]), [batch, gateWidth(shape), rows]);
}

/** G [b, levels + 1, rows] (local) or [b, levels + 1, 1] (global) from x [b, D, rows]. */
export function gateValues(x: Value, weights: Readonly<Record<string, Value>>, parameters: WersaParameters): Value {
  const rows = Number(x.shape[2]);
  const of = (name: string): Value => weights[name]!;
  let pooled: Value;
  if (parameters.gate === 'global') {
    pooled = reduceMean(x, [2]);
  } else {
    // One-sided: moved half a kernel to the right, so that the kernel ends at the own position.
    const moved = pad(x, 2, parameters.filter === 'one-sided' ? (gateKernel - 1) / 2 : 0, 0);
    pooled = slice(depthwiseConvolution(moved, of('gate.kernel'), of('gate.kernel.offset')), 2, 0, rows);
  }
  return gatesFrom(pooled, weights);
}

/** sigmoid(W2 relu(W1 x + b1) + b2) of every column, [b, D, rows] to [b, levels + 1, rows]. */
export function gatesFrom(pooled: Value, weights: Readonly<Record<string, Value>>): Value {
  const of = (name: string): Value => weights[name]!;
  const column = (x: Value): Value => unsqueeze(x, 1);
  const hidden = rectify(add(matmul(of('gate.first'), pooled), column(of('gate.first.offset'))));
  return sigmoid(add(matmul(of('gate.second'), hidden), column(of('gate.second.offset'))));
}

/** Gains of one level, [b, 1, length, 1] or a scalar: scale times gate, the gate by nearest neighbour. */
function gainOf(
  level: number,
  scales: Value,
  gates: Value | undefined,
  places: readonly number[] | undefined,
  factor: number,
): Value {
  const scale = multiply(slice(scales, 0, level, level + 1), factor);
  if (!gates) return scale;
  const own = slice(gates, 1, level, level + 1);
  const rows =
    places && Number(own.shape[2]) > 1 ? gather(own, own.graph.constant('int64', [places.length], places), 2) : own;
  return multiply(unsqueeze(rows, 3), scale);
}

/**
 * The one-sided filter of x [b, h, rows, d]: level by level the sums of 2^l rows, each from the one before and from what that
 * was 2^(l - 1) positions earlier, which `before` gives. The factors 1 / 2 are one 2^-l in the gains.
 */
export function splitLevels(
  x: Value,
  scales: Value,
  gates: Value | undefined,
  levels: number,
  before: (sums: Value, level: number) => Value,
): Value {
  let rest = x;
  let sum: Value | undefined;
  for (let level = 1; level <= levels; level++) {
    const earlier = before(rest, level);
    const detail = multiply(subtract(rest, earlier), gainOf(level - 1, scales, gates, undefined, 2 ** -level));
    sum = sum ? add(sum, detail) : detail;
    rest = add(rest, earlier);
  }
  const smooth = multiply(rest, gainOf(levels, scales, gates, undefined, 2 ** -levels));
  return sum ? add(sum, smooth) : smooth;
}

/**
 * Taken apart, weighted and put together again, x [b, h, rows, d]. Haar's factors 1 / sqrt 2 of both ways are one 2^-l in the
 * gains, and zeros are put up to a multiple of 2^L only: beyond it, up to N, all coefficients are zero.
 */
export function filterRows(x: Value, scales: Value, gates: Value | undefined, parameters: WersaParameters): Value {
  const [batch, heads, rows, width] = x.shape as readonly [number, number, number, number];
  const levels = levelsOf(rows, parameters);
  if (parameters.filter === 'one-sided') {
    return splitLevels(x, scales, gates, levels, (sums, level) => {
      const back = Math.min(2 ** (level - 1), rows);
      return pad(slice(sums, 2, 0, rows - back), 2, back, 0);
    });
  }
  const places = (length: number, level: number): readonly number[] => {
    const whole = paddedLength(rows) / 2 ** level;
    // Coefficients that hold padding alone are zero: any gate does for them.
    return Array.from({ length }, (_, t) => Math.min(rows - 1, Math.floor((t * rows) / whole)));
  };
  const unit = 2 ** levels;
  let rest = pad(x, 2, 0, Math.ceil(rows / unit) * unit - rows);
  const details: Value[] = [];
  for (let level = 1; level <= levels; level++) {
    const length = Number(rest.shape[2]) / 2;
    const pairs = reshape(rest, [batch, heads, length, 2 * width]);
    const [even, odd] = [slice(pairs, 3, 0, width), slice(pairs, 3, width)];
    details.push(multiply(subtract(even, odd), gainOf(level - 1, scales, gates, places(length, level), 2 ** -level)));
    rest = add(even, odd);
  }
  rest = multiply(rest, gainOf(levels, scales, gates, places(Number(rest.shape[2]), levels), 2 ** -levels));
  for (const detail of details.reverse()) {
    const length = Number(rest.shape[2]);
    rest = reshape(concat([add(rest, detail), subtract(rest, detail)], 3), [batch, heads, 2 * length, width]);
  }
  return slice(rest, 2, 0, rows);
}
