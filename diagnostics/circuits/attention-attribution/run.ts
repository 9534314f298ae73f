/** One attention weight taken apart. */
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { positionAt, type Sequence } from '../../model-runner/sequence';
import { headOf, sharedOf } from '../../shared/weights/head-of';
import { placeOf, type WeightParameters } from './parameters';
import { mostPaired, type PartPair, type WeightResult } from './result';
import { sideParts, type Side } from './sides';
import { partNames, partTaps, streamParts, tapRow, type Rows, type StreamPart } from './stream-parts';
import { groupOf } from './words';
import { dot } from '../../../kernels/tensors/vectors';

/** Pairs that the result names. */
const named = 100;

interface Chosen {
  readonly layer: number;
  readonly head: number;
  readonly query: number;
  readonly key: number;
  readonly against: number | undefined;
}

export async function* weightRun(
  model: ModelRunner,
  { input, parameters, variant, groups, step }: AnalysisJob<WeightParameters>,
): AsyncGenerator<Step<WeightResult>, WeightResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const sequence = { ...prompt, groups };
  yield { sentence: 'Finding the weight', done: 0, total: 2 };
  const chosen = await step('weight', () => choose(model, sequence, variant, parameters));
  yield { sentence: `Taking L${chosen.layer}H${chosen.head} apart`, done: 1, total: 2 };
  return step('parts', () => weightParts(model, sequence, prompt.tokens, variant, chosen));
}

/** Replaces `-1` for head or key by the one that reads or is read most, without the first token if there is another. */
async function choose(
  model: ModelRunner,
  sequence: Sequence,
  variant: Variant,
  given: WeightParameters,
): Promise<Chosen> {
  const { blocks } = model.facts;
  const { length } = sequence.ids;
  const layer = placeOf(given.layer, blocks.length, 'layer', 'layers');
  const query = placeOf(given.query, length, 'query position', 'tokens');
  const { heads, causal, window } = blocks[layer] ?? { heads: 0, causal: false };
  const named = given.head < 0 ? undefined : placeOf(given.head, heads, 'head', 'heads in the layer');
  const against = given.against < 0 ? undefined : placeOf(given.against, length, 'key position', 'tokens');
  const prefix = sequence.prefix ?? 0;
  const reads = (key: number): boolean => {
    if (!causal && window === undefined) return true;
    const apart = positionAt(sequence, query) - positionAt(sequence, key);
    if (!causal) return Math.abs(apart) < (window ?? Infinity);
    return key <= Math.max(query, query < prefix ? prefix - 1 : 0) && (window === undefined || apart < window);
  };
  for (const key of [given.key, against ?? -1]) {
    if (key < 0) continue;
    placeOf(key, length, 'key position', 'tokens');
    if (reads(key)) continue;
    throw refusal(
      `The query at ${query} does not read the key at ${key}${key > query ? ', which comes later' : ', which is outside of the window of the layer'}. Name another key.`,
    );
  }
  if (named !== undefined && given.key >= 0) return { layer, head: named, query, key: given.key, against };
  const { layers } = await model.run({
    ...sequence,
    variants: [variant],
    topKeys: 'all',
    depth: layer + 1,
    logits: 'none',
  });
  const top = layers[layer]?.top;
  if (!top) throw new RangeError(`layer ${layer} gave no keys`);
  const candidates = Array.from({ length: heads }, (_, head) => head)
    .filter((head) => named === undefined || head === named)
    .flatMap((head) =>
      Array.from({ length: top.k }, (_, at) => {
        const place = (query * top.heads + head) * top.k + at;
        return { head, key: top.keys[place] ?? -1, weight: top.weights[place] ?? 0 };
      }),
    )
    .filter(({ key }) => key >= 0 && key !== against && (given.key < 0 || key === given.key));
  const later = candidates.filter(({ key }) => key > 0);
  const [best] = (later.length > 0 ? later : candidates).sort((a, b) => b.weight - a.weight);
  return { layer, head: best?.head ?? named ?? 0, query, key: best?.key ?? Math.max(0, given.key), against };
}

