/** Heads and MLPs of a result, largest estimate first. */
import type { Part } from '../../shared/effects/parts';
import type { AttributionResult, Effects } from './result';

export interface Ranked extends Part {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** NaN where it was not patched. */
  readonly exact: number;
}

export const isEstimated = (result: Partial<AttributionResult>): result is AttributionResult =>
  result.heads !== undefined;

/** Equal ones stay in the order of the model. */
export function ranked({ heads, mlps }: Pick<AttributionResult, 'heads' | 'mlps'>): readonly Ranked[] {
  const rows = (of: Effects, part: (layer: number, slot: number) => Part): Ranked[] =>
    of.estimate.flatMap((row, layer) =>
      row.map((estimate, slot) => ({
        ...part(layer, slot),
        estimate,
        low: of.low[layer]?.[slot] ?? Number.NaN,
        high: of.high[layer]?.[slot] ?? Number.NaN,
        exact: of.exact[layer]?.[slot] ?? Number.NaN,
      })),
    );
  return [...rows(heads, (layer, head) => ({ layer, head })), ...rows(mlps, (layer) => ({ layer }))].sort(
    (one, other) => Math.abs(other.estimate) - Math.abs(one.estimate),
  );
}
