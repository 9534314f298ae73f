/** Two results side by side, head by head: change = this one minus the other. */
import { whyNotCompared } from '../../../protocol/results/comparability';
import { whyOtherShape } from '../../ui/changes';
import type { State } from './state';
import { valueOf, type StatisticName } from './statistics';

export type Differences =
  | {
      readonly ok: true;
      readonly at: (layer: number, head: number) => number;
      /** Largest absolute change, above 0. */
      readonly largest: number;
    }
  | { readonly ok: false; readonly why: string };

export function differencesOf(state: State, name: StatisticName): Differences {
  const { result, compareWith } = state;
  if (!result || !compareWith) return { ok: false, why: 'There is no second result.' };
  const other = compareWith.result;
  const why = whyOtherShape(result, other, compareWith.name) ?? whyNotCompared(result, other, compareWith.name);
  if (why !== undefined) return { ok: false, why };
  const at = (layer: number, head: number): number =>
    valueOf(result.statistics, name, layer, head) - valueOf(other.statistics, name, layer, head);
  let largest = 0;
  for (let layer = 0; layer < result.layers; layer += 1)
    for (let head = 0; head < result.heads; head += 1) {
      const change = Math.abs(at(layer, head));
      if (change > largest) largest = change;
    }
  return { ok: true, at, largest: largest > 0 ? largest : 1 };
}
