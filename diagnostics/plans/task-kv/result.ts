/** What the analysis finds; heads are key/value heads. */
import type { Schema } from '../../../protocol/schema/check';
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
import { headPlanField, type HeadPlan } from '../../../protocol/plans/head-plan';

export const spaces = ['head', 'residual'] as const;
export type Space = (typeof spaces)[number];

type PerHead = readonly (readonly number[])[];

/** Of one prompt. */
export interface Placed {
  /** [layers][heads]: distance of v' from the centre of the layer, in the coordinates of the heads. */
  readonly distance: PerHead;
  /** The same behind the output projection. */
  readonly residual: PerHead;
  /** [layers]: the farthest heads, rising; in the space that parts them. */
  readonly far: readonly (readonly number[])[];
  /** [layers]: the nearest head, which is kept with them; null where there is none. */
  readonly nearest: readonly (number | null)[];
}

export interface LayerPicture {
  /** By head, along the two principal components of v' of the layer. */
  readonly first: readonly number[];
  readonly second: readonly number[];
  /** Share of the variance of each. */
  readonly shares: readonly [number, number];
}

export interface PlanEffect {
  readonly name: string;
  readonly title: string;
  /** Of keys and values when the prompt was read. */
  readonly bytes: number;
  /** Of the bytes of the full cache. */
  readonly share: number;
  /** Nats, mean over the tokens measured; of random controls over these too. */
  readonly divergence: number;
  readonly nll: number;
}

export interface KeptOnly {
  /** Heads that a layer keeps: as many as were asked for, at most half of them; of layers of different sizes the most. */
  readonly heads: number;
  /** Nats per token of the continuation with all heads. */
  readonly plain: number;
  /** [layers], nats per token; NaN where the layer has one head. */
  readonly far: readonly number[];
  readonly near: readonly number[];
}

export interface TaskGroup {
  readonly task: string;
  readonly title: string;
  readonly prompts: number;
}

interface Fields {
  readonly space: Space;
  readonly budget: number;
  /** Tokens of the prompt; of several the longest. */
  readonly tokens: number;
  readonly sinks: number;
  readonly recents: number;
  readonly window: number;
  readonly top: number;
  /** Of one prompt, or means over the prompts of the first task, whose `far` are heads that keep everything in at least half of them. */
  readonly placed?: Placed;

  /** Text of each token of the prompt. */
  readonly pieces?: readonly string[];
  readonly pictures?: readonly LayerPicture[];
  /** [layers][heads] */
  readonly plan?: readonly (readonly HeadPlan[])[];
  /** [layers][heads]: positions that are kept, and those of them that are middle activations. */
  readonly kept?: PerHead;
  readonly middle?: PerHead;
  /** [tokens]: share of the heads without a whole cache that keep the position. */
  readonly keptBy?: readonly number[];
  /** Share of the cache that sinks, recents and whole heads take at the least. */
  readonly smallest?: number;
  /** Layers that take more than the budget for it. */
  readonly tooSmall?: readonly number[];
  readonly effects?: readonly PlanEffect[];
  /** Divergence of each random control. */
  readonly random?: readonly number[];
  /** Tokens behind which plans were measured, and where they come from. */
  readonly measured?: { readonly tokens: number; readonly text: string; readonly from: 'model' | 'person' };
  readonly keptOnly?: KeptOnly;

  readonly groups?: readonly TaskGroup[];
  /** [layers][heads]: share of the prompts of the first task in which the head is among those that keep everything. */
  readonly frequency?: PerHead;
  /** [groups][groups]: share of these heads that two prompts have in common; NaN where there are no two. */
  readonly overlap?: PerHead;
  /** The share that two random sets would have in common. */
  readonly chance?: number;
}
export interface TaskKvResult extends Fields, Readonly<Record<string, unknown>> {}

const perHead = list(list(figure));

export const taskKvResult: Schema<TaskKvResult> = object<Pick<Fields, keyof Fields>>({
  space: oneOf(spaces),
  budget: figure,
  tokens: whole,
  sinks: whole,
  recents: whole,
  window: whole,
  top: whole,
  placed: optional(
    object<Placed>({ distance: perHead, residual: perHead, far: list(wholes), nearest: list(orNull(whole)) }),
  ),
  pieces: optional(texts),
  pictures: optional(
    list(
      object<LayerPicture>({
        first: list(number),
        second: list(number),
        shares: pair(number, number, 'two shares'),
      }),
    ),
  ),
  plan: optional(list(list(headPlanField))),
  kept: optional(perHead),
  middle: optional(perHead),
  keptBy: optional(list(figure)),
  smallest: optional(figure),
  tooSmall: optional(wholes),
  effects: optional(
    list(
      object<PlanEffect>({
        name: text,
        title: text,
        bytes: figure,
        share: figure,
        divergence: figure,
        nll: figure,
      }),
    ),
  ),
  random: optional(list(figure)),
  measured: optional(
    object<NonNullable<Fields['measured']>>({ tokens: whole, text, from: oneOf(['model', 'person']) }),
  ),
  keptOnly: optional(object<KeptOnly>({ heads: whole, plain: figure, far: list(figure), near: list(figure) })),
  groups: optional(list(object<TaskGroup>({ task: text, title: text, prompts: whole }))),
  frequency: optional(perHead),
  overlap: optional(perHead),
  chance: optional(figure),
});
