/** What the analysis finds; heads are key/value heads. */
import type { Schema } from '../../../protocol/schema/check';
import { figure, list, object, optional, text, whole, wholes } from '../../../protocol/schema/fields';
import type { Rule } from './rules';

type PerHead = readonly (readonly number[])[];

export interface LengthInfluence {
  /** Tokens of the longest prompt with its answer. */
  readonly tokens: number;
  readonly prompts: number;
  /** [layers][heads]: sum over all blocks, nats, mean over the prompts. */
  readonly total: PerHead;
  /** [layers][heads]: mean distance from query to key, weighed by influence, without the first block of keys; tokens. */
  readonly distance: PerHead;
  /** [layers][heads]: the map by blocks of queries and keys, [side x side] row by row. */
  readonly maps: readonly (readonly (readonly number[])[])[];
  readonly side: number;
}

export interface ParetoPlan {
  /** By profiled length: predicted loss, nats. */
  readonly losses: readonly number[];
  /** Mean loss on the validation prompts, nats per token; NaN where it was not measured. */
  readonly validation: number;
}

export interface Judged {
  /** As asked for. */
  readonly tokens: number;
  readonly prompts: number;
  readonly bytes: number;
  /** Of the bytes of the full cache. */
  readonly share: number;
  /** Mean over the prompts of the mean loss of the supervised tokens, nats; and of the share that is the most probable. */
  readonly full: Answered;
  readonly plan: Answered;
  /** The same window for all heads, of at most as many bytes. */
  readonly uniform: Answered;
  /** The same rules at heads drawn at random: mean loss of each draw. */
  readonly random: readonly number[];
  /** Their mean; NaN of none. */
  readonly randomLoss: number;
  /** Loss of the uniform window less that of the plan, mean over prompts, with its 95 % interval. */
  readonly gain: { readonly mean: number; readonly low: number; readonly high: number };
}

interface Answered {
  readonly loss: number;
  readonly right: number;
}

interface Fields {
  readonly task: string;
  readonly supervised: string;
  readonly density: number;
  /** Tokens of a block. */
  readonly block: number;
  readonly influence?: readonly LengthInfluence[];
  /** Rules that were tried, and lengths at which the density holds. */
  readonly candidates?: number;
  /** Searches that stopped at their time limit with the best plan that they had found. */
  readonly unproved?: number;
  readonly bounded?: readonly number[];
  readonly validationLength?: number;
  readonly validationPrompts?: number;
  /** Plans of which none is better at all lengths. */
  readonly pareto?: readonly ParetoPlan[];
  /** The one that was chosen. */
  readonly chosen?: number;
  /** [layers][heads] */
  readonly rules?: readonly (readonly Rule[])[];
  /** Lengths of the table and the charts, rising. */
  readonly lengths?: readonly number[];
  /** [lengths][layers][heads]: positions that the cache keeps. */
  readonly spans?: readonly PerHead[];
  /** [lengths]: mean over the heads. */
  readonly meanSpan?: readonly number[];
  /** [lengths] */
  readonly bytes?: readonly number[];
  readonly bytesFull?: readonly number[];
  /** By profiled length: predicted loss of the plan, and of one window for all heads that keeps as many blocks. */
  readonly predicted?: readonly { readonly tokens: number; readonly plan: number; readonly uniform: number }[];
  /** [layers][heads]: predicted loss at the longest profiled length. */
  readonly headLoss?: PerHead;
  readonly judged?: readonly Judged[];
}
export interface MoaResult extends Fields, Readonly<Record<string, unknown>> {}

const perHead = list(list(figure));
const answered = object<Answered>({ loss: figure, right: figure });

export const moaResult: Schema<MoaResult> = object<Pick<Fields, keyof Fields>>({
  task: text,
  supervised: text,
  density: figure,
  block: whole,
  influence: optional(
    list(
      object<LengthInfluence>({
        tokens: whole,
        prompts: whole,
        total: perHead,
        distance: perHead,
        maps: list(list(list(figure))),
        side: whole,
      }),
    ),
  ),
  candidates: optional(whole),
  unproved: optional(whole),
  bounded: optional(wholes),
  validationLength: optional(whole),
  validationPrompts: optional(whole),
  pareto: optional(list(object<ParetoPlan>({ losses: list(figure), validation: figure }))),
  chosen: optional(whole),
  rules: optional(list(list(object<Rule>({ alpha: figure, beta: figure })))),
  lengths: optional(wholes),
  spans: optional(list(perHead)),
  meanSpan: optional(list(figure)),
  bytes: optional(list(figure)),
  bytesFull: optional(list(figure)),
  predicted: optional(
    list(object<NonNullable<Fields['predicted']>[number]>({ tokens: whole, plan: figure, uniform: figure })),
  ),
  headLoss: optional(perHead),
  judged: optional(
    list(
      object<Judged>({
        tokens: whole,
        prompts: whole,
        bytes: figure,
        share: figure,
        full: answered,
        plan: answered,
        uniform: answered,
        random: list(figure),
        randomLoss: figure,
        gain: object<Judged['gain']>({ mean: figure, low: figure, high: figure }),
      }),
    ),
  ),
});
