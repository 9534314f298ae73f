/** A plan with the model that it is for and where it comes from. */
import type { ModelSummary } from '../schema/parts';
import type { Plan, PlannedModel, PlanOrigin } from './plan-file';

/** What an analysis or an imported file says itself; `model` and `origin` only where they are not those of the run. */
export interface GivenPlan extends Pick<Plan, 'title' | 'heads' | 'prompt' | 'measured'> {
  readonly model?: PlannedModel;
  readonly origin?: PlanOrigin;
  /** Becomes the note of the origin. */
  readonly note?: string;
  /** Becomes the scores of the origin: what heads were ranked by, [layers][key/value heads]. */
  readonly scores?: PlanOrigin['scores'];
}

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
