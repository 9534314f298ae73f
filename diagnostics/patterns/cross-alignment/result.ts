import type { Output, Schema } from '../../../protocol/schema/check';
import {
  count,
  figure,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import { moments } from './align';

const mostWords = 1 << 16;
const layers = <T>(item: Schema<T>) => list(item, 'a list of layers', { most: mostLayers });
/** [layers][heads of cross-attention] */
const perHead = layers(list(figure, 'a list of heads', { most: mostHeads }));
const perLayer = layers(figure);

const link = { source: whole, target: whole };
const links = list(object(link), 'a list of links', { most: mostWords });

/** AER, precision and recall are NaN where no gold alignment was given (links.ts). */
const agreement = <T>(table: Schema<T>) => ({ aer: table, precision: table, recall: table });

const momentNumbers = object({
  ...agreement(perHead),
  /** Mean over the words of the target of the largest share that one word of the source gets. */
  largest: perHead,
  /** Spearman's correlation of the places of a target's words with those of the words that they read most; NaN below three. */
  order: perHead,
  /** Quality of the mean over the heads of a layer. */
  layers: object({ ...agreement(perLayer) }),
  /** Quality of the mean over all heads. */
  all: object({ ...agreement(figure) }),
});
export type MomentNumbers = Output<typeof momentNumbers>;

const rankedHead = object({
  layer: whole,
  head: whole,
  moment: oneOf(moments),
  ...agreement(figure),
  largest: figure,
  order: figure,
  /**
   * Share of permutations in which some head has an AER as low as this one, the run itself counted: (1 + such) / (1 + all). All heads
   * and both moments are looked at together, so that the best of many is not mistaken. NaN without a gold alignment or permutations.
   */
  p: figure,
});
export type RankedHead = Output<typeof rankedHead>;

export const crossAlignmentResult = object({
  /** A gold alignment was given, of the prompt or of pairs in a file. */
  gold: flag,
  unit: oneOf(['words', 'tokens']),
  links: oneOf(['best', 'threshold']),
  threshold: number,
  /** Texts that were read, and sure and possible links of their gold alignments. */
  texts: count,
  sureLinks: whole,
  possibleLinks: whole,
  /** Words of the prompt, and what was given as its alignment. */
  source: texts,
  target: texts,
  goldLinks: list(object({ ...link, sure: flag }), 'a list of links', { most: mostWords }),
  writing: momentNumbers,
  reading: momentNumbers,
  /** Best first: the lowest AER, or without a gold alignment the largest shares; at most 20. */
  best: list(rankedHead, 'a list of heads', { most: mostHeadsInAll }),
  /** AER with the words of the source exchanged at random: of all heads, and below which the best of them is in 5 % of permutations. */
  null: orNull(object({ mean: figure, sd: figure, lowest: figure, permutations: count })),
  /** The best head on the prompt: shares [words of the target][words of the source], and its links. */
  drawn: optional(
    object({
      layer: whole,
      head: whole,
      moment: oneOf(moments),
      shares: list(list(figure, 'a list of shares', { most: mostWords }), 'a list of words', { most: mostWords }),
      links,
    }),
  ),
});
export type CrossAlignmentResult = Output<typeof crossAlignmentResult>;
