/** What the analysis finds; heads are key/value heads. */
import { rule } from './rules';
import type { Output } from '../../../protocol/schema/check';
import { figure, list, object, optional, text, whole, wholes } from '../../../protocol/schema/fields';
import { measuredMean } from '../../shared/statistics/proportion';

const perHead = list(list(figure));
const answered = object({ loss: figure, right: figure });

const lengthInfluence = object({
  /** Tokens of the longest prompt with its answer. */
  tokens: whole,
  prompts: whole,
  /** [layers][heads]: sum over all blocks, nats, mean over the prompts. */
  total: perHead,
  /** [layers][heads]: mean distance from query to key, weighed by influence, without the first block of keys; tokens. */
  distance: perHead,
  /** [layers][heads]: the map by blocks of queries and keys, [side x side] row by row. */
  maps: list(list(list(figure))),
  side: whole,
});
export type LengthInfluence = Output<typeof lengthInfluence>;

const judged = object({
  /** As asked for. */
  tokens: whole,
  prompts: whole,
  bytes: figure,
  /** Share of the bytes of the full cache. */
  share: figure,
  /** Mean over the prompts of the mean loss of the supervised tokens, nats; and of the share that is the most probable. */
  full: answered,
  plan: answered,
  /** The same window for all heads, of at most as many bytes. */
  uniform: answered,
  /** The same rules at heads drawn at random: mean loss of each draw. */
  random: list(figure),
  /** Their mean; NaN of none. */
  randomLoss: figure,
  /** Loss of the uniform window less that of the plan, mean over prompts, with its 95 % interval. */
  gain: measuredMean,
});
export type Judged = Output<typeof judged>;

export const moaResult = object({
  task: text,
  supervised: text,
  density: figure,
  /** Tokens of a block. */
  block: whole,
  influence: optional(list(lengthInfluence)),
  /** Rules that were tried, and lengths at which the density holds. */
  candidates: optional(whole),
  /** Searches that stopped at their time limit with the best plan that they had found. */
  unproved: optional(whole),
  bounded: optional(wholes),
  validationLength: optional(whole),
  validationPrompts: optional(whole),
  /** Plans of which none is better at all lengths. */
  pareto: optional(
    list(
      object({
        /** By profiled length: predicted loss, nats. */
        losses: list(figure),
        /** Mean loss on the validation prompts, nats per token; NaN where it was not measured. */
        validation: figure,
      }),
    ),
  ),
  /** The one that was chosen. */
  chosen: optional(whole),
  /** [layers][heads] */
  rules: optional(list(list(rule))),
  /** Lengths of the table and the charts, rising. */
  lengths: optional(wholes),
  /** [lengths][layers][heads]: positions that the cache keeps. */
  spans: optional(list(perHead)),
  /** [lengths]: mean over the heads. */
  meanSpan: optional(list(figure)),
  /** [lengths] */
  bytes: optional(list(figure)),
  bytesFull: optional(list(figure)),
  /** By profiled length: predicted loss of the plan, and of one window for all heads that keeps as many blocks. */
  predicted: optional(list(object({ tokens: whole, plan: figure, uniform: figure }))),
  /** [layers][heads]: predicted loss at the longest profiled length. */
  headLoss: optional(perHead),
  judged: optional(list(judged)),
});
export type MoaResult = Output<typeof moaResult>;
