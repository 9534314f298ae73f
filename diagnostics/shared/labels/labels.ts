/**
 * Labels of heads. Each label has a score in [0, 1] that every head is given, a null model of what the score is without the
 * structure that the label names, and a threshold.
 *
 * | label | score | measured on | null model | threshold |
 * |---|---|---|---|---|
 * | previous-token | previousToken | the prompt | rows shuffled over their keys | 0.4 |
 * | self | selfToken | the prompt | the same | 0.4 |
 * | first-token-sink | firstToken | the prompt | the same | 0.5 |
 * | local | localWindow (16 tokens) | the prompt | the same | 0.8 |
 * | induction | induction | random sequence, repeated | random sequences, not repeated | 0.3 |
 * | duplicate-token | duplicateToken | the same | the same | 0.3 |
 * | retrieval | values found by their keys (`retrieval-probe.ts`) | needles in a random haystack | the needles absent | 0.3 |
 * | uniform | entropy / mean ln(readable keys; at most the layer's window) | the prompt | rows drawn at random | 0.9 |
 *
 * A head has a label when all of this holds:
 *
 * 1. The score is more than chance. Its p under the null model (1 - confidence, `confidence.ts`) is at most 0.05 over the
 *    number of scores that were measured, all heads and labels together (Bonferroni): of models whose heads all follow their
 *    null models, at most one in twenty has any label at all.
 * 2. The score is far from what is to be expected. Of the way from the expected score e to 1 it has gone at least the
 *    threshold: (score - e) / (1 - e) >= threshold, the form in which Cohen's kappa corrects agreement for chance (Cohen 1960,
 *    "A coefficient of agreement for nominal scales"). e is the mean of the null model or, where it is larger, the median
 *    score of the other heads of the model; for `uniform` it is that median, since a row drawn at random is nearly flat itself
 *    (0.89 of ln of its keys on a hundred tokens). So on a prompt of 40 tokens a head is not local for reading 80 % within 16 of
 *    them (76 % of the keys are there), nor where most heads read 95 % there; and a label goes to at most half of the heads.
 * 3. A local head is neither a previous-token nor a self head: these read nearby keys by their definition.
 *
 * Fewer than 7 other heads do not say what is usual: then e is the mean of the null model, and `uniform` is not given, since
 * an untrained head reads all keys alike and only a comparison says whether that is worth a name.
 *
 * What the literature calls these heads: attention to the previous token, the own token and the first one as in Clark et al.
 * 2019 (arXiv:1906.04341, section 3, which counts heads that give the previous token more than 50 % on average) and Voita et
 * al. 2019 (arXiv:1905.09418, section 5.1); sinks as in Xiao et al. 2023 (arXiv:2309.17453); induction and duplicate tokens as in Olsson
 * et al. 2022. The numbers are choices of Headscope: TransformerLens' head detector takes 0.4 for its three patterns.
 *
 * Rows drawn at random: each row is a point of the simplex over its m readable keys, all points equally likely (a Dirichlet
 * distribution with every parameter 1). Its entropy has the mean psi(m + 1) - psi(2) = H_m - 1 and the variance
 * 2 psi1(2) / (m + 1) - psi1(m + 1) (Wolpert and Wolf 1995, Phys. Rev. E 52, 6841; Archer, Park and Pillow 2014,
 * arXiv:1302.0328, section 2).
 *
 * Random dealing: each row's probabilities are assigned to the keys that the row may read in random order; the mean is exact,
 * the variance an upper bound.
 *
 * A new label needs its name in `protocol/results/heads.ts`, a score and a null model here, a row in the table above, its threshold in
 * `protocol/results/label-rules.ts`, a planted matrix in `labels.test.ts`, its words in `protocol/results/head-words.ts`, and a line in
 * `docs/heads-json.md`.
 */

import { confidenceOf, measuredNull, type NullModel } from './confidence';
import { countOfKeysRead, type ReadingRules } from '../../model-runner/keys-read';
import { mean } from '../../../kernels/tensors/vectors';
import type { HeadLabel } from '../../../protocol/results/heads';
import { familyRate, thresholds } from '../../../protocol/results/label-rules';

/** Confidence that a label needs where so many scores were measured. */
export const neededConfidence = (scores: number): number => 1 - familyRate / Math.max(1, scores);

/** Fewer other heads do not say what is usual in a model. */
const leastOthers = 7;

