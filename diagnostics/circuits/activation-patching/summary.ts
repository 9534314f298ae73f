/** The result out of what was measured prompt by prompt. */
import type { ModelFacts } from '../../model-runner/model-runner';
import { meanInterval } from '../../shared/statistics/proportion';
import { beyondChance, gapOf, nullOf, valueOf, type Mean, type Measured } from '../../shared/effects/patch-effects';
import { isPerHead } from './parameters';
import { cellsOf, type Patching } from './patches';
import type { PatchingResult, Table } from './result';

export type About = Pick<PatchingResult, 'leftOut' | 'answers' | 'at'>;

/** Cells that were not measured yet are NaN. */
export function resultOf(
  facts: ModelFacts,
  patching: Patching,
  prompts: readonly Measured[],
  about: About,
): PatchingResult {
  const { site, direction, metric, columns } = patching;
  const cells = cellsOf(facts, patching);
  const table = (means: readonly Mean[], pick: (mean: Mean) => number): Table =>
    facts.blocks.map((_, layer) =>
      cells.flatMap((cell, at) => (cell.layer === layer ? [pick(means[at] ?? nothing)] : [])),
    );
  const plain = direction === 'denoise' ? 0 : 1;
  const toEffect = ({ mean, low, high }: Mean): Mean =>
    direction === 'denoise' ? { mean, low, high } : { mean: 1 - mean, low: 1 - high, high: 1 - low };
  const values = cells.map((_, cell) => valueOf(prompts, cell));
  const effects = values.map(toEffect);
  const random = cells.map((_, cell) => nullOf(prompts, cell)).map((mean) => mean && toEffect(mean));
  const beyond = cells.map((_, cell) => beyondChance(prompts, cell, cells.length, plain));
  const nulls = random.filter((mean) => mean !== undefined);
  return {
    site,
    direction,
    metric,
    n: prompts.length,
    ...about,
    clean: meanInterval(prompts.map(({ clean }) => clean)),
    corrupted: meanInterval(prompts.map(({ corrupted }) => corrupted)),
    gap: gapOf(prompts),
    ...(isPerHead(site) ? {} : { columns: columns.map(({ label }) => label) }),
    values: table(values, ({ mean }) => mean),
    low: table(values, ({ low }) => low),
    high: table(values, ({ high }) => high),
    effect: table(effects, ({ mean }) => mean),
    effectLow: table(effects, ({ low }) => low),
    effectHigh: table(effects, ({ high }) => high),
    ...(nulls.length === cells.length && nulls.length > 0
      ? {
          null: {
            mean: table(nulls, ({ mean }) => mean),
            low: table(nulls, ({ low }) => low),
            high: table(nulls, ({ high }) => high),
            n: prompts.filter((one) => one.random).length,
          },
        }
      : {}),
    ...(beyond.every((one) => one !== undefined)
      ? {
          beyondChance: facts.blocks.map((_, layer) =>
            cells.flatMap((cell, at) => (cell.layer === layer ? [beyond[at] ?? false] : [])),
          ),
        }
      : {}),
  };
}

const nothing: Mean = { mean: Number.NaN, low: Number.NaN, high: Number.NaN };
