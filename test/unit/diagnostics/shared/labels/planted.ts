/** Attention matrices that do one thing, and their scores by the definitions alone: for tests of labels and null models. */
import { localWindow } from '../../../../../compute-server/model/run/stream/statistics-layout';
import type { PromptScores } from '../../../../../diagnostics/shared/labels/labels';

/** p(i, j), rows sum to 1. */
export type Matrix = readonly (readonly number[])[];

/** Row i puts `weight` on key target(i) and the rest evenly on all keys it may read. */
export function planted(length: number, target: (i: number) => number, weight = 0.9): Matrix {
  return Array.from({ length }, (_, i) =>
    Array.from({ length }, (_, j) => (j > i ? 0 : (1 - weight) / (i + 1) + (j === target(i) ? weight : 0))),
  );
}

export const uniform = (length: number): Matrix =>
  Array.from({ length }, (_, i) => Array.from({ length }, (_, j) => (j > i ? 0 : 1 / (i + 1))));

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
export const positional = ['previousToken', 'firstToken', 'selfToken', 'localWindow'] as const;

export const scoreOf: Readonly<Record<(typeof positional)[number], (p: Matrix) => number>> = {
  previousToken: (p) => mean(p.slice(1).map((row, i) => row[i] ?? 0)),
  firstToken: (p) => mean(p.slice(1).map((row) => row[0] ?? 0)),
  selfToken: (p) => mean(p.map((row, i) => row[i] ?? 0)),
  localWindow: (p) =>
    mean(p.map((row, i) => row.slice(Math.max(0, i - localWindow + 1), i + 1).reduce((sum, x) => sum + x, 0))),
};

export const entropyOf = (p: Matrix): number =>
  mean(p.map((row) => row.reduce((sum, x) => (x > 0 ? sum - x * Math.log(x) : sum), 0)));

/** Each row's probabilities on its readable keys in another order. */
export function dealt(p: Matrix, random: () => number): Matrix {
  return p.map((row, i) => {
    const keys = row.slice(0, i + 1);
    for (let at = keys.length - 1; at > 0; at--) {
      const other = Math.floor(random() * (at + 1));
      [keys[at], keys[other]] = [keys[other] ?? 0, keys[at] ?? 0];
    }
    return [...keys, ...row.slice(i + 1)];
  });
}

/** One layer whose heads have these matrices, with its null model by brute force over `deals` random deals. */
export function promptScores(heads: readonly Matrix[], random: () => number, deals = 200): PromptScores {
  const samples = heads.map((p) =>
    Array.from({ length: deals }, () => {
      const other = dealt(p, random);
      return positional.map((name) => scoreOf[name](other));
    }),
  );
  const column = (head: number, at: number): number[] => (samples[head] ?? []).map((row) => row[at] ?? 0);
  const by = <T>(give: (name: (typeof positional)[number], at: number) => T) =>
    Object.fromEntries(positional.map((name, at) => [name, give(name, at)])) as Record<(typeof positional)[number], T>;
  return {
    ...by((name) => heads.map((p) => scoreOf[name](p))),
    entropy: heads.map(entropyOf),
    permutation: {
      mean: by((_, at) => mean(heads.flatMap((_, head) => column(head, at)))),
      variance: by((_, at) =>
        heads.map((_, head) => {
          const values = column(head, at);
          const centre = mean(values);
          return mean(values.map((value) => (value - centre) ** 2));
        }),
      ),
    },
  };
}

/** SplitMix-like stream of its own: the tests do not lean on the product's. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}
