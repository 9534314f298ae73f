/** Which numbers of a head keep the position in latent attention, and which do without. */

/**
 * `release`: the last d_r numbers of a head are rotated, in neighbouring pairs (hybrid_mla_layer.py). Of a model that pairs number i
 * with i + d/2 (Llama) these are halves of pairs, so that even at full rank the model is another one, which training must repair.
 * `pairs`: whole pairs of such a model, every (d / d_r)-th of them: they turn at the very frequencies that d_r numbers have, and the
 * rest is not rotated. Not in the release.
 */
export const selections = ['release', 'pairs'] as const;
export type Selection = (typeof selections)[number];

export interface Selected {
  /** Numbers of a head without position, d_n of them. */
  readonly plain: readonly number[];
  /** Numbers that are rotated, d_r of them, in the order of `layout`. */
  readonly rotary: readonly number[];
  /** How the rotated numbers pair. */
  readonly layout: 'half' | 'interleaved';
}

/** Undefined where it cannot be: a sentence says why. */
export function selectionProblem(headDim: number, rotary: number, selection: Selection): string | undefined {
  if (!Number.isInteger(rotary) || rotary < 0 || rotary > headDim)
    return `The rotary width is a whole number from 0 to the head width, ${headDim}.`;
  if (rotary % 2 !== 0) return `Rotation turns pairs of numbers: a rotary width of ${rotary} is odd.`;
  if (selection === 'pairs' && rotary > 0 && headDim % rotary !== 0)
    return `Whole pairs at the frequencies of ${rotary} numbers need a head width that ${rotary} divides, and it is ${headDim}.`;
  return undefined;
}

export function selected(headDim: number, rotary: number, selection: Selection): Selected {
  const problem = selectionProblem(headDim, rotary, selection);
  if (problem !== undefined) throw new RangeError(problem);
  const all = Array.from({ length: headDim }, (_, i) => i);
  if (selection === 'release') {
    return { plain: all.slice(0, headDim - rotary), rotary: all.slice(headDim - rotary), layout: 'interleaved' };
  }
  const step = rotary === 0 ? Infinity : headDim / rotary;
  const first = Array.from({ length: rotary / 2 }, (_, at) => at * step);
  const turned = [...first, ...first.map((i) => i + headDim / 2)];
  return { plain: all.filter((i) => !turned.includes(i)), rotary: turned, layout: 'half' };
}
