/** The brush as a person types it: text stays as typed; `readBrush` makes of it what a head keeps, or says what to correct. */
import { parseHeadPlan, type HeadPlan } from '../../../protocol/plans/head-plan';
import type { PlanClass } from '../../../protocol/plans/plan-words';

export interface Brush {
  readonly kind: PlanClass;
  readonly sinks: string;
  readonly recent: string;
  /** Share of the prompt, as typed; empty: none. */
  readonly share: string;
  readonly append: boolean;
  readonly alpha: string;
  readonly beta: string;
  /** Positions of the prompt, `0-3,9`. */
  readonly positions: string;
}

export const firstBrush: Brush = {
  kind: 'recent',
  sinks: '4',
  recent: '64',
  share: '',
  append: false,
  alpha: '0',
  beta: '0.25',
  positions: '',
};

export type BrushField = 'sinks' | 'recent' | 'share' | 'alpha' | 'beta' | 'positions';

export type ReadBrush =
  | { readonly ok: true; readonly keep: HeadPlan }
  | { readonly ok: false; readonly problems: Readonly<Partial<Record<BrushField, string>>> };

const most = 1 << 24;

const whole = (text: string): number | undefined => {
  const value = /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : undefined;
};

const decimal = (text: string): number | undefined =>
  /^\s*[-+]?(\d+\.?\d*|\.\d+)\s*$/.test(text) ? Number(text) : undefined;

const share = (text: string): number | undefined => {
  const value = decimal(text);
  return value !== undefined && value >= 0 && value <= 1 ? value : undefined;
};

const wholeProblem = 'Type a whole number from 0.';
const shareProblem = 'Type a number from 0 to 1.';

export function readBrush(brush: Brush): ReadBrush {
  const { kind, append } = brush;
  switch (kind) {
    case 'full':
      return { ok: true, keep: { kind: 'full' } };
    case 'recent':
    case 'mean': {
      const [sinks, recent] = [whole(brush.sinks), whole(brush.recent)];
      const withShare = brush.share.trim() !== '';
      const part = withShare ? share(brush.share) : undefined;
      if (sinks === undefined || recent === undefined || (withShare && part === undefined))
        return problemsOf({
          sinks: sinks === undefined && wholeProblem,
          recent: recent === undefined && wholeProblem,
          share: withShare && part === undefined && shareProblem,
        });
      const keep: HeadPlan = {
        kind: 'recent',
        sinks,
        recent,
        ...(part === undefined ? {} : { share: part }),
        ...(kind === 'mean' ? { mean: true as const } : {}),
        ...(append ? { append: true as const } : {}),
      };
      return { ok: true, keep };
    }
    case 'span': {
      const [alpha, beta, sinks] = [decimal(brush.alpha), share(brush.beta), whole(brush.sinks)];
      if (alpha === undefined || beta === undefined || sinks === undefined)
        return problemsOf({
          alpha: alpha === undefined && 'Type a number.',
          beta: beta === undefined && shareProblem,
          sinks: sinks === undefined && wholeProblem,
        });
      return { ok: true, keep: { kind: 'span', alpha, beta, sinks } };
    }
    case 'kept': {
      const keep = parseHeadPlan(`kept(${brush.positions})`);
      const rises =
        keep?.kind === 'kept' && keep.ranges.every(({ start }, at) => start >= (keep.ranges[at - 1]?.end ?? 0));
      return keep && rises ? { ok: true, keep } : problemsOf({ positions: 'Type positions that rise, such as 0-3,9.' });
    }
  }
}

const problemsOf = (found: Readonly<Partial<Record<BrushField, string | false>>>): ReadBrush => ({
  ok: false,
  problems: Object.fromEntries(Object.entries(found).filter(([, why]) => why !== false)),
});

/** The brush that paints what a head keeps. */
export function brushOf(keep: HeadPlan, before: Brush): Brush {
  switch (keep.kind) {
    case 'full':
      return { ...before, kind: 'full' };
    case 'recent':
      return {
        ...before,
        kind: keep.mean ? 'mean' : 'recent',
        sinks: String(keep.sinks),
        recent: String(keep.recent),
        share: keep.share === undefined ? '' : String(keep.share),
        append: keep.append === true,
      };
    case 'span':
      return {
        ...before,
        kind: 'span',
        alpha: String(keep.alpha),
        beta: String(keep.beta),
        sinks: String(keep.sinks),
      };
    case 'kept':
      return {
        ...before,
        kind: 'kept',
        positions: keep.ranges.map(({ start, end }) => (end - start === 1 ? `${start}` : `${start}-${end - 1}`)).join(),
      };
  }
}
