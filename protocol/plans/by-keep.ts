/** Heads of a plan that keep alike. */
import { headPlanText, type HeadPlan } from './head-plan';

export interface AlikeHeads {
  /** What they keep, in its written form. */
  readonly keeps: string;
  readonly plan: HeadPlan;
  readonly heads: readonly { readonly layer: number; readonly head: number }[];
}

/** Of heads [layers][key/value heads], in the order in which each kind comes first. */
export function headsByKeep(heads: readonly (readonly HeadPlan[])[]): readonly AlikeHeads[] {
  const kinds = new Map<string, { plan: HeadPlan; heads: { layer: number; head: number }[] }>();
  heads.forEach((row, layer) =>
    row.forEach((plan, head) => {
      const keeps = headPlanText(plan);
      const kind = kinds.get(keeps) ?? { plan, heads: [] };
      kind.heads.push({ layer, head });
      kinds.set(keeps, kind);
    }),
  );
  return [...kinds].map(([keeps, kind]) => ({ keeps, ...kind }));
}
