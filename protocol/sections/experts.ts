/** Routed experts on a text, layer by layer: which of them each token has, how often each is taken, how sure the router is. */
import type { Output } from '../schema/check';
import { type KindOutput, ensure, figure, list, object, text, whole, wholeFrom } from '../schema/fields';
import { mostLayers } from '../schema/parts';
import { base, mostCells, mostTokens, rowsOf } from './section-base';

/** Experts of a layer, and those of a token, at most. */
const [mostExperts, mostChosen] = [4096, 256];

/**
 * What the router of one layer did. The first tokens of a long text are kept one by one, at most as many as `shownTokens`; loads and
 * entropies are of all tokens.
 */
const layer = object({
  layer: wholeFrom(0, mostLayers - 1),
  /** Experts that a token has. */
  perToken: wholeFrom(1, mostChosen),
  /** [experts]: share of all choices (tokens x experts of a token) that fall on the expert; 1 / experts where all are taken alike. */
  loads: list(figure, 'a list of loads', { least: 1, most: mostExperts }),
  /** Mean over all tokens of -sum_e p_e ln p_e, in nats; p_e the score of expert e (tap `router.scores`) over the sum of all scores. */
  entropy: figure,
  /** The same of each token that is kept, in nats. */
  entropies: list(figure, 'a list of entropies', { most: mostTokens }),
  /** [tokens][experts of a token], largest weight first. */
  chosen: rowsOf(mostTokens, mostChosen, mostCells),
  /** What each of these counts (tap `router.weights`), shaped alike. */
  weights: rowsOf(mostTokens, mostChosen, mostCells),
});
export type ExpertLayer = Output<typeof layer>;

export const expertLayers = list(
  ensure(
    layer,
    ({ loads, entropies, chosen, weights }) =>
      entropies.length === chosen.length &&
      weights.length === chosen.length &&
      chosen.every(
        (row, at) => row.length === weights[at]?.length && row.every((expert) => loads[expert] !== undefined),
      ),
    'a layer whose tokens choose experts that it has, with a weight each',
  ),
  'a list of layers',
  { most: mostLayers },
);

export const experts = {
  ...base,
  /** Those that are kept one by one. */
  tokens: list(text, 'a list of tokens', { most: mostTokens }),
  /** Tokens of the whole text. */
  of: whole,
  layers: expertLayers,
};
export type ExpertsSection = KindOutput<'experts', typeof experts>;

/** Choices that a result keeps of all layers together, at most. */
const keptChoices = 2 ** 17;

/** Tokens whose choices are kept one by one, of a model with these layers: at most 1,024. */
export const shownTokens = (layers: readonly { readonly perToken: number }[]): number =>
  Math.min(
    1024,
    Math.floor(
      keptChoices /
        Math.max(
          1,
          layers.reduce((sum, { perToken }) => sum + perToken, 0),
        ),
    ),
  );
