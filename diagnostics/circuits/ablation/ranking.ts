/** All parts of a result, largest change first. */
import type { Part } from '../../shared/effects/parts';
import type { AblationResult } from './result';

export interface Ranked extends Part {
  readonly change: number;
  readonly low: number;
  readonly high: number;
  readonly beyondChance: boolean;
}

type Tables = Pick<
  AblationResult,
  'heads' | 'low' | 'high' | 'mlp' | 'mlpLow' | 'mlpHigh' | 'beyondChance' | 'mlpBeyondChance'
>;

export const isMeasured = (result: Partial<AblationResult>): result is AblationResult => result.heads !== undefined;

/** Parts that are not measured yet are left out. Equal ones stay in the order of the model. */
export function ranked({
  heads,
  low,
  high,
  mlp,
  mlpLow,
  mlpHigh,
  beyondChance,
  mlpBeyondChance,
}: Tables): readonly Ranked[] {
  const nothing = Number.NaN;
  const all: Ranked[] = [
    ...heads.flatMap((row, layer) =>
      row.map((change, head) => ({
        layer,
        head,
        change,
        low: low[layer]?.[head] ?? nothing,
        high: high[layer]?.[head] ?? nothing,
        beyondChance: beyondChance[layer]?.[head] ?? false,
      })),
    ),
    ...mlp.map((change, layer) => ({
      layer,
      change,
      low: mlpLow[layer] ?? nothing,
      high: mlpHigh[layer] ?? nothing,
      beyondChance: mlpBeyondChance[layer] ?? false,
    })),
  ];
  return all
    .filter(({ change }) => !Number.isNaN(change))
    .sort((one, other) => Math.abs(other.change) - Math.abs(one.change));
}
