/** Changes of a plan by hand. What was measured of the plan before is no measure of the one after. */
import type { HeadPlan } from './head-plan';
import type { Plan } from './plan-file';

export interface Change {
  readonly layer: number;
  /** Key/value head. */
  readonly head: number;
  readonly keep: HeadPlan;
}

/** Who changes it, and when. */
export interface Editing {
  /** ISO 8601 time. */
  readonly created: string;
  /** Version of Headscope. */
  readonly headscope: string;
}

/** The plan with these heads changed; the same plan where nothing changes. Places that it does not have are left out. */
export function painted(plan: Plan, changes: readonly Change[], by: Editing): Plan {
  const heads = plan.heads.map((layer) => [...layer]);
  let changed = false;
  for (const { layer, head, keep } of changes) {
    const before = heads[layer]?.[head];
    if (before === undefined || JSON.stringify(before) === JSON.stringify(keep)) continue;
    heads[layer]?.splice(head, 1, keep);
    changed = true;
  }
  if (!changed) return plan;
  const { measured: _measured, prompt, origin, ...rest } = plan;
  const choosesPositions = heads.some((layer) => layer.some(({ kind }) => kind === 'kept'));
  const { method, note } = origin;
  const from = method === 'edited' ? note : [`Edited by hand; before, by ${method}.`, note].join(' ').trim();
  return {
    ...rest,
    heads,
    ...(prompt === undefined || !choosesPositions ? {} : { prompt }),
    origin: { ...origin, ...by, method: 'edited', ...(from === undefined ? {} : { note: from }) },
  };
}

export interface NewPlan extends Editing {
  readonly title: string;
  readonly model: Plan['model'];
  readonly layers: number;
  /** Key/value heads of each layer. */
  readonly kvHeads: number;
}

/** A plan to begin with: every head keeps everything. */
export const newPlan = ({ title, model, layers, kvHeads, ...by }: NewPlan): Plan => ({
  kind: 'headscope-plan',
  version: 1,
  title,
  model,
  origin: { method: 'edited', settings: {}, seed: 0, ...by },
  heads: Array.from({ length: layers }, () => Array.from({ length: kvHeads }, (): HeadPlan => ({ kind: 'full' }))),
});
