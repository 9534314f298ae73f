/** What the analysis finds; heads are key/value heads. */
import type { Output } from '../../../protocol/schema/check';
import {
  figure,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  pair,
  text,
  texts,
  whole,
  wholes,
} from '../../../protocol/schema/fields';
import { headPlanField } from '../../../protocol/plans/head-plan';

const spaces = ['head', 'residual'] as const;
export type Space = (typeof spaces)[number];

const perHead = list(list(figure));

/** Where one prompt puts the heads. */
const placed = object({
  /** [layers][heads]: distance of v' from the centre of the layer, in the coordinates of the heads. */
  distance: perHead,
  /** The same behind the output projection. */
  residual: perHead,
  /** [layers]: the farthest heads, rising; in the space that parts them. */
  far: list(wholes),
  /** [layers]: the nearest head, which is kept with them; null where there is none. */
  nearest: list(orNull(whole)),
});
export type Placed = Output<typeof placed>;

const layerPicture = object({
  /** By head, along the two principal components of v' of the layer. */
  first: list(number),
  second: list(number),
  /** Share of the variance of each. */
  shares: pair(number, number, 'two shares'),
});
export type LayerPicture = Output<typeof layerPicture>;

const planEffect = object({
  name: text,
  title: text,
  /** Bytes of keys and values when the prompt was read. */
  bytes: figure,
  /** Share of the bytes of the full cache. */
  share: figure,
  /** Nats, mean over the tokens measured; of random controls over these too. */
  divergence: figure,
  nll: figure,
});
export type PlanEffect = Output<typeof planEffect>;

const keptOnly = object({
  /** Heads that a layer keeps: as many as were asked for, at most half of them; of layers of different sizes the most. */
  heads: whole,
  /** Nats per token of the continuation with all heads. */
  plain: figure,
  /** [layers], nats per token; NaN where the layer has one head. */
  far: list(figure),
  near: list(figure),
});
export type KeptOnly = Output<typeof keptOnly>;

export const taskKvResult = object({
  space: oneOf(spaces),
  budget: figure,
  /** Tokens of the prompt; of several the longest. */
  tokens: whole,
  sinks: whole,
  recents: whole,
  window: whole,
  top: whole,
  /**
   * Where one prompt was read, its places; else means over the prompts of the first task, whose `far` are heads that keep
   * everything in at least half of them.
   */
  placed: optional(placed),
  /** Text of each token of the prompt. */
  pieces: optional(texts),
  pictures: optional(list(layerPicture)),
  /** [layers][heads] */
  plan: optional(list(list(headPlanField))),
  /** [layers][heads]: positions that are kept, and those of them that are middle activations. */
  kept: optional(perHead),
  middle: optional(perHead),
  /** [tokens]: share of the heads without a whole cache that keep the position. */
  keptBy: optional(list(figure)),
  /** Share of the cache that sinks, recents and whole heads take at the least. */
  smallest: optional(figure),
  /** Layers that take more than the budget for it. */
  tooSmall: optional(wholes),
  effects: optional(list(planEffect)),
  /** Divergence of each random control. */
  random: optional(list(figure)),
  /** Tokens behind which plans were measured, and where they come from. */
  measured: optional(object({ tokens: whole, text, from: oneOf(['model', 'person']) })),
  keptOnly: optional(keptOnly),
  groups: optional(list(object({ task: text, title: text, prompts: whole }))),
  /** [layers][heads]: share of the prompts of the first task in which the head is among those that keep everything. */
  frequency: optional(perHead),
  /** [groups][groups]: share of these heads that two prompts have in common; NaN where there are no two. */
  overlap: optional(perHead),
  /** The share that two random sets would have in common. */
  chance: optional(figure),
});
export type TaskKvResult = Output<typeof taskKvResult>;
