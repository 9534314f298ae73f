/** Two runs of the prompt, plain and under the change; maps layer by layer, then what leaves the last layer. */
import { regionText } from '../../../protocol/interventions/regions';
import type { AnalysisJob, Step } from '../../analysis';
import { divergenceOf, logProbabilities, outputsOf, turnedBy } from '../../shared/maps/changed-output';
import { layerMaps, readableKeys } from '../../shared/maps/layer-maps';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { imageRows } from '../../model-runner/regions';
import { changeOf, written, type Changed, type RegionAttentionParameters } from './change';
import { massBetween, massOn, mixed, mixedByChance, readBy } from './mixing';
import type { Reference, RegionAttentionResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';

/** Tokens whose probabilities are compared. */
const mostLeading = 5;

/** [regions][...] */
type Table = readonly (readonly number[])[];

interface LookedAt {
  /** By head: mean over regions of the attention on other regions, and what region B reads of A and of its own place. */
  readonly mixed: readonly number[];
  readonly reference: readonly number[];
  readonly target: readonly number[];
  /** Summed over heads. */
  readonly between: Table;
  readonly read: Table;
}

interface LayerMixing {
  readonly before: LookedAt;
  readonly after: LookedAt;
  readonly even: number;
  readonly evenReference: number;
}

interface Outputs {
  readonly turned: readonly number[];
  readonly divergence: number;
  readonly leading: RegionAttentionResult['leading'];
}

export async function* regionAttentionRun(
  model: ModelRunner,
  { input, parameters, variant, groups, step }: AnalysisJob<RegionAttentionParameters>,
): AsyncGenerator<Step<RegionAttentionResult>, RegionAttentionResult> {
  const [prompt] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const changed = await changeOf(model, prompt, parameters, variant);
  const { regions } = changed;
  const [first = [], second = []] = regions;
  const sequence = { ...prompt, groups };
  const n = prompt.ids.length;
  const { blocks } = model.facts;

  const layers: LayerMixing[] = [];
  const result = (outputs?: Outputs): RegionAttentionResult =>
    gathered(model, prompt, changed, parameters, layers, outputs);
  const total = blocks.length + 1;
  for (const [layer, block] of blocks.entries()) {
    const partial = layer > 0 ? { partial: result() } : {};
    yield { sentence: `Layer ${layer} of ${blocks.length}`, done: layer, total, ...partial };
    layers.push(
      await step(`layer ${layer}`, async () => {
        const look = async (under: typeof variant): Promise<LookedAt> => {
          const maps = await layerMaps(model, sequence, under, layer);
          const tables = maps.map((map) => massBetween(map, n, regions));
          return {
            mixed: tables.map(mixed),
            reference: maps.map((map) => massOn(map, n, second, first)),
            target: maps.map((map) => massOn(map, n, second, second)),
            between: summed(tables),
            read: summed(maps.map((map) => readBy(map, n, regions))),
          };
        };
        const before = await look(variant);
        const reads = (row: number) => readableKeys(block, prompt, row);
        return {
          before,
          after: await look(changed.variant),
          even: mixedByChance(reads, regions),
          evenReference: mean(
            second.map((row) => {
              const [from, to] = reads(row);
              return first.filter((key) => key >= from && key < to).length / (to - from);
            }),
          ),
        };
      }),
    );
  }
  yield { sentence: 'What leaves the last layer', done: blocks.length, total, partial: result() };
  const outputs = await step('outputs', async () => {
    const [plain, other] = await outputsOf(model, sequence, [variant, changed.variant], 'last');
    if (!plain || !other) throw new RangeError('the run gave nothing');
    const turned = turnedBy(plain.stream, other.stream, n);
    if (!plain.logits || !other.logits) return { turned, divergence: Number.NaN, leading: [] };
    return {
      turned,
      divergence: divergenceOf(plain.logits, other.logits),
      leading: leadingOf(model, plain.logits, other.logits),
    };
  });
  return result(outputs);
}

/** A layer without attention has an empty table. */
const summed = (tables: readonly Table[]): number[][] =>
  (tables.find(({ length }) => length > 0) ?? []).map((row, s) =>
    row.map((_, to) => tables.reduce((sum, table) => sum + (table[s]?.[to] ?? 0), 0)),
  );

function leadingOf(model: ModelRunner, before: Float32Array, after: Float32Array): RegionAttentionResult['leading'] {
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
  changed: Changed,
  parameters: RegionAttentionParameters,
  layers: readonly LayerMixing[],
  outputs: Outputs | undefined,
): RegionAttentionResult {
  const { regions, named } = changed;
  const perHead = (of: (layer: LayerMixing, head: number) => number | undefined): number[][] =>
    facts.blocks.map(({ heads }, layer) => {
      const found = layers[layer];
      return Array.from({ length: heads }, (_, head) => (found ? (of(found, head) ?? Number.NaN) : Number.NaN));
    });
  const heads = facts.blocks.slice(0, layers.length).reduce((sum, block) => sum + block.heads, 0);
  const meanOf = (of: (layer: LayerMixing) => Table): number[][] =>
    summed(layers.map(of)).map((row) => row.map((value) => value / heads));
  const owner = prompt.ids.map((_, row) => regions.findIndex((rows) => rows.includes(row)));
  const turned = outputs?.turned ?? [];
  const meanOver = (region: number): number => mean(turned.filter((_, row) => owner[row] === region));
  const [readBefore, readAfter] = [meanOf(({ before }) => before.read), meanOf(({ after }) => after.read)];
  return {
    regions: named.map(regionText),
    sizes: regions.map(({ length }) => length),
    rows: prompt.ids.length,
    heads: parameters.heads.trim(),
    isolate: parameters.isolate,
    beta: parameters.beta,
    change: written(changed),
    before: perHead(({ before }, head) => before.mixed[head]),
    after: perHead(({ after }, head) => after.mixed[head]),
    even: perHead(({ even }) => even),
    betweenBefore: meanOf(({ before }) => before.between),
    betweenAfter: meanOf(({ after }) => after.between),
    readBefore,
    readAfter,
    readChange: readAfter.map((row, s) => row.map((value, key) => value - (readBefore[s]?.[key] ?? 0))),
    ...(parameters.reposition ? { reference: referenceOf(parameters, perHead) } : {}),
    tokens: prompt.tokens,
    owner,
    turned,
    turnedIn: outputs ? [...regions.keys(), -1].map(meanOver) : [],
    divergence: outputs?.divergence ?? Number.NaN,
    leading: outputs?.leading ?? [],
    ...(prompt.image ? { image: prompt.image } : {}),
    imageRows: imageRows(prompt),
  };
}

const referenceOf = (
  { layers }: RegionAttentionParameters,
  perHead: (of: (layer: LayerMixing, head: number) => number | undefined) => number[][],
): Reference => ({
  layers: layers.trim() || '*',
  before: perHead(({ before }, head) => before.reference[head]),
  moved: perHead(({ after }, head) => after.target[head]),
  left: perHead(({ after }, head) => after.reference[head]),
  rise: perHead(({ before, after }, head) => (after.target[head] ?? Number.NaN) - (before.reference[head] ?? 0)),
  even: perHead(({ evenReference }) => evenReference),
});
