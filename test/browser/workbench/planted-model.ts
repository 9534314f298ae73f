/**
 * A model whose heads are planted: each does one known thing, so that a test knows what must be on the screen. Probabilities
 * are computed here, statistics from them by their definitions (protocol/results/heads.ts).
 */
import {
  headLabels,
  headStatisticNames,
  type HeadLabel,
  type HeadThumbnails,
  type HeadTile,
  type NextTokens,
} from '../../../protocol/results/heads';
import type { HeadsResult, HeadClass, HeadStatistics, LabelScores } from '../../../protocol/results/heads-schema';
import { type ModelSummary } from '../../../protocol/schema/parts';

export type Plant = 'previous' | 'sink' | 'self' | 'induction' | 'duplicate' | 'local' | 'uniform' | 'mixed';

export interface PlantedModel {
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly plant: (layer: number, head: number) => Plant;
}

const sentence =
  '<s>|M|ary| and| John| went| to| the| sh|op|.| John| gave| a| book| to| Mary|.| Mary| and| John| went| to| the| sh|op|.| John| gave| a| book| to';

export const demoTokens = sentence.split('|');

export function plantedModel(tokens: readonly string[] = demoTokens, layers = 4, heads = 8, kvHeads = 4): PlantedModel {
  const texts = [...new Set(tokens)];
  const kinds: readonly Plant[] = [
    'mixed',
    'previous',
    'mixed',
    'sink',
    'local',
    'mixed',
    'self',
    'uniform',
    'mixed',
    'mixed',
  ];
  const late: readonly Plant[] = [
    'mixed',
    'induction',
    'sink',
    'mixed',
    'duplicate',
    'mixed',
    'induction',
    'sink',
    'uniform',
    'mixed',
  ];
  return {
    tokens,
    ids: tokens.map((token) => texts.indexOf(token)),
    layers,
    heads,
    kvHeads,
    plant: (layer, head) => {
      const from = layer < layers / 2 ? kinds : late;
      return from[(head * 3 + layer * 7) % from.length] ?? 'mixed';
    },
  };
}

