/**
 * What a reinforcement changed on the same pictures, with 95 % intervals: CHAIR_S as a difference of paired proportions (Tango),
 * CHAIR_I and recall as differences of pooled shares (jackknife over pictures). Definitions and sources: `over-pictures.ts`.
 */
import { pairedDifference, pairedProportions, type Difference } from '../statistics/over-pictures';
import { chairScores, type JudgedCaption } from './chair';

/** The two captions of one picture. */
export interface CaptionPair {
  readonly plain: JudgedCaption;
  readonly reinforced: JudgedCaption;
}

/** Shares, reinforced minus plain; null where no interval can be given. */
export interface PairedChange {
  readonly pictures: number;
  readonly onlyPlain: number;
  readonly onlyReinforced: number;
  readonly chairS: Difference | null;
  readonly chairI: Difference | null;
  readonly recall: Difference | null;
}

export function pairedChange(pairs: readonly CaptionPair[]): PairedChange {
  const wrong = ({ mentions }: JudgedCaption): number => mentions.filter(({ inTruth }) => !inTruth).length;
  const found = (caption: JudgedCaption): number => chairScores([caption]).recall ?? 0;
  const only = (one: keyof CaptionPair, other: keyof CaptionPair): number =>
    pairs.filter((pair) => wrong(pair[one]) > 0 && wrong(pair[other]) === 0).length;
  const [onlyPlain, onlyReinforced] = [only('plain', 'reinforced'), only('reinforced', 'plain')];
  const score = (name: 'chairI' | 'recall') => (of: readonly CaptionPair[], which: 0 | 1) =>
    chairScores(of.map(({ plain, reinforced }) => (which === 0 ? plain : reinforced)))[name];
  return {
    pictures: pairs.length,
    onlyPlain,
    onlyReinforced,
    chairS: pairs.length === 0 ? null : pairedProportions(pairs.length, onlyReinforced, onlyPlain),
    chairI: pairedDifference(
      pairs,
      score('chairI'),
      ({ plain, reinforced }) =>
        wrong(plain) !== wrong(reinforced) || plain.mentions.length !== reinforced.mentions.length,
    ),
    recall: pairedDifference(pairs, score('recall'), ({ plain, reinforced }) => found(plain) !== found(reinforced)),
  };
}