async function weightParts(
  model: ModelRunner,
  sequence: Sequence,
  tokens: readonly string[],
  variant: Variant,
  { layer, head, query, key, against }: Chosen,
): Promise<WeightResult> {
  const block = model.facts.blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer}`);
  const keys = against === undefined ? [key] : [key, against];
  const kept = [...new Set([query, ...keys])].sort((a, b) => a - b);
  const { layers } = await model.run({
    ...sequence,
    variants: [variant],
    taps: partTaps(layer),
    tapRows: kept,
    maps: [{ layer, head }],
    depth: layer + 1,
    logits: 'none',
  });
  const rows: Rows = { sequence, variant, layers, kept };
  const names = partNames(model, layer);
  const weights = await model.weights.layer(layer, ['gates']);
  const own = headOf(weights, block, head);
  const shared = sharedOf(block, head);
  const last = positionAt(sequence, sequence.ids.length - 1);
  const sideOf = (kind: 'query' | 'key', row: number): Side => ({
    map: own[kind],
    norm: weights.attentionNorms.input,
    headNorm: kind === 'query' ? weights.queryNorm : weights.keyNorm,
    rotation: model.weights.rotation(layer, [positionAt(sequence, row)], last),
  });
  const tapped = (kind: 'query' | 'key', row: number): Float32Array => {
    const place = kind === 'query' ? head : shared;
    return tapRow(rows, layer, `attention.${kind}`, row).subarray(place * block.headDim, (place + 1) * block.headDim);
  };
  const parts = await streamParts(model, rows, layer, names, [query, ...keys]);
  const side = (kind: 'query' | 'key', row: number, at: number): readonly Float64Array[] =>
    isReplaced(variant, { kind, layer, slot: kind === 'query' ? head : shared, row })
      ? names.map((name) =>
          Float64Array.from(name.kind === 'replaced' ? tapped(kind, row) : new Float32Array(block.headDim)),
        )
      : sideParts(sideOf(kind, row), names, parts[at] ?? [], tapRow(rows, layer, 'residual.input', row));
  const queries = side('query', query, 0);
  const [first = [], second] = keys.map((row, at) => side('key', row, at + 1));
  const keySide = second ? first.map((part, at) => part.map((value, i) => value - (second[at]?.[i] ?? 0))) : first;
  const { scale } = weights;
  const score = keys.reduce(
    (sum, row, at) => sum + (at === 0 ? 1 : -1) * scale * dot(tapped('query', query), tapped('key', row)),
    0,
  );
  const present = names.map((_, at) => at).filter((at) => isThere(names, at, [queries, keySide]));
  const map = layers[layer]?.maps.get(head);
  const weightOf = (row: number): number => map?.[query * sequence.ids.length + row] ?? Number.NaN;
  return {
    layer,
    head,
    query,
    key,
    ...(against === undefined ? {} : { against, againstWeight: weightOf(against) }),
    tokens: {
      query: tokens[query] ?? '',
      key: tokens[key] ?? '',
      ...(against === undefined ? {} : { against: tokens[against] ?? '' }),
    },
    weight: weightOf(key),
    score,
    ...(weights.softcap === undefined ? {} : { softcap: weights.softcap }),
    layers: model.facts.blocks.map(({ heads }) => heads),
    ...summed(
      present.map((at) => names[at] ?? { kind: 'bias' }),
      present.map((at) => queries[at]?.map((value) => value * scale) ?? new Float64Array(0)),
      present.map((at) => keySide[at] ?? new Float64Array(0)),
      score,
    ),
  };
}

/** Whether a part exists: biases and replacements are listed only where they are not zero. */
const isThere = (names: readonly StreamPart[], at: number, sides: readonly (readonly Float64Array[])[]): boolean =>
  (names[at]?.kind !== 'replaced' && names[at]?.kind !== 'bias') ||
  sides.some((side) => side[at]?.some((value) => value !== 0));

const isReplaced = (
  variant: Variant,
  {
    kind,
    layer,
    slot,
    row,
  }: { readonly kind: string; readonly layer: number; readonly slot: number; readonly row: number },
): boolean =>
  changesOf(variant, 'replacement').some(
    ({ target, layer: at, head, positions }) =>
      target === kind && at === layer && (head === undefined || head === slot) && (positions?.includes(row) ?? true),
  );

type Summed = Pick<
  WeightResult,
  'parts' | 'byQuery' | 'byKey' | 'groups' | 'groupQuery' | 'groupKey' | 'pairs' | 'pairedBy' | 'largest' | 'check'
>;

function summed(
  parts: readonly StreamPart[],
  queries: readonly Float64Array[],
  keys: readonly Float64Array[],
  score: number,
): Summed {
  const all = queries.map((query) => keys.map((key) => dot(query, key)));
  const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
  const byQuery = all.map(sumOf);
  const byKey = keys.map((_, at) => sumOf(all.map((row) => row[at] ?? 0)));
  const groups = [...new Set(parts.map(groupOf))];
  const places = parts.map((part) => groups.indexOf(groupOf(part)));
  const grouped = (values: readonly number[]): number[] =>
    groups.map((_, group) => sumOf(values.filter((__, at) => places[at] === group)));
  const byPart = parts.length <= mostPaired;
  const pairs = byPart
    ? all
    : groups.map((_, group) =>
        grouped(
          keys.map((__, key) => sumOf(all.filter((___, at) => places[at] === group).map((row) => row[key] ?? 0))),
        ),
      );
  const largest = all
    .flatMap((row, query) => row.map((value, key): PartPair => ({ query, key, value })))
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, named);
  const sum = sumOf(byQuery);
  return {
    parts,
    byQuery,
    byKey,
    groups,
    groupQuery: grouped(byQuery),
    groupKey: grouped(byKey),
    pairs,
    pairedBy: byPart ? 'part' : 'group',
    largest,
    check: { sum, error: Math.abs(sum - score) / Math.max(1, Math.abs(score)) },
  };
}
