/** The metric with one output that of the baseline, less the metric without: what the estimates are estimates of. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { changedFrom, replacementOf } from '../../shared/effects/patch';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import { Outputs } from '../../shared/effects/outputs';
import { replacing, withReplacements } from '../../shared/effects/parts';
import { measured } from '../../shared/effects/subjects';
import type { ModelRunner } from '../../model-runner/model-runner';
import { positionsOf, type Cell } from './cells';
import type { Estimating } from './estimates';
import type { Attributed } from '../../shared/gradients/objective';

/** By cell. */
export async function exactly(
  model: ModelRunner,
  prompt: Attributed,
  cells: readonly Cell[],
  settings: Estimating,
): Promise<readonly number[]> {
  const { metric, variant } = settings;
  const replacement = await replacementsFor(model, prompt, cells, settings);
  const variants: Variant[] = [variant];
  const at = new Map<Cell, number>();
  // Layer by layer: neighbours share the layers below them.
  for (const cell of [...cells].sort((a, b) => a.layer - b.layer)) {
    const one = replacement(cell);
    if (one) at.set(cell, variants.push(withReplacements(variant, [one])) - 1);
  }
  const found = await measured(model, prompt.sequence, prompt, metric, variants);
  const value = (which: number): number => found[which]?.[0] ?? Number.NaN;
  return cells.map((cell) => value(at.get(cell) ?? 0) - value(0));
}

/** What is put in for a cell; undefined where nothing differs. */
async function replacementsFor(
  model: ModelRunner,
  { pair, sequence }: Attributed,
  cells: readonly Cell[],
  { variant, columns, standIn }: Estimating,
): Promise<(cell: Cell) => ReplacementChange | undefined> {
  const part = ({ site, layer, slot }: Cell) => (site === 'head' ? { layer, head: slot } : { layer });
  if (!pair) {
    if (!standIn) throw new RangeError('there is neither a counterpart nor a stand-in');
    return (cell) => replacing(part(cell), standIn(part(cell)));
  }
  const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];
  const outputs = await Outputs.of(
    model,
    pair.corrupted,
    variant,
    distinct(cells.map(({ site }) => site)),
    distinct(cells.map(({ layer }) => layer)),
  );
  const from = changedFrom(model.facts, sequence, pair.corrupted);
  return (cell) => {
    const positions = positionsOf(cell, pair, columns);
    return replacementOf({ ...part(cell), positions }, cell.site, outputs, sequence, from);
  };
}
