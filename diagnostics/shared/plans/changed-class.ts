/** Heads of two plans that keep everything in one of them alone. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { type HeadPlan, headPlanText } from '../../../protocol/plans/head-plan';
import * as build from '../../../protocol/sections/builders';

type Heads = readonly (readonly HeadPlan[])[];

const isFull = (plan: Heads, { layer, head }: HeadPlace): boolean => plan[layer]?.[head]?.kind === 'full';

export const changedClass = (first: Heads, second: Heads): readonly HeadPlace[] =>
  first
    .flatMap((row, layer) => row.map((_, head) => ({ layer, head })))
    .filter((place) => isFull(first, place) !== isFull(second, place));

export function changedClassTable(first: Heads, second: Heads) {
  const textOf = (plan: Heads, { layer, head }: HeadPlace): string => {
    const keep = plan[layer]?.[head];
    return keep ? headPlanText(keep) : 'none';
  };
  return build.table(
    'changed-class',
    'Heads that changed class',
    '',
    changedClass(first, second),
    [
      build.head((place) => place, 'head', 'Key/value head'),
      build.text('first', 'Other plan', (place) => textOf(first, place)),
      build.text('second', 'This plan', (place) => textOf(second, place)),
    ],
    { empty: 'The same heads keep everything.' },
  );
}

export const sameHeads = (a: readonly (readonly unknown[])[], b: readonly (readonly unknown[])[]): boolean =>
  a.length === b.length && a.every((row, layer) => row.length === b[layer]?.length);