/** Reproducible noise in [0, 1). */
function noise(...parts: readonly number[]): number {
  let hash = 2166136261;
  for (const part of parts) hash = Math.imul(hash ^ (part + 0x9e37), 16777619);
  hash ^= hash >>> 15;
  return ((Math.imul(hash, 2246822519) ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

function score(model: PlantedModel, plant: Plant, layer: number, head: number, query: number, key: number): number {
  const { ids } = model;
  switch (plant) {
    case 'previous':
      return key === query - 1 ? 6 : 0;
    case 'sink':
      return key === 0 ? 6 : 0;
    case 'self':
      return key === query ? 5 : 0;
    case 'local':
      return Math.max(0, 4 - (query - key) / 3);
    case 'duplicate':
      return key < query && ids[key] === ids[query] ? 6 : key === 0 ? 2 : 0;
    case 'induction':
      return key > 0 && key - 1 < query && key <= query && ids[key - 1] === ids[query] && key - 1 !== query
        ? 7
        : key === 0
          ? 3
          : 0;
    case 'uniform':
      return 0;
    case 'mixed':
      return (
        3 * noise(layer, head, key) + 2 * noise(layer, head, query, key) - (query - key) * 0.03 + (key === 0 ? 1.5 : 0)
      );
  }
}

/** All probabilities of one query, [keys]. */
export function plantedRow(model: PlantedModel, layer: number, head: number, query: number): Float32Array {
  const plant = model.plant(layer, head);
  const row = new Float32Array(model.tokens.length);
  let sum = 0;
  for (let key = 0; key <= query; key += 1) {
    const weight = Math.exp(score(model, plant, layer, head, query, key));
    row[key] = weight;
    sum += weight;
  }
  return row.map((weight) => weight / sum);
}

export const plantedMatrix = (model: PlantedModel, layer: number, head: number): readonly Float32Array[] =>
  model.tokens.map((_, query) => plantedRow(model, layer, head, query));

function statisticsOf(model: PlantedModel, rows: readonly Float32Array[]): Record<keyof HeadStatistics, number> {
  const { ids } = model;
  const mean = (values: readonly number[]): number =>
    values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
  const at = (query: number, key: number): number => rows[query]?.[key] ?? 0;
  const all = ids.map((_, query) => query);
  const later = all.slice(1);
  const earlier = (query: number): number[] => all.filter((key) => key < query && ids[key] === ids[query]).slice(-4);
  const repeated = all.filter((query) => earlier(query).length > 0);
  const over = (query: number, value: (key: number, p: number) => number): number =>
    all.reduce((sum, key) => (key > query ? sum : sum + value(key, at(query, key))), 0);
  return {
    previousToken: mean(later.map((query) => at(query, query - 1))),
    firstToken: mean(later.map((query) => at(query, 0))),
    selfToken: mean(all.map((query) => at(query, query))),
    entropy: mean(all.map((query) => over(query, (_, p) => (p > 0 ? -p * Math.log(p) : 0)))),
    meanDistance: mean(all.map((query) => over(query, (key, p) => p * (query - key)))),
    localWindow: mean(all.map((query) => over(query, (key, p) => (query - key < 16 ? p : 0)))),
    induction: mean(repeated.map((query) => earlier(query).reduce((sum, key) => sum + at(query, key + 1), 0))),
    duplicateToken: mean(repeated.map((query) => earlier(query).reduce((sum, key) => sum + at(query, key), 0))),
  };
}

const size = 32;

export function plantedThumbnails(model: PlantedModel): HeadThumbnails {
  const { layers, heads, tokens } = model;
  const data = new Float32Array(layers * heads * size * size);
  const length = tokens.length;
  const block = (at: number): number => (length <= size ? at : Math.floor((at * size) / length));
  const queries = new Array<number>(size).fill(0);
  for (let at = 0; at < length; at += 1) queries[block(at)] = (queries[block(at)] ?? 0) + 1;
  for (let layer = 0; layer < layers; layer += 1)
    for (let head = 0; head < heads; head += 1)
      plantedMatrix(model, layer, head).forEach((row, query) =>
        row.forEach((p, key) => {
          const to = ((layer * heads + head) * size + block(query)) * size + block(key);
          data[to] = (data[to] ?? 0) + p / (queries[block(query)] ?? 1);
        }),
      );
  return { size, layers, heads, data };
}

export const plantedSummary = (model: PlantedModel, change: Partial<ModelSummary> = {}): ModelSummary => ({
  folder: '/models/planted',
  name: 'planted',
  family: 'llama',
  hash: 'f00dfeed12345678',
  layers: model.layers,
  heads: model.heads,
  kvHeads: model.kvHeads,
  headDim: 24,
  hiddenSize: 24 * model.heads,
  vocabulary: 1280,
  contextLength: 2048,
  causal: true,
  weightBytes: 5_700_000,
  dtypes: ['F32'],
  windows: Array.from({ length: model.layers }, (_, layer) => (layer % 2 === 1 ? 512 : null)),
  tokenizer: true,
  chatTemplate: true,
  ...change,
});

const labelOf: Readonly<Record<Plant, readonly [HeadLabel, keyof HeadStatistics] | undefined>> = {
  previous: ['previous-token', 'previousToken'],
  sink: ['first-token-sink', 'firstToken'],
  self: ['self', 'selfToken'],
  induction: ['induction', 'induction'],
  duplicate: ['duplicate-token', 'duplicateToken'],
  local: ['local', 'localWindow'],
  uniform: ['uniform', 'entropy'],
  mixed: undefined,
};

/** Nothing was found in a haystack by any head: its null model has no spread either. */
function labelScoresOf(numbers: readonly (readonly Record<keyof HeadStatistics, number>[])[]) {
  const table = (value: (one: Record<keyof HeadStatistics, number>) => number) => numbers.map((row) => row.map(value));
  const scoresOf = (label: HeadLabel): LabelScores => {
    const name = Object.values(labelOf).find((entry) => entry?.[0] === label)?.[1];
    const measured = ['induction', 'duplicate-token', 'retrieval'].includes(label);
    const score = (one: Record<keyof HeadStatistics, number>): number =>
      name === undefined ? 0 : Math.min(1, name === 'entropy' ? one.entropy / 3 : one[name]);
    return {
      score: table(score),
      nullMean: table(() => (name === undefined ? 0 : 0.09)),
      nullSd: table(() => (name === undefined ? 0 : 0.04)),
      ...(measured ? { nullSeeds: 6, nullFloor: 0.001 } : {}),
      confidence: table((one) => 1 / (1 + Math.exp((0.09 - score(one)) / 0.02))),
      needed: table(() => 0.45),
    };
  };
  return Object.fromEntries(headLabels.map((label) => [label, scoresOf(label)]));
}

export function plantedResult(model: PlantedModel, change: Partial<HeadsResult> = {}): HeadsResult {
  const { layers, heads } = model;
  const numbers = Array.from({ length: layers }, (_, layer) =>
    Array.from({ length: heads }, (_unused, head) => statisticsOf(model, plantedMatrix(model, layer, head))),
  );
  const statistics = Object.fromEntries(
    headStatisticNames.map((name) => [name, numbers.map((row) => row.map((one) => one[name]))]),
  ) as unknown as HeadStatistics;
  const longest = Math.log(model.tokens.length);
  const classes = numbers.flatMap((row, layer) =>
    row.flatMap((one, head): HeadClass[] => {
      const found = labelOf[model.plant(layer, head)];
      if (!found) return [];
      const [label, name] = found;
      const score = name === 'entropy' ? Math.min(1, one.entropy / (longest * 0.78)) : one[name];
      const sd = 0.04 + 0.02 * noise(layer, head);
      const mean = label === 'local' ? 0.72 : label === 'uniform' ? 0.5 : 0.09;
      return [
        {
          layer,
          head,
          label,
          score,
          null: { mean, sd },
          confidence: 1 - Math.exp(-Math.max(0, score - mean) / sd),
          causal: {
            lossChange: (label === 'induction' ? 0.8 : 0.05) * (noise(head, layer) - 0.15),
            on: 'repeated random sequence, second half',
            promptLossChange: 0.1 * (noise(layer, head) - 0.3),
          },
        },
      ];
    }),
  );
  return {
    headscope: '0.1.0',
    created: '2026-11-24T16:00:00.000Z',
    device: {
      id: 'cpu',
      provider: 'cpu',
      name: 'Processor of the tests',
      threads: 0,
      runtime: 'onnxruntime-node 1.30.0',
      platform: 'linux-x64',
    },
    settings: { chunk: 32, classify: true, causal: true },
    seed: 0,
    kind: 'headscope-heads',
    version: 1,
    model: plantedSummary(model),
    prompt: model.tokens.slice(1).join(''),
    ids: model.ids,
    tokens: model.tokens,
    interventions: [],
    gains: [],
    layers,
    heads,
    statistics,
    groups: {},
    classes,
    labelScores: labelScoresOf(numbers),
    classAblations: headLabels.flatMap((label) => {
      const heads = classes.filter((one) => one.label === label).length;
      const on = 'repeated random sequence, second half';
      return heads === 0 ? [] : [{ label, heads, lossChange: 0.4 * heads, on, promptLossChange: 0.02 * heads }];
    }),
    parity: { maxLogitError: 0, layerErrors: new Array<number>(layers).fill(0), ok: true },
    seconds: 1.24,
    ...change,
  };
}

/** Largest probability of each block, as the compute server pools. */
export function plantedTile(model: PlantedModel, request: Omit<HeadTile, 'data'>): HeadTile {
  const { rowStart, rowCount, columnStart, columnCount, outRows, outColumns } = request;
  const data = new Float32Array(outRows * outColumns);
  for (let row = 0; row < rowCount; row += 1) {
    const values = plantedRow(model, request.layer, request.head, rowStart + row);
    for (let column = 0; column < columnCount; column += 1) {
      const to = Math.floor((row * outRows) / rowCount) * outColumns + Math.floor((column * outColumns) / columnCount);
      data[to] = Math.max(data[to] ?? 0, values[columnStart + column] ?? 0);
    }
  }
  return { ...request, data };
}

/** Two distributions that differ in a known way; the divergence is computed from them. */
export function plantedNextTokens(interventions: NextTokens['interventions']): readonly NextTokens[] {
  const words: readonly (readonly [string, number, number])[] = [
    [' Mary', 0.71, 0.22],
    [' the', 0.12, 0.31],
    [' John', 0.09, 0.28],
    [' her', 0.05, 0.11],
    [' a', 0.03, 0.08],
  ];
  const entropy = (at: 1 | 2): number => -words.reduce((sum, word) => sum + word[at] * Math.log(word[at]), 0);
  const one = (at: 1 | 2, of: NextTokens['interventions']): NextTokens => ({
    interventions: of,
    top: words
      .map((word, id) => ({ id: 100 + id, text: word[0], probability: word[at] }))
      .sort((a, b) => b.probability - a.probability),
    divergence: at === 1 ? 0 : words.reduce((sum, word) => sum + word[1] * Math.log(word[1] / word[2]), 0),
    entropy: entropy(at),
  });
  return interventions.length === 0 ? [one(1, [])] : [one(1, []), one(2, interventions)];
}
