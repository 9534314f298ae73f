/** One prompt patched in every cell: the metric of each patched run. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import { encoderOf, encoderOutputs, measuredOnSources, sourceIn, sourcePair } from '../../shared/effects/encoder';
import { Outputs, sizesOf } from '../../shared/effects/outputs';
import { withReplacements } from '../../shared/effects/parts';
import { measured } from '../../shared/effects/subjects';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import type { Column } from '../../shared/effects/columns';
import type { Pair } from '../../shared/effects/pairs';
import { isPerHead, stackOf, targetOf, type Direction, type Site } from './parameters';
import { type Patch, changedFrom, replacementOf } from '../../shared/effects/patch';

export interface Cell {
  readonly layer: number;
  /** Head, key/value head, or column. */
  readonly slot: number;
}

export interface Patching {
  readonly site: Site;
  readonly direction: Direction;
  readonly metric: EffectMetric;
  readonly variant: Variant;
  /** Columns of sites that are patched position by position. */
  readonly columns: readonly Column[];
  /** Where heads are patched; undefined: everywhere. */
  readonly places: ((pair: Pair) => readonly number[]) | undefined;
}

/** Layer by layer. */
export const cellsOf = (facts: ModelFacts, { site, columns }: Pick<Patching, 'site' | 'columns'>): readonly Cell[] =>
  facts.blocks.flatMap((_, layer) => {
    const slots = isPerHead(site) ? sizesOf(facts, targetOf[site], layer).slots : columns.length;
    return Array.from({ length: slots }, (_slot, slot): Cell => ({ layer, slot }));
  });

/** What is run, and what its values come from. */
export const runOf = ({ clean, corrupted }: Pair, direction: Direction): Sequence =>
  direction === 'denoise' ? corrupted : clean;
export const sourceOf = ({ clean, corrupted }: Pair, direction: Direction): Sequence =>
  direction === 'denoise' ? clean : corrupted;

/** The outputs that a cell of a prompt puts in, and their place. */
export function patchOf({ layer, slot }: Cell, pair: Pair, { site, columns, places }: Patching): Patch {
  return isPerHead(site)
    ? { layer, head: slot, positions: places?.(pair) }
    : { layer, positions: columns[slot]?.positions?.(pair) };
}

/** The metric of the unpatched run, and of the run under each patch alone. */
export async function patched(
  model: ModelRunner,
  pair: Pair,
  source: Sequence,
  patches: readonly Patch[],
  { site, direction, metric, variant }: Pick<Patching, 'site' | 'direction' | 'metric' | 'variant'>,
): Promise<{ readonly plain: number; readonly values: readonly number[] }> {
  const target = targetOf[site];
  const run = runOf(pair, direction);
  if (stackOf(site) === 'encoder')
    return patchedInEncoder(model, pair, source, patches, { direction, metric, variant });
  const from = changedFrom(model.facts, run, source);
  const layers = [...new Set(patches.map(({ layer }) => layer))];
  const outputs = await Outputs.of(model, source, variant, [target], layers);
  const variants: Variant[] = [variant];
  const at = patches.map((patch) => {
    const replacement = replacementOf(patch, target, outputs, run, from);
    return replacement ? variants.push(withReplacements(variant, [replacement])) - 1 : 0;
  });
  const found = (await measured(model, run, pair, metric, variants)).map(([value]) => value ?? Number.NaN);
  return { plain: found[0] ?? Number.NaN, values: at.map((which) => found[which] ?? Number.NaN) };
}

/** The same for heads of the encoder: the source is encoded again under each patch. */
async function patchedInEncoder(
  model: ModelRunner,
  pair: Pair,
  source: Sequence,
  patches: readonly Patch[],
  { direction, metric, variant }: Pick<Patching, 'direction' | 'metric' | 'variant'>,
): Promise<{ readonly plain: number; readonly values: readonly number[] }> {
  const layers = [...new Set(patches.map(({ layer }) => layer))];
  const outputs = await encoderOutputs(model, sourceIn(source), layers);
  const run = runOf(sourcePair(model, pair), direction);
  const changes = patches.map((patch): Variant => {
    const replacement = replacementOf(patch, 'head', outputs, run, 0);
    return replacement ? [replacement] : [];
  });
  const [[plain = Number.NaN] = [], ...values] = await measuredOnSources(
    model,
    runOf(pair, direction),
    { variant, subject: pair, metric },
    changes,
  );
  return { plain, values: values.map(([value = Number.NaN]) => value) };
}

/** Facts of the model whose parts are patched. */
export const patchedFacts = (model: ModelRunner, site: Site): ModelFacts =>
  stackOf(site) === 'encoder' ? encoderOf(model).facts : model.facts;

/** A pair as the text whose positions are patched. */
export const patchedText = (model: ModelRunner, site: Site, pair: Pair): Pair =>
  stackOf(site) === 'encoder' ? sourcePair(model, pair) : pair;
