/** What the analysis `plan-evaluation` saves. */
import type { Schema } from '../../../protocol/schema/check';
import {
  count,
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
import { headPlanField, type HeadPlan } from '../../../protocol/plans/head-plan';
import {
  headScoresField,
  planMeasureField,
  planOriginField,
  plannedModelField,
} from '../../../protocol/plans/plan-file';
import type { GivenPlan } from '../../../protocol/plans/plan-from';
import type { Facts } from '../../tasks/task';
import { comparedKinds, type ComparedKind } from './plans';
import { startModes, type StartMode } from './parameters';

/** `accuracy`: share of prompts that are answered; `loss`: of the next token in nats, mean over the tokens that count. */
export const scoreKinds = ['accuracy', 'loss'] as const;
export type ScoreKind = (typeof scoreKinds)[number];

export interface EvaluatedPlan {
  /** `full cache`, `plan`, `plan without means`, `uniform`, `random 1`, … */
  readonly plan: string;
  readonly kind: ComparedKind;
  /** Of the keys and values of all layers in float32 once a prompt is read; mean over prompts, to a byte. */
  readonly bytes: number;
  /** The same of the full cache. */
  readonly bytesFull: number;
  /** Of the bytes of the full cache. */
  readonly share: number;
  /** Decoded behind the longest prompt; null where it was not measured. */
  readonly tokensPerSecond: number | null;
  readonly score: number;
  /** 95 % interval: Wilson's of an accuracy, Student's of a mean loss. */
  readonly low: number;
  readonly high: number;
  /** Prompts or windows. */
  readonly n: number;
  /** Of the right answers in nats, mean over prompts; of text the score. */
  readonly loss: number;
  /** e^loss; of text alone. */
  readonly perplexity: number | null;
  /** Score less that of the full cache, with the 95 % interval of paired differences. */
  readonly change: number;
  readonly changeLow: number;
  readonly changeHigh: number;
  /** Score of the plan less this one, with the 95 % interval of paired differences. */
  readonly lead: number;
  readonly leadLow: number;
  readonly leadHigh: number;
}

export interface CurvePoint extends Pick<EvaluatedPlan, 'kind' | 'bytes' | 'score' | 'low' | 'high'> {
  /** Factor on what is kept of the heads that do not keep everything. */
  readonly scale: number;
}

export interface EvaluatedUnit {
  readonly name: string;
  /** Tokens in the cache when the next is predicted, and those in front of the question. */
  readonly length: number;
  readonly context: number;
  readonly facts: Facts;
  /** By row of `rows`: 1 or 0 of a prompt, the loss of a window. */
  readonly scores: readonly number[];
}

/** Accuracy of the prompts that have one value of a fact, by row of `rows`. */
export interface FactRow {
  readonly fact: string;
  readonly value: string;
  readonly n: number;
  readonly scores: readonly number[];
}

// A type and no interface: results are records.
export type PlanEvaluationResult = {
  readonly plan: GivenPlan;
  /** Of the task, or of the text. */
  readonly what: string;
  readonly scored: ScoreKind;
  readonly from: StartMode;
  readonly rows: readonly EvaluatedPlan[];
  readonly curve: readonly CurvePoint[];
  readonly units: readonly EvaluatedUnit[];
  readonly byFact: readonly FactRow[];
  /** [layers][key/value heads]: positions that the plan keeps once a prompt is read, mean over prompts. */
  readonly kept: readonly (readonly number[])[];
  /** Tokens in the cache, mean over prompts. */
  readonly length: number;
  /** Prompts or windows so short that the plan drops nothing of them. Older results do not say. */
  readonly undropped?: number;
  /** What was decoded to time it, and the tokens in front of it; absent: nothing was timed. */
  readonly timed?: { readonly tokens: number; readonly length: number };
  /** Prompts or windows in all. */
  readonly total: number;
  readonly notes: readonly string[];
};

const heads: Schema<GivenPlan['heads']> = list(
  list<HeadPlan>(headPlanField, 'a list of heads', { least: 1, most: mostHeads }),
  'a list of layers',
  { least: 1, most: mostLayers },
);

const facts: Schema<Facts> = record(either(figure, text, 'a number or a text'), 'an object of facts');

export const planEvaluationResult: Schema<PlanEvaluationResult> = object<PlanEvaluationResult>({
  plan: object<GivenPlan>({
    title: text,
    heads,
    prompt: optional(count),
    measured: optional(list(planMeasureField)),
    model: optional(plannedModelField),
    origin: optional(planOriginField),
    note: optional(text),
    scores: optional(headScoresField),
  }),
  what: text,
  scored: oneOf(scoreKinds),
  from: oneOf(startModes),
  rows: list(
    object<EvaluatedPlan>({
      plan: text,
      kind: oneOf(comparedKinds),
      bytes: figure,
      bytesFull: figure,
      share: figure,
      tokensPerSecond: orNull(number),
      score: figure,
      low: figure,
      high: figure,
      n: whole,
      loss: figure,
      perplexity: orNull(figure),
      change: figure,
      changeLow: figure,
      changeHigh: figure,
      lead: figure,
      leadLow: figure,
      leadHigh: figure,
    }),
  ),
  curve: list(
    object<CurvePoint>({
      kind: oneOf(comparedKinds),
      scale: figure,
      bytes: figure,
      score: figure,
      low: figure,
      high: figure,
    }),
  ),
  units: list(
    object<EvaluatedUnit>({ name: text, length: whole, context: whole, facts, scores: list(figure) }),
    'a list of prompts',
    { most: 100_000 },
  ),
  byFact: list(object<FactRow>({ fact: text, value: text, n: whole, scores: list(figure) })),
  kept: list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  length: figure,
  undropped: optional(whole),
  timed: optional(object<NonNullable<PlanEvaluationResult['timed']>>({ tokens: whole, length: whole })),
  total: whole,
  notes: texts,
});
