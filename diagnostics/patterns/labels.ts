/**
 * Labels of heads. Each label has a score in [0, 1], a null model of what the score is without the structure that the label
 * names, and a threshold; a head bears a label when its score reaches the threshold and lies 3 null deviations above the
 * null mean.
 *
 * | label | score | measured on | null model | threshold |
 * |---|---|---|---|---|
 * | previous-token | previousToken | the prompt | rows dealt to their keys at random | 0.4 |
 * | self | selfToken | the prompt | the same | 0.4 |
 * | first-token-sink | firstToken | the prompt | the same | 0.5 |
 * | local | localWindow (16 tokens) | the prompt | the same | 0.8 |
 * | induction | induction | random sequence, repeated | random sequence, not repeated | 0.3 |
 * | duplicate-token | duplicateToken | the same | the same | 0.3 |
 * | retrieval | copy rate (below) | the same | the same | 0.3 |
 * | uniform | entropy / mean ln(readable keys; at most the layer's window) | the prompt | rows drawn at random | 0.9 |
 *
 * Rows drawn at random: each row is a point of the simplex over its m readable keys, all points equally likely (a Dirichlet
 * distribution with every parameter 1). Its entropy has the mean psi(m + 1) - psi(2) = H_m - 1 and the variance
 * 2 psi1(2) / (m + 1) - psi1(m + 1) (Wolpert and Wolf 1995, Phys. Rev. E 52, 6841; Archer, Park and Pillow 2014,
 * arXiv:1302.0328, section 2). So a head is uniform when it is flatter than chance makes a row, whatever the other heads do.
 *
 * Thresholds are choices of Headscope, not of a paper: TransformerLens' head detector takes 0.4 for its three patterns.
 * Random dealing: each row's probabilities are assigned to the keys that the row may read in random order; the mean is exact,
 * the variance an upper bound. Copy rate: share of the counted queries whose most-read key (key 0 left out) holds the token
 * that comes next and lies more than 16 tokens back: the copy event of Wu et al. 2024 (arXiv:2404.15574, section 2.1) with
 * the next token given instead of generated.
 */

import { errorFunction } from 'simple-statistics';

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

/** Null deviations above the null mean that a label needs. */
export const neededDeviations = 3;

export interface NullModel {
  readonly mean: number;
  readonly sd: number;
}

export interface LabelledHead {
  readonly layer: number;
  readonly head: number;
  readonly label: Label;
  readonly score: number;
  readonly null: NullModel;
  /** Normal distribution function of (score - mean) / sd. */
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

/** Scores of one layer on a probe; arrays by head. */
export interface ProbeScores {
  readonly induction: readonly number[];
  readonly duplicateToken: readonly number[];
  readonly copyRate: readonly number[];
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
  /** By layer; empty where no probe was run: then no label of it is given. */
  readonly repeated: readonly ProbeScores[];
  /** One entry per seed, each by layer. */
  readonly unrepeated: readonly (readonly ProbeScores[])[];
}

export function labelHeads(input: LabelInput): LabelledHead[] {
  const found: LabelledHead[] = [];
  const consider = (layer: number, head: number, label: Label, score: number, model: NullModel): void => {
    if (!Number.isFinite(score) || !Number.isFinite(model.mean)) return;
    // Rows that can be dealt in one way only (a prompt inside the local window) have no deviation, and say nothing.
    const deviations = model.sd === 0 ? 0 : (score - model.mean) / model.sd;
    if (score < thresholds[label] || deviations < neededDeviations) return;
    found.push({ layer, head, label, score, null: model, confidence: normalDistribution(deviations) });
  };
  input.prompt.forEach((scores, layer) => {
    const positional = (label: Label, name: Positional): void =>
      scores[name].forEach((score, head) =>
        consider(layer, head, label, score, {
          mean: scores.permutation.mean[name],
          sd: Math.sqrt(scores.permutation.variance[name][head] ?? Number.NaN),
        }),
      );
    positional('previous-token', 'previousToken');
    positional('self', 'selfToken');
    positional('first-token-sink', 'firstToken');
    positional('local', 'localWindow');
    const rows = [input.length, input.causal, input.windows?.[layer] ?? Infinity] as const;
    const most = meanLogReadable(...rows);
    const chance = entropyOfRandomRows(readableKeys(...rows));
    scores.entropy.forEach((nats, head) =>
      consider(layer, head, 'uniform', nats / most, { mean: chance.mean / most, sd: chance.sd / most }),
    );
    const probed = (label: Label, name: keyof ProbeScores): void =>
      input.repeated[layer]?.[name].forEach((score, head) =>
        consider(
          layer,
          head,
          label,
          score,
          spread(input.unrepeated.map((seed) => seed[layer]?.[name][head] ?? Number.NaN)),
        ),
      );
    probed('induction', 'induction');
    probed('duplicate-token', 'duplicateToken');
    probed('retrieval', 'copyRate');
  });
  // Strongest label of a head first: how far the score is above its own threshold.
  return found.sort(
    (a, b) => a.layer - b.layer || a.head - b.head || b.score / thresholds[b.label] - a.score / thresholds[a.label],
  );
}

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

/** Mean and sample deviation; with two seeds or more. Never 0: four random sequences of 64 tokens do not fix a mean exactly. */
function spread(values: readonly number[]): NullModel {
  const middle = mean(values);
  const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, values.length - 1);
  return { mean: middle, sd: Math.max(Math.sqrt(variance), 1e-3) };
}

const normalDistribution = (z: number): number => (1 + errorFunction(z / Math.SQRT2)) / 2;
