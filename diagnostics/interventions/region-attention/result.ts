import type { Output, Schema } from '../../../protocol/schema/check';
import { figure, list, number, object, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { imageSpan, mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads]; NaN where a layer was not run yet. */
export type PerHead = readonly (readonly number[])[];

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});
const most = 65_536;
const figures = list(figure, 'a list of numbers', { most });
const table = list(figures, 'a list of rows', { most: 64 });

/** What the tokens of region B read of region A, mean over them. */
const reference = object({
  /** `*`: all. */
  layers: text,
  /** Attention to A where it stands, in the plain run. */
  before: perHead,
  /** Attention to A where it was put: the keys of B. */
  moved: perHead,
  /** Attention to A where it still stands as well. */
  left: perHead,
  /** What A gains by its place: moved - before. */
  rise: perHead,
  /** What a head that reads its keys alike would give it, before. */
  even: perHead,
});
export type Reference = Output<typeof reference>;

export const regionAttentionResult = object({
  /** In their written form. */
  regions: texts,
  /** Tokens of each. */
  sizes: list(whole, 'a list of sizes', { most: 64 }),
  rows: whole,
  /** Heads in which they are kept apart, as `layer.head`; empty: all. */
  heads: text,
  /** `both-ways`, `one-way` or `off`. */
  isolate: text,
  beta: number,
  /** The interventions of the run, written. */
  change: texts,
  /** Mean over regions of the attention of their tokens on other regions, in the plain run. */
  before: perHead,
  /** Under the change. */
  after: perHead,
  /** What a head that reads all its keys alike would give. */
  even: perHead,
  /** [regions][regions and the rest]: mean over all heads. */
  betweenBefore: table,
  betweenAfter: table,
  /** [regions][tokens]: attention of a token of the region on each token, mean over its tokens and over all heads. */
  readBefore: table,
  readAfter: table,
  /** After less before. */
  readChange: table,
  /** Where region A was moved to region B. */
  reference: optional(reference),
  tokens: list(text, 'a list of tokens', { most }),
  /** By token: region, -1 for none. */
  owner: list(number, 'a list of regions', { most }),
  /** By token: 1 - cosine of the stream that leaves the last layer, plain and under the change; empty until then. */
  turned: figures,
  /** Mean of `turned` over each region, then over the rest (NaN where there is none). */
  turnedIn: figures,
  /** Nats, of the next token behind the prompt; NaN of a model that predicts none. */
  divergence: figure,
  /** Tokens most probable before or after. */
  leading: list(object({ token: text, before: number, after: number }), 'a list of tokens', { most: 64 }),
  /** Present where the prompt has a picture. */
  image: optional(imageSpan),
  /** Position of each image token. */
  imageRows: list(whole, 'a list of positions', { most }),
});
export type RegionAttentionResult = Output<typeof regionAttentionResult>;
