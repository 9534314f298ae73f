/** Figures over the runs of a result. */
import { meanInterval, type Interval } from '../../shared/statistics/proportion';
import type { LensResult, Measured } from './result';
import type { TargetName } from './targets';
import type { ModelName } from './trial';
import { mean } from '../../../kernels/tensors/vectors';

export interface OverRuns extends Interval {
  readonly mean: number;
  readonly least: number;
  readonly most: number;
}

/** Mean, smallest, largest and 95 % interval of Student's t (NaN for one run) of the fits at one place of a curve, over runs. */
export function overRuns(
  { measured }: Pick<LensResult, 'measured'>,
  place: Pick<Measured, 'curve' | 'at' | 'model'>,
  target: TargetName,
): OverRuns | undefined {
  const values = fitsAt(measured, place).map((fit) => fit[target]);
  if (values.length === 0) return undefined;
  return { ...meanInterval(values), least: Math.min(...values), most: Math.max(...values) };
}

const fitsAt = (
  measured: readonly Measured[],
  { curve, at, model }: Pick<Measured, 'curve' | 'at' | 'model'>,
): readonly Measured[] => measured.filter((fit) => fit.curve === curve && fit.at === at && fit.model === model);

/** Runs in which `model` has a smaller error than `other` after all examples, and runs in which both were measured. */
export function wins(
  { measured, sizes: { examples } }: LensResult,
  target: TargetName,
  model: ModelName,
  other: ModelName,
): { readonly won: number; readonly runs: number } {
  const at = { curve: 'examples' as const, at: examples };
  const others = new Map(fitsAt(measured, { ...at, model: other }).map((fit) => [fit.run, fit[target]]));
  const pairs = fitsAt(measured, { ...at, model }).flatMap((fit) => {
    const beside = others.get(fit.run);
    return beside === undefined ? [] : [fit[target] < beside];
  });
  return { won: pairs.filter(Boolean).length, runs: pairs.length };
}

/** Slope of ln(error) over ln(n) by least squares through the means over runs; undefined with fewer than two of them. */
export function slopeIn(result: LensResult, model: ModelName, target: TargetName): number | undefined {
  const sizes = [...new Set(result.measured.flatMap(({ curve, at }) => (curve === 'examples' ? [at] : [])))];
  const points = sizes.flatMap((at) => {
    const found = overRuns(result, { curve: 'examples', at, model }, target);
    return found && found.mean > 0 ? [[Math.log(at), Math.log(found.mean)] as const] : [];
  });
  if (points.length < 2) return undefined;
  const [x, y] = [mean(points.map(([a]) => a)), mean(points.map(([, b]) => b))];
  const [together, own] = points.reduce(([xy, xx], [a, b]) => [xy + (a - x) * (b - y), xx + (a - x) ** 2] as const, [
    0, 0,
  ] as const);
  return together / own;
}
