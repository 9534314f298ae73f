/** What the analysis `plan-evaluation` saves. */
import { givenPlan } from '../../../protocol/plans/plan-from';
import type { Output, Schema } from '../../../protocol/schema/check';
import {
  either,
  figure,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  record,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import type { Facts } from '../../tasks/task';
import { comparedKinds } from './plans';
import { startModes } from './parameters';

/** `accuracy`: share of prompts that are answered; `loss`: of the next token in nats, mean over the tokens that count. */
const scoreKinds = ['accuracy', 'loss'] as const;
export type ScoreKind = (typeof scoreKinds)[number];

const facts: Schema<Facts> = record(either(figure, text, 'a number or a text'), 'an object of facts');

const evaluatedPlan = object({
  /** `full cache`, `plan`, `plan without means`, `uniform`, `random 1`, … */
  plan: text,
  kind: oneOf(comparedKinds),
  /** Bytes of the keys and values of all layers in float32 once a prompt is read; mean over prompts, to a byte. */
  bytes: figure,
  /** The same of the full cache. */
  bytesFull: figure,
  /** Share of the bytes of the full cache. */
  share: figure,
  /** Decoded behind the longest prompt; null where it was not measured. */
  tokensPerSecond: orNull(number),
  score: figure,
  /** 95 % interval: Wilson's of an accuracy, Student's of a mean loss. */
  low: figure,
  high: figure,
  /** Prompts or windows. */
  n: whole,
  /** Loss of the right answers in nats, mean over prompts; where text is read, the score. */
  loss: figure,
  /** e^loss; of text alone. */
  perplexity: orNull(figure),
  /** Score less that of the full cache, with the 95 % interval of paired differences. */
  change: figure,
  changeLow: figure,
  changeHigh: figure,
  /** Score of the plan less this one, with the 95 % interval of paired differences. */
  lead: figure,
  leadLow: figure,
  leadHigh: figure,
});
export type EvaluatedPlan = Output<typeof evaluatedPlan>;

/** Accuracy of the prompts that have one value of a fact, by row of `rows`. */
const factRow = object({ fact: text, value: text, n: whole, scores: list(figure) });
export type FactRow = Output<typeof factRow>;

export const planEvaluationResult = object({
  plan: givenPlan,
  /** The name of the task, or of the text. */
  what: text,
  scored: oneOf(scoreKinds),
  from: oneOf(startModes),
  rows: list(evaluatedPlan),
  curve: list(
    object({
      kind: oneOf(comparedKinds),
      /** Factor on what is kept of the heads that do not keep everything. */
      scale: figure,
      bytes: figure,
      score: figure,
      low: figure,
      high: figure,
    }),
  ),
  units: list(
    object({
      name: text,
      /** Tokens in the cache when the next is predicted, and those in front of the question. */
      length: whole,
      context: whole,
      facts,
      /** By row of `rows`: 1 or 0 of a prompt, the loss of a window. */
      scores: list(figure),
    }),
    'a list of prompts',
    { most: 100_000 },
  ),
  byFact: list(factRow),
  /** [layers][key/value heads]: positions that the plan keeps once a prompt is read, mean over prompts. */
  kept: list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  /** Tokens in the cache, mean over prompts. */
  length: figure,
  /** Prompts or windows so short that the plan drops nothing of them. Older results do not say. */
  undropped: optional(whole),
  /** What was decoded to time it, and the tokens in front of it; absent: nothing was timed. */
  timed: optional(object({ tokens: whole, length: whole })),
  /** Prompts or windows in all. */
  total: whole,
  notes: texts,
});
export type PlanEvaluationResult = Output<typeof planEvaluationResult>;
