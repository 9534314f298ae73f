/** A plan as a file (`*.headscope-plan.json`): what each key/value head keeps, where that comes from, and what it was measured to cost. */
import * as v from 'valibot';
import { type Output, check, parseJson, type Checked, type Schema } from '../schema/check';
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
import { headOf, mostHeads, mostLayers } from '../schema/parts';
import { headPlanField } from './head-plan';

const values = record(
  either(either(number, text, 'a number or a text'), flag, 'a number, a text, true or false'),
  'an object of settings',
);

const scoresFit = ({ heads, origin: { scores } }: Plan): boolean =>
  scores === undefined ||
  (scores.length === heads.length && scores.every((layer, index) => layer.length === heads[index]?.length));

const needsPrompt = (plan: Plan): boolean =>
  plan.prompt !== undefined || !plan.heads.some((layer) => layer.some(({ kind }) => kind === 'kept'));

/** The model that a plan is for. It may be tried on another of the same layers and key/value heads. */
export const plannedModelField = object({
  name: text,
  hash: text,
  headDim: count,
  /** Query heads of a layer. */
  heads: count,
  /** Tokens that it can read. Absent: not known, or of a file from before this was kept. */
  contextLength: optional(count),
});
export type PlannedModel = Output<typeof plannedModelField>;

/** NaN, in files null, where a head has none. */
export const headScoresField: Schema<readonly (readonly number[])[]> = list(
  list(anyNumber, 'a list of scores', { most: mostHeads }),
  'a list of layers',
  { most: mostLayers },
);

export const planOriginField = object({
  /** Id of the analysis; or `edited`, `imported`. */
  method: filledText,
  settings: values,
  seed: whole,
  /** ISO 8601 time. */
  created: text,
  /** Version of Headscope. */
  headscope: text,
  /** Where the numbers come from, e.g. the name of an imported file. */
  note: optional(text),
  /** [layers][key/value heads]: what the method ranked heads by; the larger, the more a head needs of the past. */
  scores: optional(headScoresField),
});
export type PlanOrigin = Output<typeof planOriginField>;

/** [layers][key/value heads]; a layer without attention has none. */
export const headPlans = list(list(headPlanField, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  least: 1,
  most: mostLayers,
});

/** One row of what a plan was measured to do (`headscope plan evaluate`). */
export const planMeasureField = object({
  /** E.g. a task and its metric. */
  what: text,
  score: figure,
  low: figure,
  high: figure,
  n: whole,
  /** The same with the full cache. */
  full: figure,
  /** Bytes of the caches of all layers at the end of the prompts, on average. */
  bytes: number,
  bytesFull: number,
});
export type PlanMeasure = Output<typeof planMeasureField>;

const plan = object(
  {
    ...headOf('headscope-plan', 'plan'),
    title: text,
    model: plannedModelField,
    heads: headPlans,
    /** Tokens of the one prompt that it is for, where heads keep chosen positions. */
    prompt: optional(count),
    origin: planOriginField,
    measured: optional(list(planMeasureField)),
  },
  'a JSON object',
);
export type Plan = Output<typeof plan>;

export const planField = v.pipe(
  plan,
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
