/**
 * Labels of heads. Each label has a score in [0, 1] that every head is given, a null model of what the score is without the
 * structure that the label names, and a threshold; a head bears a label when its score reaches the threshold and its
 * confidence (`confidence.ts`) is that of three deviations of a normal distribution, 0.99865, or more.
 *
 * | label | score | measured on | null model | threshold |
 * |---|---|---|---|---|
 * | previous-token | previousToken | the prompt | rows dealt to their keys at random | 0.4 |
 * | self | selfToken | the prompt | the same | 0.4 |
 * | first-token-sink | firstToken | the prompt | the same | 0.5 |
 * | local | localWindow (16 tokens) | the prompt | the same | 0.8 |
 * | induction | induction | random sequence, repeated | random sequences, not repeated | 0.3 |
 * | duplicate-token | duplicateToken | the same | the same | 0.3 |
 * | retrieval | values found by their keys (`retrieval.ts`) | needles in a random haystack | the needles absent | 0.3 |
 * | uniform | entropy / mean ln(readable keys; at most the layer's window) | the prompt | rows drawn at random | 0.9 |
 *
 * Rows drawn at random: each row is a point of the simplex over its m readable keys, all points equally likely (a Dirichlet
 * distribution with every parameter 1). Its entropy has the mean psi(m + 1) - psi(2) = H_m - 1 and the variance
 * 2 psi1(2) / (m + 1) - psi1(m + 1) (Wolpert and Wolf 1995, Phys. Rev. E 52, 6841; Archer, Park and Pillow 2014,
 * arXiv:1302.0328, section 2). So a head is uniform when it is flatter than chance makes a row, whatever the other heads do.
 *
 * Thresholds are choices of Headscope, not of a paper: TransformerLens' head detector takes 0.4 for its three patterns.
 * Random dealing: each row's probabilities are assigned to the keys that the row may read in random order; the mean is exact,
 * the variance an upper bound.
 */

import { confidenceOf, measuredNull, normalDistribution, type NullModel } from './confidence';

export type Label =
  'previous-token' | 'self' | 'first-token-sink' | 'local' | 'induction' | 'duplicate-token' | 'uniform' | 'retrieval';

export const thresholds: Readonly<Record<Label, number>> = {
  'previous-token': 0.4,
  self: 0.4,
  'first-token-sink': 0.5,
  local: 0.8,
  induction: 0.3,
  'duplicate-token': 0.3,
  retrieval: 0.3,
  uniform: 0.9,
};

/** Confidence that a label needs. */
export const neededConfidence = normalDistribution(3);

/** A label's score of one head. */
export interface HeadScore {
  readonly layer: number;
  readonly head: number;
  readonly label: Label;
  /** NaN where it was not measured. */
  readonly score: number;
  readonly null: NullModel;
  /** How sure it is that the score is more than the null model gives: `confidence.ts`. */
  readonly confidence: number;
}

/** Scores of one layer on the prompt; arrays by head. */
export interface PromptScores {
  readonly previousToken: readonly number[];
  readonly firstToken: readonly number[];
  readonly selfToken: readonly number[];
  readonly localWindow: readonly number[];
  readonly entropy: readonly number[];
  readonly permutation: {
    readonly mean: Readonly<Record<Positional, number>>;
    readonly variance: Readonly<Record<Positional, readonly number[]>>;
  };
}

export type Positional = 'previousToken' | 'firstToken' | 'selfToken' | 'localWindow';

/** Scores of one layer on the random sequences of one seed; arrays by head. */
export interface ProbeScores {
  readonly induction: readonly number[];
  readonly duplicateToken: readonly number[];
  readonly retrieval: readonly number[];
}

export interface LabelInput {
  /** By layer. */
  readonly prompt: readonly PromptScores[];
  /** Tokens of the prompt: short ones say little about position. */
  readonly length: number;
  /** Whether a query reads earlier keys only. */
  readonly causal: boolean;
  /** By layer: tokens of the window, or null. */
  readonly windows?: readonly (number | null)[];
  /** With the structure, by layer; empty where no probe was run: then no score of it is given. */
  readonly probed: readonly ProbeScores[];
  /** Without it: one entry per seed, each by layer. */
  readonly unstructured: readonly (readonly ProbeScores[])[];
}

