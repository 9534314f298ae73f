/** The metric with one output that of the baseline, less the metric without: what the estimates are estimates of. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { encoderInput, measuredOnSources, sourceIn } from '../../shared/effects/encoder';
import { changedFrom, replacementOf } from '../../shared/effects/patch';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import { withReplacements } from '../../shared/effects/parts';
import { measured } from '../../shared/effects/subjects';
import type { ModelRunner } from '../../model-runner/model-runner';
import { isHead, positionsOf, replacingCell, targetOf, type Cell } from './cells';
import { outputsOf, type Estimating } from './estimates';
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
  const inEncoder: Variant[] = [];
  const at = new Map<Cell, number>();
  // Layer by layer: neighbours share the layers below them.
  for (const cell of [...cells].sort((a, b) => a.layer - b.layer)) {
    const one = replacement(cell);
    if (!one) continue;
    if (cell.site === 'encoder-head') at.set(cell, inEncoder.push([one]));
    else at.set(cell, variants.push(withReplacements(variant, [one])) - 1);
  }
  const inDecoder = await measured(model, prompt.sequence, prompt, metric, variants);
  const onSources =
    inEncoder.length === 0
      ? inDecoder
      : await measuredOnSources(model, prompt.sequence, { variant, subject: prompt, metric }, inEncoder);
  return cells.map((cell) => {
    const found = cell.site === 'encoder-head' ? onSources : inDecoder;
    const value = (which: number): number => found[which]?.[0] ?? Number.NaN;
    return value(at.get(cell) ?? 0) - value(0);
  });
}

/** What is put in for a cell; undefined where nothing differs. */
async function replacementsFor(
  model: ModelRunner,
  { pair, sequence }: Attributed,
  cells: readonly Cell[],
  { variant, columns, standIn }: Estimating,
): Promise<(cell: Cell) => ReplacementChange | undefined> {
  if (!pair) {
    if (!standIn) throw new RangeError('there is neither a counterpart nor a stand-in');
    return (cell) => replacingCell(cell, standIn(cell));
  }
  const outputs = await outputsOf(model, pair.corrupted, variant, cells);
  const from = changedFrom(model.facts, sequence, pair.corrupted);
  return (cell) => {
    const { site, layer, slot } = cell;
    const positions = positionsOf(cell, pair, columns);
    const patch = { layer, ...(isHead(site) ? { head: slot } : {}), positions };
    return site === 'encoder-head'
      ? replacementOf(patch, 'head', outputs(site), encoderInput(sourceIn(sequence)), 0)
      : replacementOf(patch, targetOf(site), outputs(site), sequence, from);
  };
}
