/**
 * Units of the feed-forward network: a factor on each number of the input of the down projection. Neutral 1. A layer has this for
 * good in a graph of its own, in which that input has a name as well (the tap `mlp_units`).
 */
import { multiply } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import type { Value } from '../../../kernels/graph/records';
import { scale } from './gain';
import { changeKind, never } from './kind';

/** Where several name one unit, their gains multiply. */
export interface UnitsChange {
  readonly kind: 'units';
  readonly layer: number;
  /** Half-open. */
  readonly units: readonly { readonly start: number; readonly end: number }[];
  /** 0 removes the units. */
  readonly gain: number;
}

export const units = changeKind<UnitsChange>()({
  kind: 'units',
  parts: ['units'],
  rare: true,
  tap: 'mlp_units',
  problem({ layer, units: ranges, gain }, { units: count, experts }) {
    if (count === 0)
      return experts === undefined
        ? `Layer ${layer} has no feed-forward network, so it has no units. Name a layer that has one.`
        : `Layer ${layer} has routed experts, whose units are not changed one by one.`;
    const bad = ranges.find(({ start, end }) => !(start >= 0 && start < end && end <= count));
    if (bad) return `There is no unit ${bad.end - 1} in layer ${layer}: it has ${count}, from 0.`;
    return Number.isFinite(gain) ? undefined : `The gain of units of layer ${layer} is ${gain}; give a finite number.`;
  },
  /** [b, u] */
  declare: (graph, { units: count }) => graph.input('unit_gain', 'float32', ['b', count]),
  feeds(changes, { units: count }) {
    const data = new Float32Array(changes.length * count).fill(1);
    changes.forEach((own, v) => {
      for (const { units: ranges, gain } of own) {
        for (const { start, end } of ranges)
          for (let unit = start; unit < end; unit++) scale(data, v * count + unit, gain);
      }
    });
    return { unit_gain: { data, shape: [changes.length, count] } };
  },
  steps: never,
});

/** The input of the down projection times its gain, [b, n, u]. */
export const gainedUnits = (gain: Value, inner: Value, name?: string): Value =>
  multiply(inner, reshape(gain, ['b', 1, gain.shape[1] ?? 1]), name);
