/** What the editor of a plan shows and what the person has arranged. Pure. */
import type { PaintedHead } from '../../../protocol/panels/plan-schema';
import type { ToPlanPanel } from '../../../protocol/panels/plan';
import { lowestGiveWay, recentsFor, shareOf, type Budget } from '../../../protocol/plans/budget';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import type { Plan } from '../../../protocol/plans/plan-file';
import type { SectionView } from '../../sections/section-kind';
import { fieldsIn } from '../../ui/host';
import { firstBrush, readBrush, type Brush } from './brush';
import { placesIn, type Selection } from './selection';
import { promptAt } from './sections';

/** What the budget slider turns. */
export type BudgetBy = 'recents' | 'scores';

/** Survives a reload. */
export interface Arranged {
  readonly brush: Brush;
  /** A stroke of the pointer paints; else it chooses. */
  readonly paints: boolean;
  /** As typed; undefined until something is: then it is the usual one of the plan. */
  readonly length: string | undefined;
  readonly by: BudgetBy;
  readonly views: Readonly<Record<string, SectionView>>;
}

export interface State extends Arranged {
  /** Undefined until the extension has answered. */
  readonly opened: ToPlanPanel | undefined;
  readonly selection: Selection | undefined;
  /** While the slider is held: what the plan would be. */
  readonly preview: Plan['heads'] | undefined;
  /**
   * The share that the slider was set to, until the plan changes otherwise: the plan comes close to it, and a slider that sprang
   * there could not be moved on by an arrow key.
   */
  readonly asked: number | undefined;
}

export const firstState: State = {
  opened: undefined,
  selection: undefined,
  preview: undefined,
  asked: undefined,
  brush: firstBrush,
  paints: false,
  length: undefined,
  by: 'recents',
  views: {},
};

/** What an earlier visit kept, as far as it can be used. */
export function restored(kept: unknown): State {
  const { brush, paints, length, by, views } = fieldsIn(kept);
  const isBrush = Object.entries(firstBrush).every(([key, value]) => typeof fieldsIn(brush)[key] === typeof value);
  return {
    ...firstState,
    ...(isBrush ? { brush: brush as Brush } : {}),
    ...(typeof paints === 'boolean' ? { paints } : {}),
    ...(typeof length === 'string' ? { length } : {}),
    ...(by === 'recents' || by === 'scores' ? { by } : {}),
    views: fieldsIn(views) as State['views'],
  };
}

export const kept = ({ brush, paints, length, by, views }: State): Arranged => ({ brush, paints, length, by, views });

export const received = (state: State, opened: ToPlanPanel): State => ({
  ...state,
  opened,
  preview: undefined,
  asked: state.preview && state.asked,
});

export const longestLength = 1 << 24;

type WithLength = Pick<State, 'length' | 'opened'>;

/** Positions at which the caches are counted; undefined while what is typed is no such number. */
export function lengthOf(state: WithLength): number | undefined {
  const typed = typedLength(state);
  const value = /^\s*\d+\s*$/.test(typed) ? Number(typed) : 0;
  return value >= 1 && value <= longestLength ? value : undefined;
}

/** What the field shows. */
export const typedLength = (state: WithLength): string => state.length ?? String(usualLength(state));

/** No longer than the model of the plan reads. */
export const usualLength = ({ opened }: Pick<State, 'opened'>): number =>
  Math.min(8192, opened?.result?.model.contextLength ?? Infinity);

/** The heads as they are drawn. */
export const headsOf = ({ opened, preview }: State): Plan['heads'] => preview ?? opened?.result?.heads ?? [];

const budgetOf = (plan: Plan, length: number): Budget => ({
  headDim: plan.model.headDim,
  length,
  prompt: promptAt(plan, length),
});

/** What a stroke over these places asks for; undefined where the brush cannot be read. */
export function strokeOf(state: State, selection: Selection): readonly PaintedHead[] | undefined {
  const brush = readBrush(state.brush);
  const heads = state.opened?.result?.heads;
  if (!brush.ok || !heads) return undefined;
  const counts = heads.map((layer) => layer.length);
  return placesIn(selection, counts).map((place) => ({ ...place, keep: brush.keep }));
}

/** The heads that a budget gives; undefined where the slider turns nothing. */
export function budgeted(state: State, share: number): Plan['heads'] | undefined {
  const plan = state.opened?.result;
  const length = lengthOf(state);
  if (!plan || length === undefined || whyNoBudget(state) !== undefined) return undefined;
  const budget = budgetOf(plan, length);
  if (state.by === 'recents') return recentsFor(plan.heads, share, budget);
  const brush = readBrush(state.brush);
  return brush.ok ? lowestGiveWay(plan.heads, plan.origin.scores ?? [], brush.keep, share, budget) : undefined;
}

/** Why the slider turns nothing, as a sentence. */
export function whyNoBudget(state: State): string | undefined {
  const plan = state.opened?.result;
  if (!plan) return undefined;
  if (lengthOf(state) === undefined) return 'Type a length first.';
  if (state.by === 'recents')
    return plan.heads.some((layer) => layer.some(({ kind }) => kind === 'recent'))
      ? undefined
      : 'No head keeps sinks and recents. Paint some first.';
  return readBrush(state.brush).ok ? undefined : 'Correct the brush first.';
}

/** The share of the full cache, 0..1, of what is drawn. */
export function shownShare(state: State): number | undefined {
  const plan = state.opened?.result;
  const length = lengthOf(state);
  return plan && length !== undefined ? shareOf(headsOf(state), budgetOf(plan, length)) : undefined;
}

/** The heads in which one plan is not as another. */
export function changesBetween(before: Plan['heads'], after: Plan['heads']): readonly PaintedHead[] {
  const same = (a: HeadPlan | undefined, b: HeadPlan): boolean => JSON.stringify(a) === JSON.stringify(b);
  return after.flatMap((layer, index) =>
    layer.flatMap((keep, head) => (same(before[index]?.[head], keep) ? [] : [{ layer: index, head, keep }])),
  );
}
