/** Two runs of the prompt, plain and with the regions kept apart; maps layer by layer, then what leaves the last layer. */
import { regionsOf, regionText, type Region } from '../../protocol/interventions/regions';
import type { AnalysisJob, Step } from '../analysis';
import { refusal } from '../effects/subjects';
import { divergenceOf, logProbabilities, outputsOf, turnedBy } from '../maps/changed-output';
import { layerMaps, readableKeys } from '../maps/layer-maps';
import type { ModelRunner, Prompt } from '../model-runner/model-runner';
import { imageRows, patchGrid, regionRows } from '../model-runner/regions';
import type { Variant } from '../model-runner/variant';
import { headList } from '../retrieval/head-list';
import { massBetween, mixed, mixedByChance } from './mixing';
import type { RegionIsolationResult } from './result';

export type RegionIsolationParameters = { readonly regions: string; readonly heads: string; readonly beta: number };

/** Tokens whose probabilities are compared. */
const mostLeading = 5;

/** Of a picture with two columns or more its left and right half, else the halves of the text. */
export function usualRegions(prompt: Prompt): readonly Region[] {
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

interface LayerMixing {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly even: readonly number[];
  /** Summed over heads. */
  readonly betweenBefore: readonly (readonly number[])[];
  readonly betweenAfter: readonly (readonly number[])[];
}

interface Outputs {
  readonly turned: readonly number[];
  readonly divergence: number;
  readonly leading: RegionIsolationResult['leading'];
}

export async function* regionIsolationRun(
  model: ModelRunner,
  { input, parameters, variant, groups, step }: AnalysisJob<RegionIsolationParameters>,
): AsyncGenerator<Step<RegionIsolationResult>, RegionIsolationResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const given = parameters.regions.trim();
  const named = given === '' ? usualRegions(prompt) : regionsOf(given);
  if (!named) {
    throw refusal(`"${given.slice(0, 60)}" is no list of regions. Write two or more as 3-9/12-15 or 0-3x0-1/0-3x2-3.`);
  }
  if (prompt.ids.length < 2) throw refusal('A prompt of one token has no two regions. Give a longer one.');
  const read = regionRows(prompt, named);
  if (!read.ok) throw refusal(read.why);
  const regions = read.value;
  const list = headList(parameters.heads, model.facts);
  if (!list.ok) throw refusal(list.why);
  const all = model.facts.blocks.flatMap((block, layer) =>
    Array.from({ length: block.heads }, (_, head) => ({ layer, head })),
  );
  const { beta } = parameters;
  const changed = parameters.heads.trim() === '' ? all : list.heads;
  const own = beta === 0 ? [] : changed.map((place) => ({ ...place, regions, beta }));
  const apart: Variant = { ...variant, isolations: [...(variant.isolations ?? []), ...own] };
  const sequence = { ...prompt, groups };
  const n = prompt.ids.length;
  const { blocks } = model.facts;

  const layers: LayerMixing[] = [];
  const result = (outputs?: Outputs): RegionIsolationResult =>
    gathered(model, prompt, { regions, named, parameters }, layers, outputs);
  const total = blocks.length + 1;
  for (const [layer, block] of blocks.entries()) {
    const partial = layer > 0 ? { partial: result() } : {};
    yield { sentence: `Layer ${layer} of ${blocks.length}`, done: layer, total, ...partial };
    layers.push(
      await step(`layer ${layer}`, async () => {
        const tables = async (one: Variant) =>
          (await layerMaps(model, sequence, one, layer)).map((map) => massBetween(map, n, regions));
        const [before, after] = [await tables(variant), await tables(apart)];
        const even = mixedByChance((row) => readableKeys(block, prompt, row), regions);
        return {
          before: before.map(mixed),
          after: after.map(mixed),
          even: before.map(() => even),
          betweenBefore: summed(before),
          betweenAfter: summed(after),
        };
      }),
    );
  }
  yield { sentence: 'What leaves the last layer', done: blocks.length, total, partial: result() };
  const outputs = await step('outputs', async () => {
    const [plain, kept] = await outputsOf(model, sequence, [variant, apart], 'last');
    if (!plain || !kept) throw new RangeError('the run gave nothing');
    const turned = turnedBy(plain.stream, kept.stream, n);
    if (!plain.logits || !kept.logits) return { turned, divergence: Number.NaN, leading: [] };
    return {
      turned,
      divergence: divergenceOf(plain.logits, kept.logits),
      leading: leadingOf(model, plain.logits, kept.logits),
    };
  });
  return result(outputs);
}

const summed = (tables: readonly (readonly (readonly number[])[])[]): number[][] =>
  (tables[0] ?? []).map((row, s) => row.map((_, to) => tables.reduce((sum, table) => sum + (table[s]?.[to] ?? 0), 0)));

function leadingOf(model: ModelRunner, before: Float32Array, after: Float32Array): RegionIsolationResult['leading'] {
  const [p, q] = [logProbabilities(before), logProbabilities(after)];
  const most = (of: Float64Array): readonly number[] =>
    [...of.keys()].sort((a, b) => (of[b] ?? 0) - (of[a] ?? 0)).slice(0, mostLeading);
  const ids = [...new Set([...most(p), ...most(q)])];
  const pieces = model.pieces(ids);
  return ids.map((id, at) => ({
    token: pieces[at] ?? '',
    before: Math.exp(p[id] ?? -Infinity),
    after: Math.exp(q[id] ?? -Infinity),
  }));
}

function gathered(
  { facts }: ModelRunner,
  prompt: Prompt,
  given: {
    readonly regions: readonly (readonly number[])[];
    readonly named: readonly Region[];
    readonly parameters: RegionIsolationParameters;
  },
  layers: readonly LayerMixing[],
  outputs: Outputs | undefined,
): RegionIsolationResult {
  const { regions, named, parameters } = given;
  const perHead = (of: (layer: LayerMixing) => readonly number[]): number[][] =>
    facts.blocks.map(({ heads }, layer) => {
      const found = layers[layer];
      return Array.from({ length: heads }, (_, head) => (found ? (of(found)[head] ?? Number.NaN) : Number.NaN));
    });
  const heads = facts.blocks.slice(0, layers.length).reduce((sum, block) => sum + block.heads, 0);
  const between = (of: (layer: LayerMixing) => readonly (readonly number[])[]): number[][] =>
    summed(layers.map(of)).map((row) => row.map((value) => value / heads));
  const owner = prompt.ids.map((_, row) => regions.findIndex((rows) => rows.includes(row)));
  const turned = outputs?.turned ?? [];
  const meanOver = (region: number): number => {
    const values = turned.filter((_, row) => owner[row] === region);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  return {
    regions: named.map(regionText),
    sizes: regions.map(({ length }) => length),
    rows: prompt.ids.length,
    heads: parameters.heads.trim(),
    beta: parameters.beta,
    before: perHead(({ before }) => before),
    after: perHead(({ after }) => after),
    even: perHead(({ even }) => even),
    betweenBefore: between(({ betweenBefore }) => betweenBefore),
    betweenAfter: between(({ betweenAfter }) => betweenAfter),
    tokens: prompt.tokens,
    owner,
    turned,
    turnedIn: outputs ? [...regions.keys(), -1].map(meanOver) : [],
    divergence: outputs?.divergence ?? Number.NaN,
    leading: outputs?.leading ?? [],
    ...(prompt.image ? { image: prompt.image } : {}),
    imageTurned: outputs ? imageRows(prompt).map((row) => turned[row] ?? Number.NaN) : [],
  };
}
