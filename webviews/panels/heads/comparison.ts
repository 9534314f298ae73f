/** Two results side by side, head by head: change = this one minus the other. */
import type { HeadsResult } from '../../../protocol/results/heads';
import { differenceWords, type Fact } from '../../ui/changes';
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
  if (result.layers !== other.layers || result.heads !== other.heads) {
    return {
      ok: false,
      why: `This result has ${result.layers} layers of ${result.heads} heads, ${compareWith.name} has ${other.layers} of ${other.heads}: heads can be compared one by one only between models of the same shape.`,
    };
  }
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

/** What besides the numbers differs between the two, as a sentence. */
export function circumstancesOf(here: HeadsResult, there: HeadsResult): string {
  const gains = ({ gains: all }: HeadsResult): string =>
    all.length === 0 ? 'none' : all.map(({ layer, head, gain }) => `L${layer}H${head} x ${gain}`).join(' ');
  const fact = (name: string, of: (result: HeadsResult) => string, long?: true): Fact => ({
    name,
    here: of(here),
    there: of(there),
    ...(long ? { long } : {}),
  });
  return differenceWords(
    [
      fact('model', ({ model }) => model.name),
      fact('weights', ({ model }) => model.hash, true),
      fact('prompt', ({ ids }) => ids.join(), true),
      fact('gains', gains),
      fact('device', ({ device }) => device.name),
      fact('runtime', ({ device }) => device.runtime),
    ],
    'Same model, prompt, gains and device.',
  );
}
