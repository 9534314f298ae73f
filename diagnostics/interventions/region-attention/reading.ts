/** What each region reads, token by token, over the picture or the text: of all heads, or of one that is asked for. */
import { regionLetter } from '../../../protocol/interventions/regions';
import { headName } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import { layerMaps } from '../../shared/maps/layer-maps';
import type { ModelRunner } from '../../model-runner/model-runner';
import { changeOf, type RegionAttentionParameters } from './change';
import { readBy } from './mixing';
import { outlinedOf, regionNames, regionWords } from './ranking';
import type { RegionAttentionResult } from './result';
import * as build from '../../../protocol/sections/builders';

/** [regions][tokens] */
type Read = readonly (readonly number[])[];

interface Shown {
  readonly id: string;
  readonly title: string;
  /** Whose attention it is, behind a comma. */
  readonly of: string;
  readonly before: Read;
  readonly after: Read;
  readonly change: Read;
}

function readingSection(result: RegionAttentionResult, { id, title, of, before, after, change }: Shown): Section {
  const { regions, tokens, owner, image, imageRows } = result;
  const read = `attention of a token of the region on this token, mean over the tokens of the region${of}`;
  const numbers = regions.flatMap((_, s) => {
    const letter = regionLetter(s);
    const number = (name: string, words: string, table: Read, definition: string, diverging = false) => ({
      ...{ name: `${name}-${letter}`, title: `${letter}, ${words}`, unit: '', definition },
      scale: diverging ? build.ranges.diverging : build.ranges.fromZero,
      values: table[s] ?? [],
    });
    return [
      number('before', 'before', before, `${read}; plain run`),
      number('after', 'after', after, `${read}; under the change`),
      number('change', 'change', change, `${read}; under the change less before`, true),
    ];
  });
  const shared = {
    id,
    title,
    caption: `What the tokens of a region read, before and after the change. ${regionWords(result)}.`,
  };
  if (!image) {
    return { kind: 'tokens', ...shared, tokens, numbers, classes: { names: regionNames(result), of: owner } };
  }
  const onImage = numbers.map((one) => ({ ...one, values: imageRows.map((row) => one.values[row] ?? Number.NaN) }));
  return { kind: 'image', ...shared, image, numbers: onImage, outlined: outlinedOf(result) };
}

export const readSection = (result: RegionAttentionResult): Section =>
  readingSection(result, {
    id: 'read',
    title: 'What each region reads',
    of: ' and over all heads',
    before: result.readBefore,
    after: result.readAfter,
    change: result.readChange,
  });

/** The same of one head. */
export async function ask(
  model: ModelRunner,
  { input, parameters, variant, groups }: AnalysisJob<RegionAttentionParameters>,
  result: RegionAttentionResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const [prompt] = input.prompts;
  if (!prompt || place.kind !== 'head') throw new RangeError(`nothing is known of this place of ${section}`);
  const heads = model.facts.blocks[place.layer]?.heads ?? 0;
  if (place.head >= heads) throw refusal(`The model has no head ${headName(place)}.`);
  const changed = await changeOf(model, prompt, parameters, variant);
  const n = prompt.ids.length;
  const read = async (under: typeof variant): Promise<Read> => {
    const maps = await layerMaps(model, { ...prompt, groups }, under, place.layer);
    return readBy(maps[place.head] ?? [], n, changed.regions);
  };
  const [before, after] = [await read(variant), await read(changed.variant)];
  return readingSection(result, {
    id: `${section}-${headName(place)}`,
    title: `What each region reads in ${headName(place)}`,
    of: '',
    before,
    after,
    change: after.map((row, s) => row.map((value, key) => value - (before[s]?.[key] ?? 0))),
  });
}
