/** A second saved result and the one that is shown: whether they can be laid side by side, and by how much they differ. Pure. */
import type { HallucinationResult, HallucinationSet } from '../../../protocol/results/hallucination-schema';
import { differenceSentence, whyNotCompared } from '../../../protocol/results/comparability';
import { scoreChanges } from '../../../protocol/results/sections/caption-set';
import { comparedWith, divergenceChange } from '../../../protocol/results/divergence-change';
import { changeOf, whyOtherShape } from '../../ui/changes';
import type { State } from './state';
import { setNames } from './variant-words';
import { distanceInfos } from '../../../protocol/results/measure-words';

type Made = HallucinationResult | HallucinationSet;

/** Both of the same kind, or why nothing can be laid side by side. */
type Pair =
  | { readonly kind: 'results'; readonly here: HallucinationResult; readonly there: HallucinationResult }
  | { readonly kind: 'sets'; readonly here: HallucinationSet; readonly there: HallucinationSet }
  | { readonly kind: 'none'; readonly why: string };

export function pairOf({ result, set, compareWith }: State): Pair | undefined {
  const here = result ?? set;
  if (!here || !compareWith) return undefined;
  const { name, made: there } = compareWith;
  if (here.kind === 'headscope-hallucination-set' && there.kind === 'headscope-hallucination-set') {
    const why = whyNotCompared(here, there, name);
    return why === undefined ? { kind: 'sets', here, there } : { kind: 'none', why };
  }
  if (here.kind === 'headscope-hallucination-set' || there.kind === 'headscope-hallucination-set') {
    const why = `One of them is a folder of pictures and the other a single text: compare ${name} with another of its kind.`;
    return { kind: 'none', why };
  }
  const shape = whyOtherShape(here, there, name);
  if (shape !== undefined) return { kind: 'none', why: shape };
  if (here.distance !== there.distance) {
    const why = `This result measures by ${distanceTitle(here)}, ${name} by ${distanceTitle(there)}: their numbers have different units.`;
    return { kind: 'none', why };
  }
  const why = whyNotCompared(here, there, name);
  return why === undefined ? { kind: 'results', here, there } : { kind: 'none', why };
}

const distanceTitle = ({ distance }: Made): string =>
  distanceInfos.find(({ id }) => id === distance)?.title ?? distance;

/** Why the two cannot be laid side by side, or what besides the numbers differs. */
export function comparisonWords(state: State): string {
  const pair = pairOf(state);
  if (!pair) return '';
  if (pair.kind === 'none') return pair.why;
  return pair.kind === 'sets' ? differenceSentence(pair.here, pair.there) : differenceSentence(pair.here, pair.there);
}

/** For machines: what the result is compared with, and the changes where the two can be laid side by side. */
export function comparisonData(state: State): object {
  const pair = pairOf(state);
  if (!pair || !state.compareWith) return {};
  const { name, made } = state.compareWith;
  const changes =
    pair.kind === 'results'
      ? { vhd: divergenceChange(pair.here, pair.there) }
      : pair.kind === 'sets'
        ? { scores: scoreChanges(pair.here, pair.there, setNames).map((row) => ({ ...row, change: changeOf(row) })) }
        : undefined;
  return { comparedWith: comparedWith(name, made, changes) };
}