/** A label's score of one head. */
export interface HeadScore {
  readonly layer: number;
  readonly head: number;
  readonly label: HeadLabel;
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

type Positional = 'previousToken' | 'firstToken' | 'selfToken' | 'localWindow';

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
  /** By layer: whether the window begins at the multiples of its size; absent: none does. */
  readonly chunked?: readonly boolean[];
  /** By layer: rows that read all and that all read; absent: none. */
  readonly marked?: readonly (readonly number[])[];
  /** With the structure, by layer; empty where no probe was run: then no score of it is given. */
  readonly probed: readonly ProbeScores[];
  /** Without it: one entry per seed, each by layer. */
  readonly unstructured: readonly (readonly ProbeScores[])[];
}

/** Every score of every head that was measured, layer by layer, head by head within a label. */
export function scoreHeads(input: LabelInput): HeadScore[] {
  const scores: HeadScore[] = [];
  const add = (layer: number, head: number, label: HeadLabel, score: number, model: NullModel): void => {
    scores.push({ layer, head, label, score, null: model, confidence: confidenceOf(score, model) });
  };
  input.prompt.forEach((own, layer) => {
    const positional = (label: HeadLabel, name: Positional): void =>
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
    const rules = {
      causal: input.causal,
      window: input.windows?.[layer] ?? Infinity,
      chunked: input.chunked?.[layer],
      marked: input.marked?.[layer],
    };
    const most = meanLogReadable(input.length, rules);
    const chance = entropyOfRandomRows(readableKeys(input.length, rules));
    own.entropy.forEach((nats, head) =>
      add(layer, head, 'uniform', nats / most, { mean: chance.mean / most, sd: chance.sd / most }),
    );
    const probed = (label: HeadLabel, name: keyof ProbeScores): void =>
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

/** A score, and from which score on the head would have the label; NaN where no score would do. */
export interface JudgedScore extends HeadScore {
  readonly needed: number;
  /** The share of the way from the expected score to 1, over its threshold: 1 or more where `needed` is reached. */
  readonly reached: number;
}

/** Every score with what a label needs of it (condition 2 at the head of this file). */
export function judged(scores: readonly HeadScore[]): JudgedScore[] {
  const others = new Map<HeadLabel, OtherScores>();
  for (const label of Object.keys(thresholds) as HeadLabel[]) {
    others.set(label, new OtherScores(scores.filter((one) => one.label === label).map(({ score }) => score)));
  }
  return scores.map((one) => {
    const usual = others.get(one.label)?.medianWithout(one.score);
    const threshold = thresholds[one.label];
    const expected = one.label === 'uniform' ? (usual ?? 1) : Math.max(one.null.mean, usual ?? 0);
    // Where 1 is to be expected, no score says anything.
    if (!(expected < 1)) return { ...one, needed: Number.NaN, reached: 0 };
    const needed = expected + threshold * (1 - expected);
    return { ...one, needed, reached: (one.score - expected) / (1 - expected) / threshold };
  });
}

/** The scores that make a label, by layer and head; of a head first the one that is farthest beyond what it needs. */
export function labelsAmong(scores: readonly HeadScore[]): HeadScore[] {
  const measured = scores.filter(({ confidence }) => !Number.isNaN(confidence)).length;
  const least = neededConfidence(measured);
  const made = judged(scores).filter(({ reached, confidence }) => reached >= 1 && confidence >= least);
  const nearBy = new Set(
    made
      .filter(({ label }) => label === 'previous-token' || label === 'self')
      .map(({ layer, head }) => `${layer}.${head}`),
  );
  return made
    .filter(({ label, layer, head }) => label !== 'local' || !nearBy.has(`${layer}.${head}`))
    .sort((a, b) => a.layer - b.layer || a.head - b.head || b.reached - a.reached)
    .map(({ needed: _needed, reached: _reached, ...score }) => score);
}

/** The scores of one label in one model. */
class OtherScores {
  private readonly sorted: readonly number[];

  constructor(scores: readonly number[]) {
    this.sorted = scores.filter((score) => !Number.isNaN(score)).sort((a, b) => a - b);
  }

  /** The median of the others, one score of this value left out; undefined where they are too few. */
  medianWithout(score: number): number | undefined {
    const others = this.sorted.length - 1;
    const out = this.sorted.indexOf(score);
    if (out < 0 || others < leastOthers) return undefined;
    const at = (place: number): number => this.sorted[place < out ? place : place + 1] ?? Number.NaN;
    return others % 2 === 1 ? at((others - 1) / 2) : (at(others / 2 - 1) + at(others / 2)) / 2;
  }
}

/** How many keys each query can read. */
const readableKeys = (length: number, rules: ReadingRules): number[] =>
  Array.from({ length }, (_, position) => countOfKeysRead(position, length, rules));

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
export const meanLogReadable = (length: number, rules: ReadingRules): number =>
  mean(readableKeys(length, rules).map(Math.log));
