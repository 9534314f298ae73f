/**
 * What one key/value head keeps of the past: its type, its schema and its written form.
 *
 * `full`: everything.
 * `recent`: the first `sinks` positions (StreamingLLM's attention sinks) and the newest `recent` of them, or `share` of the prompt
 * where that is more (RazorAttention's L = max(S_0, N / C)). `mean`: what is dropped is read as one key and one value, their
 * means, that count as often as there are dropped positions (RazorAttention's compensation token).
 * `span`: alpha + beta n positions at a prompt of n tokens, sinks counted in, at least `least` and a multiple of `multiple`
 * (MoA's elastic rule). A beta of 1 without a negative alpha keeps everything.
 * `kept`: chosen positions of one prompt (Task-KV); only for that prompt.
 *
 * `recent` counts positions before the query: with itself it reads sinks + recent + 1. What is written after the prompt pushes the
 * oldest out, or with `append` (and in `kept`) is kept beside the rest.
 */
import type { Output } from '../schema/check';
import * as v from 'valibot';
import { ensure, byKind, exactly, list, number, numberFrom, optional, wholeFrom } from '../schema/fields';
import { decimal, rangeOf, rangeText, type Range } from '../schema/written-form';

export const mostPositions = 1 << 24;

export interface RecentPlan {
  readonly kind: 'recent';
  readonly sinks: number;
  readonly recent: number;
  readonly share?: number;
  readonly mean?: true;
  readonly append?: true;
}

export const fullPlan: HeadPlan = { kind: 'full' };

const positions = wholeFrom(0, mostPositions);
const truth = exactly(true);

const rising = (ranges: readonly Range[]): boolean =>
  ranges.every(({ start, end }, at) => start < end && start >= (ranges[at - 1]?.end ?? 0));

export const headPlanField = byKind({
  full: {},
  recent: {
    sinks: positions,
    recent: positions,
    share: optional(numberFrom(0, 1)),
    mean: optional(truth),
    append: optional(truth),
  },
  span: {
    alpha: number,
    beta: numberFrom(0, 1),
    sinks: positions,
    least: optional(positions),
    multiple: optional(wholeFrom(1, mostPositions)),
  },
  kept: {
    /** Half-open, rising, apart from each other. */
    ranges: ensure(
      list(
        v.object({ start: positions, end: wholeFrom(1, mostPositions) }, 'a range of positions with start and end'),
        'a list of ranges of positions',
      ),
      rising,
      'a list of ranges of positions that rise and do not overlap',
    ),
  },
});
export type HeadPlan = Output<typeof headPlanField>;

/** The written form, e.g. `full`, `4+64`, `4+max(64,0.2n)+mean`, `span(-128+0.5n,4)`, `kept(0-3,9)`. */
export function headPlanText(plan: HeadPlan): string {
  switch (plan.kind) {
    case 'full':
      return 'full';
    case 'recent': {
      const { sinks, recent, share, mean, append } = plan;
      const kept = share === undefined ? `${recent}` : `max(${recent},${share}n)`;
      return `${sinks}+${kept}${mean ? '+mean' : ''}${append ? '+append' : ''}`;
    }
    case 'span': {
      const { alpha, beta, sinks, least, multiple } = plan;
      const more = least === undefined && multiple === undefined ? '' : `,${least ?? 0},${multiple ?? 1}`;
      return `span(${alpha}+${beta}n,${sinks}${more})`;
    }
    case 'kept':
      return `kept(${plan.ranges.map(rangeText).join(',')})`;
  }
}

/** The inverse of `headPlanText`; undefined for another form. Ranges of numbers are the schema's. */
export function parseHeadPlan(text: string): HeadPlan | undefined {
  const written = text.trim();
  if (written === 'full') return fullPlan;
  const kept = /^kept\((.*)\)$/.exec(written);
  if (kept) {
    const ranges = kept[1]?.trim() === '' ? [] : (kept[1] ?? '').split(',').map(rangeOf);
    return ranges.every((each) => each !== undefined) ? { kind: 'kept', ranges } : undefined;
  }
  const span = /^span\(([^+]*)\+([^n]*)n,(\d+)(?:,(\d+),(\d+))?\)$/.exec(written.replace(/\s/g, ''));
  if (span) {
    const [alpha, beta] = [decimal(span[1] ?? ''), decimal(span[2] ?? '')];
    if (alpha === undefined || beta === undefined) return undefined;
    const more = span[4] === undefined ? {} : { least: Number(span[4]), multiple: Number(span[5]) };
    return { kind: 'span', alpha, beta, sinks: Number(span[3]), ...more };
  }
  const recent = /^(\d+)\+(?:(\d+)|max\((\d+),([^n]*)n\))(\+mean)?(\+append)?$/.exec(written.replace(/\s/g, ''));
  if (!recent) return undefined;
  const share = recent[4] === undefined ? undefined : decimal(recent[4]);
  if (recent[4] !== undefined && share === undefined) return undefined;
  return {
    kind: 'recent',
    sinks: Number(recent[1]),
    recent: Number(recent[2] ?? recent[3]),
    ...(share === undefined ? {} : { share }),
    ...(recent[5] === undefined ? {} : { mean: true }),
    ...(recent[6] === undefined ? {} : { append: true }),
  };
}

/** A short phrase, e.g. for a tooltip. */
export function headPlanWords(plan: HeadPlan): string {
  switch (plan.kind) {
    case 'full':
      return 'keeps everything';
    case 'recent': {
      const { sinks, recent, share, mean, append } = plan;
      const newest = share === undefined ? `${recent}` : `${recent}, or ${share} of the prompt,`;
      return `keeps ${sinks} first and ${newest} recent${mean ? ', and the mean of the rest' : ''}${append ? ', and what follows the prompt' : ''}`;
    }
    case 'span':
      return `keeps ${plan.alpha} + ${plan.beta} n, the first ${plan.sinks} among them`;
    case 'kept':
      return `keeps ${plan.ranges.reduce((sum, { start, end }) => sum + end - start, 0)} chosen of the prompt`;
  }
}

export interface AlikeHeads {
  /** What they keep, in its written form. */
  readonly keeps: string;
  readonly plan: HeadPlan;
  readonly heads: readonly { readonly layer: number; readonly head: number }[];
}

/** Groups heads [layers][key/value heads] by what they keep, in the order in which each kind comes first. */
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
