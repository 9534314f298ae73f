import type { Output } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, text, texts, whole } from '../../../protocol/schema/fields';
import { mostLayers } from '../../../protocol/schema/parts';

/** What tokens are sorted by. */
export const sortings = ['token', 'position', 'domain'] as const;
export type Sorting = (typeof sortings)[number];

/** Preferences that a result holds, at most. */
export const mostPreferences = 200;

const test = object({
  by: oneOf(sortings),
  /** Mutual information of expert and class over all choices of the counted tokens, nats. */
  information: figure,
  /** Mean and standard deviation of the same over the permutations. */
  nullMean: figure,
  nullSd: figure,
  /** (information - nullMean) over the entropy of the experts among these choices: 0 is chance, 1 is a class for each expert. */
  share: figure,
  /** Chance of as many standard deviations in any layer, by the permutations. */
  p: figure,
});
export type Test = Output<typeof test>;

const layer = object({
  layer: whole,
  experts: whole,
  /** Experts of a token. */
  perToken: whole,
  /** [experts]: share of all choices. */
  loads: list(figure, 'a list of loads', { most: 4096 }),
  /** Standard deviation of the loads over their mean: 0 where all are taken alike. */
  variation: figure,
  /** Share of the experts that no token takes. */
  unused: figure,
  /** Mean entropy of the router's scores over their sum, nats. */
  entropy: figure,
  tests: list(test, 'a list of tests', { most: sortings.length }),
});
export type LayerUse = Output<typeof layer>;

const preference = object({
  by: oneOf(sortings),
  layer: whole,
  expert: whole,
  /** The token as text, positions such as `8-15`, or the domain. */
  name: text,
  /** Tokens of the class that take the expert, of how many, and how many would at the expert's load. */
  taken: whole,
  of: whole,
  expected: figure,
  /** (taken - expected) in standard deviations of a draw without replacement. */
  deviation: figure,
  /** Chance of as large a deviation of any class and expert in any layer, by the permutations. */
  p: figure,
});
export type Preference = Output<typeof preference>;

export const expertUseResult = object({
  documents: whole,
  /** Tokens in all documents. */
  tokens: whole,
  permutations: whole,
  least: whole,
  /** Names of the domains; fewer than two are not compared. */
  domains: texts,
  layers: list(layer, 'a list of layers', { most: mostLayers }),
  /** Those with p of at most 0.05, largest deviation first. */
  preferences: list(preference, 'a list of preferences', { most: mostPreferences }),
});
export type ExpertUseResult = Output<typeof expertUseResult>;
