/** Scores of POPE with 95 % intervals: the answers about one picture are not independent, so that the picture is the unit. */
import { pairedDifference, pooled, shareInterval, type Difference, type Part } from '../statistics/over-pictures';
import { popeCounts, type PopeCounts } from './pope';

export interface ReadAnswer {
  readonly image: string;
  readonly label: 'yes' | 'no';
  readonly readAs: 'yes' | 'no';
  readonly clear: boolean;
}

interface Share {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface Figures extends PopeCounts {
  readonly questions: number;
  readonly accuracy: Share | null;
  readonly precision: Share | null;
  readonly recall: Share | null;
  readonly f1: Share | null;
  readonly yesRatio: Share | null;
  readonly unclear: number;
}

/** What counts for a share, out of what could, in the answers about one picture. `yes` is positive. */
const parts = {
  accuracy: (c: PopeCounts): Part => ({ part: c.truePositives + c.trueNegatives, whole: allOf(c) }),
  precision: (c: PopeCounts): Part => ({ part: c.truePositives, whole: c.truePositives + c.falsePositives }),
  recall: (c: PopeCounts): Part => ({ part: c.truePositives, whole: c.truePositives + c.falseNegatives }),
  yesRatio: (c: PopeCounts): Part => ({ part: c.truePositives + c.falsePositives, whole: allOf(c) }),
  /** Jaccard's index J of the answers yes and the labels yes: F1 = 2 J / (1 + J), which rises with it. */
  jaccard: (c: PopeCounts): Part => ({
    part: c.truePositives,
    whole: c.truePositives + c.falsePositives + c.falseNegatives,
  }),
};

const allOf = (c: PopeCounts): number => c.truePositives + c.falsePositives + c.trueNegatives + c.falseNegatives;
const f1Of = (jaccard: number): number => (2 * jaccard) / (1 + jaccard);

function byPicture<Answer extends { readonly image: string }>(
  answers: readonly Answer[],
): readonly (readonly Answer[])[] {
  const groups = new Map<string, Answer[]>();
  for (const answer of answers) groups.set(answer.image, [...(groups.get(answer.image) ?? []), answer]);
  return [...groups.values()];
}

export function popeFigures(answers: readonly ReadAnswer[]): Figures {
  const pictures = byPicture(answers).map(popeCounts);
  const share = (of: (counts: PopeCounts) => Part, as: (share: number) => number = (same) => same): Share | null => {
    const each = pictures.map(of);
    const [value, interval] = [pooled(each), shareInterval(each)];
    return value === null || !interval ? null : { value: as(value), low: as(interval.low), high: as(interval.high) };
  };
  return {
    questions: answers.length,
    accuracy: share(parts.accuracy),
    precision: share(parts.precision),
    recall: share(parts.recall),
    f1: share(parts.jaccard, f1Of),
    yesRatio: share(parts.yesRatio),
    ...popeCounts(answers),
    unclear: answers.filter(({ clear }) => !clear).length,
  };
}

/** Both readings of the same questions, in the same order. */
export function popeChange(
  plain: readonly ReadAnswer[],
  reinforced: readonly ReadAnswer[],
): Record<'accuracy' | 'f1' | 'yesRatio', Difference | null> {
  const pictures = byPicture(
    plain.map((answer, at) => ({ image: answer.image, pair: [answer, reinforced[at] ?? answer] })),
  );
  const change = (of: (counts: PopeCounts) => Part, as: (share: number) => number = (same) => same) =>
    pairedDifference(
      pictures,
      (some, which) => {
        const value = pooled(some.map((picture) => of(popeCounts(picture.map(({ pair }) => pair[which]!)))));
        return value === null ? null : as(value);
      },
      (picture) => picture.some(({ pair: [one, other] }) => one!.readAs !== other!.readAs),
    );
  return {
    accuracy: change(parts.accuracy),
    f1: change(parts.jaccard, f1Of),
    yesRatio: change(parts.yesRatio),
  };
}
