import type { Output } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, text, texts, whole } from '../../../protocol/schema/fields';
import { figuresPerHead, mostLayers } from '../../../protocol/schema/parts';
import { bins } from './examples';
import { measures } from './parameters';

export const groups = ['strongest', 'decile', 'random'] as const;
export type Group = (typeof groups)[number];

const example = object({
  layer: whole,
  head: whole,
  group: oneOf(groups),
  /** 1 to 9 of a decile, the rank from 1 of the others. */
  number: whole,
  /** Place in `texts`. */
  document: whole,
  /** Rows of the document, with the tokens that the tokenizer puts in front. */
  query: whole,
  key: whole,
  strength: figure,
  /** The keys that the query reads most, the first row and its own among them, and p(query, key) of each. */
  keys: list(whole, 'a list of rows'),
  weights: list(figure, 'a list of weights'),
});
export type IndexedExample = Output<typeof example>;

export const headIndexResult = object({
  measure: oneOf(measures),
  /** Tokens on each side that are shown. */
  context: whole,
  /** What was read, in the order in which it was. */
  texts: list(object({ name: text, ids: list(whole, 'a list of token ids'), tokens: texts }), 'a list of texts'),
  /** [layers][heads]: examples; NaN in heads of no attention. */
  counts: figuresPerHead,
  /** [layers][heads]: mean strength; NaN where there is no example. */
  means: figuresPerHead,
  /** [layers][heads]: mean strength of the strongest examples that are kept; NaN where there is none. */
  tops: figuresPerHead,
  /** [layers][heads]: the strength of the example of decile 5, and the largest. */
  medians: figuresPerHead,
  largest: figuresPerHead,
  /** [layers][heads][bins]: examples by interval of strength (examples.ts). */
  histograms: list(list(list(whole, 'a list of counts', { most: bins }), 'a list of heads'), 'a list of layers', {
    most: mostLayers,
  }),
  /** Head by head: strongest, deciles, random. */
  examples: list(example, 'a list of examples'),
});
export type HeadIndexResult = Output<typeof headIndexResult>;
