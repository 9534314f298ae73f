/** Plans made of one score a head: those that score highest keep everything, the others what is said. */
import { fullPlan, type HeadPlan } from './head-plan';

/** [layers][heads] */
type Table = readonly (readonly number[])[];

/** How many heads keep everything: a share or a number of all heads of the model, or those with a score above a threshold. */
export type KeepMost = { readonly share: number } | { readonly count: number } | { readonly above: number };

/** `50%`: a share; `8`: a number; `>0.1`: a threshold. Undefined for another form. */
export function keepMostOf(text: string): KeepMost | undefined {
  const [, sign, digits, percent] = /^\s*(>?)\s*(\d+(?:\.\d+)?)\s*(%?)\s*$/u.exec(text) ?? [];
  if (digits === undefined || (sign === '>' && percent === '%')) return undefined;
  const value = Number(digits);
  if (sign === '>') return { above: value };
  if (percent === '%') return value <= 100 ? { share: value / 100 } : undefined;
  return Number.isInteger(value) ? { count: value } : undefined;
}

export const keepProblem = (text: string): string =>
  `"${text.slice(0, 40)}" does not say which heads keep everything. Write a share such as 25%, a number such as 8, or a threshold such as >0.1.`;

/** Scores of key/value heads: the largest score of the query heads that read each. NaN counts only where no other is there. */
export function keyValueScores(scores: Table, kvHeads: readonly number[]): Table {
  return scores.map((row, layer) => {
    const heads = kvHeads[layer] ?? row.length;
    const group = row.length / heads;
    return Array.from({ length: heads }, (_, head) => {
      const known = row.slice(head * group, (head + 1) * group).filter((score) => !Number.isNaN(score));
      return known.length === 0 ? Number.NaN : Math.max(...known);
    });
  });
}

/** Key/value heads by falling score over all layers, NaN last; of equals the lower layer and then the lower head is first. */
export function byScore(scores: Table): readonly { readonly layer: number; readonly head: number }[] {
  const rank = (score: number): number => (Number.isNaN(score) ? -Infinity : score);
  return scores
    .flatMap((row, layer) => row.map((score, head) => ({ layer, head, score: rank(score) })))
    .sort((a, b) => (a.score === b.score ? a.layer - b.layer || a.head - b.head : a.score > b.score ? -1 : 1))
    .map(({ layer, head }) => ({ layer, head }));
}

/** `scores`: of key/value heads. A share is rounded to the nearest number of heads. */
export function planOfScores(
  scores: Table,
  {
    keep,
    otherwise,
    most = fullPlan,
  }: { readonly keep: KeepMost; readonly otherwise: HeadPlan; readonly most?: HeadPlan },
): readonly (readonly HeadPlan[])[] {
  if ('above' in keep) return scores.map((row) => row.map((score) => (score > keep.above ? most : otherwise)));
  const ranked = byScore(scores);
  const count = 'count' in keep ? keep.count : Math.round(keep.share * ranked.length);
  const kept = new Set(ranked.slice(0, count).map(({ layer, head }) => `${layer}.${head}`));
  return scores.map((row, layer) => row.map((_, head) => (kept.has(`${layer}.${head}`) ? most : otherwise)));
}
