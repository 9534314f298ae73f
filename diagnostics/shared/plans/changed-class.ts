/** Heads of two plans that keep everything in one of them alone. */
import type { TableSection } from '../../../protocol/sections/table';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import { headPlanText } from '../../../protocol/plans/head-plan';
import type { HeadPlace } from '../../model-runner/variant';

type Heads = readonly (readonly HeadPlan[])[];

const isFull = (plan: Heads, { layer, head }: HeadPlace): boolean => plan[layer]?.[head]?.kind === 'full';

export const changedClass = (first: Heads, second: Heads): readonly HeadPlace[] =>
  first
    .flatMap((row, layer) => row.map((_, head) => ({ layer, head })))
    .filter((place) => isFull(first, place) !== isFull(second, place));

export function changedClassTable(first: Heads, second: Heads): TableSection {
  const textOf = (plan: Heads, { layer, head }: HeadPlace): string => {
    const keep = plan[layer]?.[head];
    return keep ? headPlanText(keep) : 'none';
  };
  return {
    kind: 'table',
    id: 'changed-class',
    title: 'Heads that changed class',
    empty: 'The same heads keep everything.',
    columns: [
      { name: 'head', title: 'Key/value head', kind: 'head' },
      { name: 'first', title: 'Other plan', kind: 'text' },
      { name: 'second', title: 'This plan', kind: 'text' },
    ],
    rows: changedClass(first, second).map((place) => [place, textOf(first, place), textOf(second, place)]),
  };
}

export const sameHeads = (a: readonly (readonly unknown[])[], b: readonly (readonly unknown[])[]): boolean =>
  a.length === b.length && a.every((row, layer) => row.length === b[layer]?.length);
