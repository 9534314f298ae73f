/** A form in which a plan is read from elsewhere and written for elsewhere, one file each, beside this one. */
import type { ParameterValues } from '../../schema/parts';
import type { Checked } from '../../schema/check';
import type { HeadPlan, RecentPlan } from '../head-plan';
import { checkPlan, type Plan, type PlannedModel } from '../plan-file';

/** What a file of another form does not say: the model that the plan is for, and what made it here. */
export interface ImportTarget {
  readonly model: PlannedModel;
  readonly layers: number;
  /** Key/value heads of a layer. */
  readonly kvHeads: number;
  readonly title: string;
  /** ISO 8601 time. */
  readonly created: string;
  /** Version of Headscope. */
  readonly headscope: string;
  /** E.g. the name of the file. */
  readonly note?: string;
  /** What the form leaves open, e.g. a threshold of gates, by name. */
  readonly settings?: ParameterValues;
}

export interface PlanFormat {
  /** Names it in commands: never changed. */
  readonly id: string;
  readonly title: string;
  /** Extension of its files, with the point. */
  readonly extension: string;
  /** Not ok, with a sentence, when the text is not of this form or not for this model. */
  readonly import?: (text: string, target: ImportTarget) => Checked<Plan>;
  /** Not ok, with a sentence, where the form has no words for what a head keeps. */
  readonly export?: (plan: Plan) => Checked<string>;
}

/** A plan of imported heads; not ok where they are not those of the model. `settings`: as the import understood them; `scores`: of key/value heads. */
export function importedPlan(
  heads: readonly (readonly HeadPlan[])[],
  target: ImportTarget,
  settings: ParameterValues = target.settings ?? {},
  scores?: readonly (readonly number[])[],
): Checked<Plan> {
  const { model, layers, kvHeads, title, created, headscope, note } = target;
  const uneven = heads.findIndex((layer) => layer.length !== kvHeads);
  if (heads.length !== layers)
    return { ok: false, why: `The file has ${heads.length} layers, and ${model.name} has ${layers}.` };
  if (uneven >= 0)
    return {
      ok: false,
      why: `Layer ${uneven} of the file has ${heads[uneven]?.length ?? 0} key/value heads, and ${model.name} has ${kvHeads}.`,
    };
  const origin = {
    method: 'imported',
    settings,
    seed: 0,
    created,
    headscope,
    ...(note === undefined ? {} : { note }),
    ...(scores === undefined ? {} : { scores }),
  };
  return checkPlan({ kind: 'headscope-plan', version: 1, title, model, heads, origin });
}

/**
 * What the heads of a plan keep that do not keep everything, where it is the same number of first and recent positions for all of them;
 * undefined if all keep everything. `appended`: the form keeps what is written after the prompt beside the rest.
 */
export function streamOf({ heads }: Plan, form: string, { appended = false } = {}): Checked<RecentPlan | undefined> {
  const streams = heads.flat().filter(({ kind }) => kind !== 'full');
  const [first] = streams;
  const plain = streams.every(
    (keep) =>
      keep.kind === 'recent' &&
      keep.share === undefined &&
      !keep.mean &&
      (appended || !keep.append) &&
      first?.kind === 'recent' &&
      keep.sinks === first.sinks &&
      keep.recent === first.recent,
  );
  if (!plain)
    return {
      ok: false,
      why: `${form} two kinds of heads: those that keep everything, and those with the same sinks and recents. Export a table instead.`,
    };
  return { ok: true, result: first?.kind === 'recent' ? first : undefined };
}
