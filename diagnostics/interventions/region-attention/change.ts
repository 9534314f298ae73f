/** What a run changes: regions kept apart, the first of them moved to the second, as interventions and as a variant. */
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import { printDo } from '../../../protocol/interventions/do-form';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { largestIsolation } from '../../../protocol/interventions/isolate';
import type { Area, Reposition } from '../../../protocol/interventions/reposition';
import { regionLetter, regionListOf, regionText, type Region } from '../../../protocol/interventions/regions';
import { whichHeadsOf, whichOf } from '../../../protocol/interventions/which';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { patchGrid, regionRows } from '../../model-runner/regions';
import { headList } from '../../shared/retrieval/head-list';

export type RegionAttentionParameters = {
  readonly regions: string;
  readonly isolate: string;
  readonly beta: number;
  readonly heads: string;
  readonly reposition: boolean;
  readonly layers: string;
};

export interface Changed {
  readonly named: readonly Region[];
  /** Rows of each. */
  readonly regions: readonly (readonly number[])[];
  readonly interventions: readonly Intervention[];
  /** The person's variant with them. */
  readonly variant: Variant;
}

export const mostRegions = 8;

/** The left and right half of a picture with two or more columns, else the halves of the text. */
function usualRegions(prompt: Prompt): readonly Region[] {
  const grid = patchGrid(prompt);
  const halves = (length: number) => [
    { start: 0, end: length >> 1 },
    { start: length >> 1, end: length },
  ];
  if (grid && grid.columns > 1) {
    return halves(grid.columns).map((columns) => [{ rows: { start: 0, end: grid.rows }, columns }]);
  }
  return halves(prompt.ids.length).map((range) => [range]);
}

/** Refuses in a sentence what the prompt or the model does not have. */
export async function changeOf(
  model: ModelRunner,
  prompt: Prompt,
  parameters: RegionAttentionParameters,
  variant: Variant,
): Promise<Changed> {
  const given = parameters.regions.trim();
  const named = given === '' ? usualRegions(prompt) : regionListOf(given);
  if (!named || named.length < 2) {
    throw refusal(
      `"${given.slice(0, 60)}" is no list of two regions or more. Write them as 3-9/12-15 or 0-3x0-1/0-3x2-3.`,
    );
  }
  if (prompt.ids.length < 2) throw refusal('A prompt of one token has no two regions. Give a longer one.');
  const read = regionRows(prompt, named);
  if (!read.ok) throw refusal(read.why);
  const list = headList(parameters.heads, model.facts);
  if (!list.ok) throw refusal(list.why);
  const interventions = [...isolation(named, parameters), ...reposition(model, named, parameters)];
  if (interventions.length === 0) return { named, regions: read.value, interventions, variant };
  const own = (await model.variant(interventions, prompt)).variant;
  return {
    named,
    regions: read.value,
    interventions,
    variant: [...variant, ...changesOf(own, 'isolation'), ...changesOf(own, 'replacement')],
  };
}

function isolation(
  regions: readonly Region[],
  { isolate, beta, heads: given }: RegionAttentionParameters,
): readonly Intervention[] {
  const heads = whichHeadsOf(given.trim() === '' ? '*.*' : given);
  if (isolate === 'off' || beta === 0 || !heads) return [];
  return [{ kind: 'isolate', heads, regions, ...(isolate === 'one-way' ? { oneWay: true } : {}), beta }];
}

/** A region that is one range or one rectangle. */
function areaIn(region: Region, at: number): Area {
  const [part] = region;
  if (part !== undefined && part !== 'image' && region.length === 1) return part;
  throw refusal(
    `Region ${regionLetter(at)} (${regionText(region)}) is no single rectangle or range, so it cannot be moved or moved to. Draw one part, or leave the move out.`,
  );
}

function reposition({ facts }: ModelRunner, regions: readonly Region[], parameters: RegionAttentionParameters) {
  if (!parameters.reposition) return [];
  const [from, to] = regions.slice(0, 2).map(areaIn);
  if (!from || !to) return [];
  if ('rows' in from !== 'rows' in to) {
    throw refusal('Region A and region B are patches and positions. Give two of one sort, or leave the move out.');
  }
  const written = parameters.layers.trim() === '' ? ['*'] : parameters.layers.split(',').map((one) => one.trim());
  const wrong = written.find((one) => one !== '*' && !(/^\d{1,5}$/.test(one) && Number(one) < facts.blocks.length));
  if (wrong !== undefined) {
    throw refusal(`"${wrong}" is no layer: the model has ${facts.blocks.length}, from 0. Separate them by commas.`);
  }
  const one: Reposition = { kind: 'reposition', layers: written.map(whichOf), from, to };
  return [one];
}

/** The written form of each intervention. */
export const written = ({ interventions }: Changed): readonly string[] => interventions.map(printDo);

export const isCut = (beta: number): boolean => beta === largestIsolation;
