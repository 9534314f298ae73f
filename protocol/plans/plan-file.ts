/** A plan as a file (`*.headscope-plan.json`): what each key/value head keeps, where that comes from, and what it was measured to cost. */
import * as v from 'valibot';
import { check, parseJson, type Checked, type Schema } from '../schema/check';
import {
  anyNumber,
  count,
  filledText,
  flag,
  list,
  number,
  object,
  optional,
  record,
  text,
  whole,
  either,
  figure,
} from '../schema/fields';
import { type ParameterValues, headOf, mostHeads, mostLayers } from '../schema/parts';
import { headPlanField, type HeadPlan } from './head-plan';

/** The model that a plan is for. It may be tried on another of the same layers and key/value heads. */
export interface PlannedModel {
  readonly name: string;
  readonly hash: string;
  readonly headDim: number;
  /** Query heads of a layer. */
  readonly heads: number;
  /** Tokens that it can read. Absent: not known, or of a file from before this was kept. */
  readonly contextLength?: number;
}

export interface PlanOrigin {
  /** Id of the analysis; or `edited`, `imported`. */
  readonly method: string;
  readonly settings: ParameterValues;
  readonly seed: number;
  /** ISO 8601 time. */
  readonly created: string;
  /** Version of Headscope. */
  readonly headscope: string;
  /** Where the numbers come from, e.g. the name of an imported file. */
  readonly note?: string;
  /** [layers][key/value heads]: what the method ranked heads by; the larger, the more a head needs of the past. */
  readonly scores?: readonly (readonly number[])[];
}

/** One row of what a plan was measured to do (`headscope plan evaluate`). */
export interface PlanMeasure {
  /** E.g. a task and its metric. */
  readonly what: string;
  readonly score: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
  /** The same with the full cache. */
  readonly full: number;
  /** Of the caches of all layers at the end of the prompts, on average. */
  readonly bytes: number;
  readonly bytesFull: number;
}

export interface Plan {
  readonly kind: 'headscope-plan';
  readonly version: 1;
  readonly title: string;
  readonly model: PlannedModel;
  /** [layers][key/value heads] */
  readonly heads: readonly (readonly HeadPlan[])[];
  /** Tokens of the one prompt that it is for, where heads keep chosen positions. */
  readonly prompt?: number;
  readonly origin: PlanOrigin;
  readonly measured?: readonly PlanMeasure[];
}

const values = record(
  either(either(number, text, 'a number or a text'), flag, 'a number, a text, true or false'),
  'an object of settings',
);

const scoresFit = ({ heads, origin: { scores } }: Plan): boolean =>
  scores === undefined ||
  (scores.length === heads.length && scores.every((layer, index) => layer.length === heads[index]?.length));

const needsPrompt = (plan: Plan): boolean =>
  plan.prompt !== undefined || !plan.heads.some((layer) => layer.some(({ kind }) => kind === 'kept'));

export const plannedModelField: Schema<PlannedModel> = object<PlannedModel>({
  name: text,
  hash: text,
  headDim: count,
  heads: count,
  contextLength: optional(count),
});

/** NaN, in files null, where a head has none. */
export const headScoresField: Schema<readonly (readonly number[])[]> = list(
  list(anyNumber, 'a list of scores', { most: mostHeads }),
  'a list of layers',
  { most: mostLayers },
);

export const planOriginField: Schema<PlanOrigin> = object<PlanOrigin>({
  method: filledText,
  settings: values,
  seed: whole,
  created: text,
  headscope: text,
  note: optional(text),
  scores: optional(headScoresField),
});

export const planMeasureField: Schema<PlanMeasure> = object<PlanMeasure>({
  what: text,
  score: figure,
  low: figure,
  high: figure,
  n: whole,
  full: figure,
  bytes: number,
  bytesFull: number,
});

export const planField: Schema<Plan> = v.pipe(
  object<Plan>(
    {
      ...headOf('headscope-plan', 'plan'),
      title: text,
      model: plannedModelField,
      heads: list(list(headPlanField, 'a list of heads', { least: 1, most: mostHeads }), 'a list of layers', {
        least: 1,
        most: mostLayers,
      }),
      prompt: optional(count),
      origin: planOriginField,
      measured: optional(list(planMeasureField)),
    },
    'a JSON object',
  ),
  v.check(scoresFit, 'a plan whose scores are one for each key/value head'),
  v.check(needsPrompt, 'a plan that gives the length of its prompt, as heads keep chosen positions of it'),
);

export const checkPlan = (given: unknown): Checked<Plan> => check(planField, given, 'The plan');
export const parsePlan = (content: string): Checked<Plan> => parseJson(planField, content);

/** One head a line, so that versions differ line by line. */
export function planText(plan: Plan): string {
  const { heads, ...rest } = plan;
  const marker = '\u0000heads';
  const layers = heads
    .map((layer) => `    [\n${layer.map((head) => `      ${JSON.stringify(head)}`).join(',\n')}\n    ]`)
    .join(',\n');
  const shell = JSON.stringify({ ...rest, heads: marker }, undefined, 2);
  return `${shell.replace(JSON.stringify(marker), () => `[\n${layers}\n  ]`)}\n`;
}
