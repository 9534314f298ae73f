/** How a predicted path of fixations is compared with a person's. A path holds the number of the object at each fixation. */

export interface Behaviour {
  /** The last fixation is the target: 0 or 1. */
  readonly correct: number;
  readonly length: number;
  /** Shares of the length: first visits, more fixations within a visit, visits to an object seen before. They sum to 1. */
  readonly search: number;
  readonly refixation: number;
  readonly revisit: number;
}

/** Counts, not shares: what each fixation of a path is. */
export function fixationCounts(path: readonly number[]): {
  readonly search: number;
  readonly refixation: number;
  readonly revisit: number;
} {
  const seen = new Set<number>();
  const counts = { search: 0, refixation: 0, revisit: 0 };
  path.forEach((object, at) => {
    if (at > 0 && path[at - 1] === object) counts.refixation++;
    else if (seen.has(object)) counts.revisit++;
    else counts.search++;
    seen.add(object);
  });
  return counts;
}

export function behaviourOf(path: readonly number[], target: number): Behaviour {
  if (path.length === 0) throw new RangeError('a path needs a fixation');
  const counts = fixationCounts(path);
  return {
    correct: path.at(-1) === target ? 1 : 0,
    length: path.length,
    search: counts.search / path.length,
    refixation: counts.refixation / path.length,
    revisit: counts.revisit / path.length,
  };
}

const statistics = ['correct', 'length', 'search', 'refixation', 'revisit'] as const;

export const meanBehaviour = (each: readonly Behaviour[]): Behaviour => {
  const mean = (of: keyof Behaviour): number => each.reduce((sum, behaviour) => sum + behaviour[of], 0) / each.length;
  return {
    correct: mean('correct'),
    length: mean('length'),
    search: mean('search'),
    refixation: mean('refixation'),
    revisit: mean('revisit'),
  };
};

/**
 * The mean over the five statistics of |model - human| / human. Without unit; NaN where a person's statistic is 0 and the model's is not:
 * the ratio is not defined there, and a statistic that is 0 for both adds nothing.
 */
export function behaviouralDelta(model: Behaviour, human: Behaviour): number {
  const parts = statistics.map((name) => {
    if (human[name] === 0) return model[name] === 0 ? 0 : Number.NaN;
    return Math.abs(model[name] - human[name]) / human[name];
  });
  return parts.reduce((a, b) => a + b, 0) / statistics.length;
}

/** Sequence score: the best alignment (Needleman-Wunsch; a match gives 1, a mismatch or gap 0) by the longer length. 0 to 1. */
export function sequenceScore(a: readonly number[], b: readonly number[]): number {
  const longer = Math.max(a.length, b.length);
  if (longer === 0) return 1;
  let before = new Float64Array(b.length + 1);
  for (const object of a) {
    const row = new Float64Array(b.length + 1);
    b.forEach((other, j) => {
      row[j + 1] = Math.max(before[j]! + (object === other ? 1 : 0), before[j + 1]!, row[j]!);
    });
    before = row;
  }
  return before[b.length]! / longer;
}

/** SIM of a step: sum_j min(p_j, onehot_j), which is the share that the step gives to the object that was fixated. */
export const stepSimilarity = (shares: ArrayLike<number>, fixated: number): number => {
  let sum = 0;
  for (let j = 0; j < shares.length; j++) sum += Math.min(shares[j]!, j === fixated ? 1 : 0);
  return sum;
};
