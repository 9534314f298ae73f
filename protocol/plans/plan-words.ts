/** How what heads keep is called and counted, on the screen and in lists. */
import type { HeadPlan } from './head-plan';

export const planClassNames = ['full', 'recent', 'mean', 'span', 'kept'] as const;
export type PlanClass = (typeof planClassNames)[number];

/** `letter`: on the head map, beside the colour. */
export const planClasses: Readonly<
  Record<PlanClass, { readonly title: string; readonly letter: string; readonly definition: string }>
> = {
  full: { title: 'Full', letter: 'F', definition: 'Keeps everything.' },
  recent: {
    title: 'Sinks and recents',
    letter: 'R',
    definition: 'Keeps the first positions of the text and the newest ones before the query.',
  },
  mean: {
    title: 'Compensated',
    letter: 'C',
    definition:
      'Keeps the first and the newest positions; the dropped ones are read as one key and one value, their means, that count as often as there are dropped positions.',
  },
  span: {
    title: 'Elastic span',
    letter: 'S',
    definition: 'Keeps alpha + beta n positions at a prompt of n tokens, the first ones among them.',
  },
  kept: {
    title: 'Chosen positions',
    letter: 'K',
    definition: 'Keeps chosen positions of one prompt, and all that follows the prompt.',
  },
};

export const planClassOf = (keep: HeadPlan): PlanClass =>
  keep.kind === 'recent' && keep.mean === true ? 'mean' : keep.kind;

export type ClassCounts = Readonly<Record<PlanClass, number>>;

export function classCounts(heads: readonly (readonly HeadPlan[])[]): ClassCounts {
  const counts: Record<PlanClass, number> = { full: 0, recent: 0, mean: 0, span: 0, kept: 0 };
  for (const layer of heads) for (const keep of layer) counts[planClassOf(keep)] += 1;
  return counts;
}

const headCount = (heads: readonly (readonly HeadPlan[])[]): number =>
  heads.reduce((sum, layer) => sum + layer.length, 0);

/** `2 of 16 key/value heads keep everything` */
export function fullWords(heads: readonly (readonly HeadPlan[])[]): string {
  const [full, all] = [classCounts(heads).full, headCount(heads)];
  if (full === all) return `All ${all} key/value heads keep everything`;
  return `${full === 0 ? 'None' : full} of ${all} key/value heads ${full === 1 ? 'keeps' : 'keep'} everything`;
}
