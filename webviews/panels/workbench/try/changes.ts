/** The changes of the request as a list of written forms: what they say of single heads, and the list with that changed. Pure. */
import { parseDo, printDo } from '../../../../protocol/interventions/do-form';
import { kindOf, type Intervention } from '../../../../protocol/interventions/interventions';
import type { HeadGain } from '../../../../protocol/schema/parts';
import type { HeadPlace } from '../../../../protocol/schema/written-form';

const read = (text: string): Intervention | undefined => {
  const one = parseDo(text);
  return one.ok ? one.value : undefined;
};

/** Those that can be read and change something. */
export const changesOf = (entries: readonly string[]): readonly Intervention[] =>
  entries.flatMap((text) => {
    const one = read(text);
    return one && !kindOf(one).neutral(one) ? [one] : [];
  });

const isGainOf = (text: string, { layer, head }: HeadPlace): boolean => {
  const one = read(text);
  return one?.kind === 'gain' && one.layer === layer && one.head === head;
};

/** The factors of all gains of the list, by head. */
export function gainsOf(entries: readonly string[]): readonly HeadGain[] {
  const gains = new Map<string, HeadGain>();
  for (const text of entries) {
    const one = read(text);
    if (one?.kind !== 'gain') continue;
    const { layer, head } = one;
    const before = gains.get(`${layer}.${head}`)?.gain ?? 1;
    gains.set(`${layer}.${head}`, { layer, head, gain: before * one.gain });
  }
  return [...gains.values()];
}

export const gainOf = (entries: readonly string[], { layer, head }: HeadPlace): number =>
  gainsOf(entries).find((one) => one.layer === layer && one.head === head)?.gain ?? 1;

/** One gain of the head where its first one stood; none where it is 1. */
export function withGain(entries: readonly string[], place: HeadPlace, gain: number): readonly string[] {
  const { layer, head } = place;
  const at = entries.findIndex((text) => isGainOf(text, place));
  const others = entries.filter((text) => !isGainOf(text, place));
  if (gain === 1) return others;
  const written = printDo({ kind: 'gain', layer, head, gain });
  return at < 0 ? [...others, written] : others.toSpliced(at, 0, written);
}

/** Off when it is on, back to 1 when it is off. */
export const withToggled = (entries: readonly string[], place: HeadPlace): readonly string[] =>
  withGain(entries, place, gainOf(entries, place) === 0 ? 1 : 0);
