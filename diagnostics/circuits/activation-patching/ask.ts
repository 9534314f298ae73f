/** One head patched position by position, or role by role. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import { measured } from '../../shared/effects/subjects';
import type { ModelRunner } from '../../model-runner/model-runner';
import { columnsOf } from '../../shared/effects/columns';
import { valueOf, type Measured } from '../../shared/effects/patch-effects';
import { pairsOf } from '../../shared/effects/pairs';
import { isPerHead, type PatchingParameters } from './parameters';
import { patched, patchedText, sourceOf, type Cell } from './patches';
import { cellName, ranked } from './ranking';
import type { PatchingResult } from './result';
import { intervalWords } from '../../shared/effects/level-section';
import type { Patch } from '../../shared/effects/patch';
import { effectDefinition } from './sections';
import * as build from '../../../protocol/sections/builders';

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<PatchingParameters>,
  result: PatchingResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const cell: Cell | undefined =
    place.kind === 'head'
      ? { layer: place.layer, slot: place.head }
      : place.kind === 'row'
        ? ranked(result)[place.row]
        : undefined;
  const { variant } = job;
  const { site, direction } = job.parameters;
  if (!cell || !isPerHead(site)) throw new RangeError(`nothing is known of this place of ${section}`);
  const { layer, slot: head } = cell;
  const { pairs: all, metric } = await pairsOf(model, job);
  const texts = new Map(all.map((pair) => [patchedText(model, site, pair), pair]));
  const { columns, pairs } = columnsOf([...texts.keys()], job.parameters.columns);
  const found: Measured[] = [];
  for (const text of pairs) {
    const pair = texts.get(text) ?? text;
    const source = sourceOf(pair, direction);
    const [[ends = Number.NaN] = []] = await measured(model, source, pair, metric, [variant]);
    const patches = columns.map(({ positions }): Patch => ({ layer, head, positions: positions?.(text) }));
    const { plain, values } = await patched(model, pair, source, patches, { site, direction, metric, variant });
    const [clean, corrupted] = direction === 'denoise' ? [ends, plain] : [plain, ends];
    found.push({ clean, corrupted, patched: values });
  }
  const effects = columns.map((_, column) => {
    const { mean, low, high } = valueOf(found, column);
    return direction === 'denoise' ? { mean, low, high } : { mean: 1 - mean, low: 1 - high, high: 1 - low };
  });
  const id = `${section}-L${cell.layer}H${cell.slot}`;
  const title = `${cellName(result, cell)} by position`;
  const words = direction === 'denoise' ? 'Share of the drop restored' : 'Share of the drop caused';
  const [only] = pairs;
  if (only && pairs.length === 1 && columns.length === only.tokens.length) {
    return {
      kind: 'tokens',
      id,
      title,
      caption: 'The head is patched at one token at a time.',
      tokens: only.tokens,
      numbers: [
        build.signed(
          'effect',
          words,
          effectDefinition(result),
          effects.map(({ mean }) => mean),
        ),
      ],
    };
  }
  return build.chart(
    id,
    title,
    `The head is patched at one place at a time, over ${pairs.length} pairs. ${effectDefinition(result)}`,
    build.categoryAxis(
      'position',
      columns.map(({ label }) => label),
    ),
    build.axis(words.toLowerCase()),
    [
      build.bars(
        'effect',
        cellName(result, cell),
        effects.map(({ mean, low, high }, x) => ({
          x,
          y: mean,
          ...(pairs.length > 1 ? { low, high } : {}),
          label: columns[x]?.label ?? `${x}`,
        })),
      ),
    ],
    { interval: pairs.length > 1 ? intervalWords : undefined },
  );
}