/** Every score of every head that was measured, layer by layer, head by head within a label. */
export function scoreHeads(input: LabelInput): HeadScore[] {
  const scores: HeadScore[] = [];
  const add = (layer: number, head: number, label: Label, score: number, model: NullModel): void => {
    scores.push({ layer, head, label, score, null: model, confidence: confidenceOf(score, model) });
  };
  input.prompt.forEach((own, layer) => {
    const positional = (label: Label, name: Positional): void =>
      own[name].forEach((score, head) =>
        add(layer, head, label, score, {
          mean: own.permutation.mean[name],
          sd: Math.sqrt(own.permutation.variance[name][head] ?? Number.NaN),
        }),
      );
    positional('previous-token', 'previousToken');
    positional('self', 'selfToken');
    positional('first-token-sink', 'firstToken');
    positional('local', 'localWindow');
    const rows = [input.length, input.causal, input.windows?.[layer] ?? Infinity] as const;
    const most = meanLogReadable(...rows);
    const chance = entropyOfRandomRows(readableKeys(...rows));
    own.entropy.forEach((nats, head) =>
      add(layer, head, 'uniform', nats / most, { mean: chance.mean / most, sd: chance.sd / most }),
    );
    const probed = (label: Label, name: keyof ProbeScores): void =>
      input.probed[layer]?.[name].forEach((score, head) =>
        add(
          layer,
          head,
          label,
          score,
          measuredNull(input.unstructured.map((seed) => seed[layer]?.[name][head] ?? Number.NaN)),
        ),
      );
    probed('induction', 'induction');
    probed('duplicate-token', 'duplicateToken');
    probed('retrieval', 'retrieval');
  });
  return scores;
}

/** The scores that make a label, by layer and head; of a head first the one that is farthest above its own threshold. */
export const labelsAmong = (scores: readonly HeadScore[]): HeadScore[] =>
  scores
    .filter(({ label, score, confidence }) => score >= thresholds[label] && confidence >= neededConfidence)
    .sort(
      (a, b) => a.layer - b.layer || a.head - b.head || b.score / thresholds[b.label] - a.score / thresholds[a.label],
    );

/** Of each query. */
const readableKeys = (length: number, causal: boolean, window: number): number[] =>
  Array.from({ length }, (_, position) => (causal ? Math.min(position + 1, window) : length));

/** The mean over rows of their entropy, in nats, where each row is drawn at random over its readable keys (see above). */
export function entropyOfRandomRows(readable: readonly number[]): NullModel {
  const zeta2 = Math.PI ** 2 / 6;
  const largest = readable.reduce((most, keys) => Math.max(most, keys), 0);
  /** By number of keys: sum of 1/k and of 1/k^2 over k = 1..keys. */
  const [harmonic, squares] = [[0], [0]];
  for (let keys = 1; keys <= largest; keys++) {
    harmonic.push((harmonic[keys - 1] ?? 0) + 1 / keys);
    squares.push((squares[keys - 1] ?? 0) + 1 / keys ** 2);
  }
  const variance = mean(
    readable.map((keys) => (2 * (zeta2 - 1)) / (keys + 1) - (zeta2 - (squares[keys] ?? Number.NaN))),
  );
  return {
    mean: mean(readable.map((keys) => (harmonic[keys] ?? Number.NaN) - 1)),
    // One key has the variance 0, of which rounding may leave a hair below.
    sd: Math.sqrt(Math.max(0, variance) / readable.length),
  };
}

/** Mean over the queries of ln(keys that the query may read): the largest mean entropy there can be, in nats. */
export const meanLogReadable = (length: number, causal: boolean, window = Infinity): number =>
  mean(readableKeys(length, causal, window).map(Math.log));

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
