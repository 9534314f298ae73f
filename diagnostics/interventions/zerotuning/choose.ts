/** From the profile of single heads to those that are tuned together, and from a curve to a gamma. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { PerHead } from '../../../protocol/results/heads';
import type { Score } from '../../shared/labelled-heads/questions';
import type { CurvePoint, ZeroTuningResult } from './result';

/** Gains below this are rounding: float32 sums of another order. */
const noGain = 1e-6;

export type HeadTypes = Pick<ZeroTuningResult, 'profile' | 'upEffective' | 'downEffective' | 'opposite' | 'tried'>;

/** A head is of the type whose gain is the larger one, where that is a gain at all. */
export function headTypes(up: PerHead, down: PerHead): HeadTypes {
  const upEffective: HeadPlace[] = [];
  const downEffective: HeadPlace[] = [];
  let [opposite, tried] = [0, 0];
  const profile = up.map((row, layer) =>
    row.map((more, head) => {
      const less = down[layer]?.[head] ?? Number.NaN;
      if (Number.isNaN(more) || Number.isNaN(less)) return Number.NaN;
      tried += 1;
      if (more * less < 0) opposite += 1;
      const larger = Math.max(more, less);
      if (larger > noGain) (more > less ? upEffective : downEffective).push({ layer, head });
      return larger;
    }),
  );
  return { profile, upEffective, downEffective, opposite, tried };
}

export interface Choice {
  readonly direction: 'up' | 'down' | null;
  /** Best first. */
  readonly heads: readonly (HeadPlace & { readonly gain: number })[];
}

/** The heads of the wanted type, or of the one whose gains are larger in all, and of these the best share. */
export function chooseHeads(
  { profile, upEffective, downEffective }: Pick<HeadTypes, 'profile' | 'upEffective' | 'downEffective'>,
  wanted: string,
  share: number,
): Choice {
  const gainOf = ({ layer, head }: HeadPlace): number => profile[layer]?.[head] ?? 0;
  const total = (heads: readonly HeadPlace[]): number => heads.reduce((sum, head) => sum + gainOf(head), 0);
  const direction =
    wanted === 'up' || wanted === 'down' ? wanted : total(upEffective) >= total(downEffective) ? 'up' : 'down';
  const heads = (direction === 'up' ? upEffective : downEffective)
    .map((place) => ({ ...place, gain: gainOf(place) }))
    .sort((a, b) => b.gain - a.gain);
  if (heads.length === 0) return { direction: null, heads };
  return { direction, heads: heads.slice(0, Math.max(1, Math.round(share * heads.length))) };
}

/** Gammas of the first sweep: the card's, since the authors' are not published. */
export const grid: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.25, 1.5, 2, 3, 4, 5, 7, 10];

/** Whether the first score is the better one: accuracy and then probability of the labels, or entropy alone. */
export function better(target: ZeroTuningResult['target'], one: Score, other: Score): boolean {
  if (target === 'entropy') return one.entropy < other.entropy;
  if (one.accuracy !== other.accuracy) return one.accuracy > other.accuracy;
  return one.logProbability > other.logProbability;
}

/** The best point of a curve by its calibration prompts; the plain model (gamma 1) is one of its points. */
export const bestOf = (target: ZeroTuningResult['target'], curve: readonly CurvePoint[]): CurvePoint | undefined =>
  curve.reduce<CurvePoint | undefined>(
    (best, point) => (!best || better(target, point.calibration, best.calibration) ? point : best),
    undefined,
  );

/** Gammas between the best one and its neighbours, by their geometric means. */
export function refined(curve: readonly CurvePoint[], best: number): readonly number[] {
  const gammas = curve.map(({ gamma }) => gamma).sort((a, b) => a - b);
  const at = gammas.indexOf(best);
  return [gammas[at - 1], gammas[at + 1]].flatMap((neighbour) =>
    neighbour === undefined ? [] : [Math.sqrt(neighbour * best)],
  );
}
