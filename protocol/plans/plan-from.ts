/** A plan with the model that it is for and where it comes from. */
import { object, text, optional, count, list } from '../schema/fields';
import {
  planMeasureField,
  plannedModelField,
  planOriginField,
  headPlans,
  headScoresField,
  type Plan,
  type PlannedModel,
  type PlanOrigin,
} from './plan-file';
import type { Output } from '../schema/check';
import type { ModelSummary } from '../schema/parts';

/** What an analysis or an imported file says itself; `model` and `origin` only where they are not those of the run. */
export const givenPlan = object({
  title: text,
  heads: headPlans,
  prompt: optional(count),
  measured: optional(list(planMeasureField)),
  model: optional(plannedModelField),
  origin: optional(planOriginField),
  /** Becomes the note of the origin. */
  note: optional(text),
  /** Becomes the scores of the origin: what heads were ranked by, [layers][key/value heads]. */
  scores: optional(headScoresField),
});
export type GivenPlan = Output<typeof givenPlan>;

export const plannedModel = ({ name, hash, headDim, heads, contextLength }: ModelSummary): PlannedModel => ({
  name,
  hash,
  headDim,
  heads,
  ...(contextLength === undefined ? {} : { contextLength }),
});

/** `origin`: of the run that gave it; an origin without a time is completed by it. */
export function planFrom(
  model: ModelSummary,
  { title, heads, prompt, measured, note, scores, ...own }: GivenPlan,
  origin: PlanOrigin,
): Plan {
  return {
    kind: 'headscope-plan',
    version: 1,
    title,
    model: own.model ?? plannedModel(model),
    heads,
    ...(prompt === undefined ? {} : { prompt }),
    origin: own.origin?.created
      ? own.origin
      : { ...origin, ...noteOf(note ?? own.origin?.note), ...(scores === undefined ? {} : { scores }) },
    ...(measured === undefined ? {} : { measured }),
  };
}

const noteOf = (note: string | undefined): { readonly note?: string } => (note === undefined ? {} : { note });
