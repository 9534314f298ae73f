/** The result out of what was estimated and measured prompt by prompt. */
import type { ModelFacts } from '../../model-runner/model-runner';
import { pearson, spearman, type Correlation } from '../../shared/statistics/correlation';
import { meanInterval, type MeasuredMean } from '../../shared/statistics/proportion';
import { groupOf, type Cell } from './cells';
import type { Chosen } from './selection';
import {
  agreementSets,
  type Agreement,
  type AttributionResult,
  type CellSite,
  type Checked,
  type Effects,
} from './result';
import { mean } from '../../../kernels/tensors/vectors';

export interface Estimated {
  readonly original: number;
  readonly counterpart?: number;
  /** By cell. */
  readonly estimates: readonly number[];
}

export type About = Pick<
  AttributionResult,
  'metric' | 'baseline' | 'method' | 'gradients' | 'leftOut' | 'answers' | 'columns' | 'passes'
>;

/** `exact`: by prompt, the effects of what was chosen. */
export function resultOf(
  { blocks, sourceBlocks }: ModelFacts,
  cells: readonly Cell[],
  about: About,
  prompts: readonly Estimated[],
  chosen: readonly Chosen[],
  exact: readonly (readonly number[])[],
): AttributionResult {
  const levels = new Map(
    cells.map((cell, at) => [cell, meanInterval(prompts.map(({ estimates }) => estimates[at] ?? Number.NaN))]),
  );
  const measured = new Map(
    exact.length === 0
      ? []
      : chosen.map(({ cell }, at) => [cell, mean(exact.map((values) => values[at] ?? Number.NaN))]),
  );
  const table = (site: CellSite, value: (cell: Cell) => number) =>
    [...((site === 'encoder-head' ? sourceBlocks : blocks) ?? []).keys()].map((layer) =>
      cells.filter((cell) => cell.site === site && cell.layer === layer).map(value),
    );
  const effects = (site: CellSite): Effects => ({
    estimate: table(site, (cell) => levels.get(cell)?.mean ?? Number.NaN),
    low: table(site, (cell) => levels.get(cell)?.low ?? Number.NaN),
    high: table(site, (cell) => levels.get(cell)?.high ?? Number.NaN),
    exact: table(site, (cell) => measured.get(cell) ?? Number.NaN),
  });
  const checked = chosen.flatMap(({ cell, largest, drawn }): Checked[] => {
    const value = measured.get(cell);
    return value === undefined
      ? []
      : [{ ...cell, estimate: levels.get(cell)?.mean ?? Number.NaN, exact: value, largest, drawn }];
  });
  const counterparts = prompts.flatMap(({ counterpart }) => counterpart ?? []);
  return {
    ...about,
    n: prompts.length,
    original: meanInterval(prompts.map(({ original }) => original)),
    ...(counterparts.length > 0 ? { counterpart: meanInterval(counterparts) } : {}),
    heads: effects('head'),
    mlps: effects('mlp'),
    ...(sourceBlocks ? { cross: effects('cross-head'), encoder: effects('encoder-head') } : {}),
    ...(cells.some(({ site }) => site === 'residual') ? { places: effects('residual') } : {}),
    checked,
    agreement: agreementOf(cells, checked),
  };
}

const agreementOf = (cells: readonly Cell[], checked: readonly Checked[]): readonly Agreement[] =>
  (['parts', 'places'] as const).flatMap((group) =>
    agreementAmong(
      group,
      checked.filter((one) => groupOf(one) === group),
      cells.filter((cell) => groupOf(cell) === group).length,
    ),
  );

/** `of`: all that there are in the group. */
export const agreementAmong = (
  group: Agreement['group'],
  checked: readonly Pick<Checked, 'estimate' | 'exact' | 'largest' | 'drawn'>[],
  of: number,
): readonly Agreement[] =>
  agreementSets.flatMap((set): Agreement[] => {
    const some = checked.filter((one) => set === 'both' || one[set]);
    if (some.length === 0) return [];
    const [x, y] = [some.map(({ estimate }) => estimate), some.map(({ exact }) => exact)];
    return [{ group, set, n: some.length, of, pearson: level(pearson(x, y)), spearman: level(spearman(x, y)) }];
  });

const level = ({ r, low, high }: Correlation): MeasuredMean => ({ mean: r, low, high });
