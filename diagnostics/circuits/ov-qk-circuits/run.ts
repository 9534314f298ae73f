/** Layer by layer from the first: spectra and copying of each head, and what it reads of every head before it; then the rotations. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { compositionsOf, reachedBy, type Compositions, type MeasuredLayer } from './composition';
import { copyingOf, wordsMap } from './copying';
import { blockNorms, compositionKinds, layerFactors, type CompositionKind, type LayerFactors } from './layer-factors';
import type { CircuitParameters } from './parameters';
import type { CircuitsResult, ComposedPair } from './result';
import { layersNamed } from '../../shared/layers';
import { effectiveRank, lengthOf } from '../../shared/weights/spectra';

/** Pairs that the result names. */
const named = 200;
/** Rotations of a step. */
const together = 10;

type Writers = Pick<LayerFactors, 'heads' | 'headDim' | 'writers'>;

export async function* circuitsRun(
  model: ModelRunner,
  { parameters, seed, step }: Pick<AnalysisJob<CircuitParameters>, 'parameters' | 'seed' | 'step'>,
): AsyncGenerator<Step<CircuitsResult>, CircuitsResult> {
  const { blocks, hiddenSize } = model.facts;
  const layers = layersNamed(parameters.layers, blocks.length);
  if (typeof layers === 'string') throw new RangeError(layers);
  const { rotations } = parameters;
  const batches = Math.ceil(rotations / together);
  const total = layers.length + batches;
  const writers = new Map<number, Writers>();
  const keep = (layer: number, { heads, headDim, writers: data }: LayerFactors): Writers => {
    const kept = { heads, headDim, writers: data };
    writers.set(layer, kept);
    return kept;
  };
  let words: Float32Array | undefined;
  const measured: MeasuredLayer[] = [];
  for (const [done, layer] of layers.entries()) {
    const known = measured.length > 0 ? { partial: resultOf(model, measured, rotations) } : {};
    yield { sentence: `Layer ${layer}`, done, total, ...known };
    measured.push(
      await step(`layer ${layer}`, async () => {
        words ??= await wordsMap(model);
        const factors = await factorsOf(model, layer);
        const before: Writers[] = [];
        // Steps that were kept of an earlier run hold no weights.
        for (const other of layers.slice(0, done)) {
          before.push(writers.get(other) ?? keep(other, await factorsOf(model, other)));
        }
        keep(layer, factors);
        const kvHeads = blocks[layer]?.kvHeads ?? factors.heads;
        return {
          layer,
          ov: factors.ov,
          qk: factors.qk,
          qkTrace: factors.qkTrace,
          ...(factors.gated ? { gated: true } : {}),
          ...(words ? { copying: await copyingOf(model, factors, words, kvHeads) } : {}),
          composed: await composedOf(model, factors, before),
        };
      }),
    );
  }
  const compositions = compositionsOf(measured, hiddenSize);
  const reached = new Int32Array(compositions.all.length);
  for (let batch = 0; batch < batches; batch++) {
    const first = batch * together;
    yield {
      sentence: `Random rotation ${first} of ${rotations}`,
      done: layers.length + batch,
      total,
      ...(batch === 0 ? { partial: resultOf(model, measured, rotations, compositions) } : {}),
    };
    const some = await step(`rotations ${batch}`, () => {
      const count = Math.min(together, rotations - first);
      return Promise.resolve(reachedBy(compositions, hiddenSize, count, random(seedFor(seed, `rotations ${batch}`))));
    });
    some.forEach((count, at) => (reached[at] = (reached[at] ?? 0) + count));
  }
  return resultOf(model, measured, rotations, compositions, reached);
}

export async function factorsOf({ facts, weights }: ModelRunner, layer: number): Promise<LayerFactors> {
  const block = facts.blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer}`);
  return layerFactors(await weights.layer(layer, ['gates', 'scores']), block);
}

async function composedOf(
  { weights, facts }: ModelRunner,
  factors: LayerFactors,
  before: readonly Writers[],
): Promise<Record<CompositionKind, readonly (readonly number[])[]>> {
  const composed: Record<CompositionKind, number[][]> = { query: [], key: [], value: [] };
  for (const kind of compositionKinds) {
    const rows = Array.from({ length: factors.heads }, (): number[] => []);
    for (const other of before) {
      const product = await weights.product(factors.readers[kind], other.writers, facts.hiddenSize);
      blockNorms(product, factors, other).forEach((norms, head) => rows[head]?.push(...norms));
    }
    composed[kind] = rows;
  }
  return composed;
}

/** Six digits: scores come from float32 weights, and a file holds many. */
const short = (value: number): number => Number(value.toPrecision(6));

function resultOf(
  { facts }: ModelRunner,
  measured: readonly MeasuredLayer[],
  rotations: number,
  compositions: Compositions = compositionsOf(measured, facts.hiddenSize),
  reached?: Int32Array,
): CircuitsResult {
  const { heads, all } = compositions;
  const byLayer = new Map(measured.map((layer) => [layer.layer, layer]));
  const perHead = (of: (layer: MeasuredLayer, head: number) => number | undefined): number[][] =>
    facts.blocks.map(({ heads: count }, at) => {
      const layer = byLayer.get(at);
      return Array.from({ length: count }, (_, head) => (layer && of(layer, head)) ?? Number.NaN);
    });
  const empty = (): number[][] => heads.map(() => heads.map(() => Number.NaN));
  const scores = { query: empty(), key: empty(), value: empty() };
  for (const { kind, reader, writer, score } of all) {
    const row = scores[kind][reader];
    if (row) row[writer] = short(score);
  }
  const order = all.map((_, at) => at).sort((a, b) => (all[b]?.z ?? 0) - (all[a]?.z ?? 0));
  const strongest = order.slice(0, named).flatMap((at): ComposedPair[] => {
    const one = all[at];
    const [reader, writer] = [heads[one?.reader ?? -1], heads[one?.writer ?? -1]];
    if (!one || !reader || !writer) return [];
    const { kind, score, chance, z } = one;
    const p = reached ? { p: (1 + (reached[at] ?? 0)) / (1 + rotations) } : {};
    return [{ kind, reader, writer, score: short(score), chance, z, ...p }];
  });
  return {
    ...(measured.some(({ copying }) => copying) ? { copying: perHead(({ copying }, head) => copying?.[head]) } : {}),
    ovRank: perHead(({ ov }, head) => effectiveRank(ov[head] ?? [])),
    qkRank: perHead(({ qk }, head) => effectiveRank(qk[head] ?? [])),
    ovNorm: perHead(({ ov }, head) => lengthOf(ov[head] ?? [])),
    qkNorm: perHead(({ qk }, head) => lengthOf(qk[head] ?? [])),
    ...(measured.every(({ qkTrace }) => qkTrace) ? { qkIdentity: identityOf(facts, byLayer) } : {}),
    compared: heads,
    scores,
    strongest,
    comparisons: all.length,
    rotations,
    ...(reached ? { aboveAll: reached.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0) } : {}),
    hiddenSize: facts.hiddenSize,
    ...(measured.some(({ gated }) => gated) ? { gated: true } : {}),
  };
}

/** tr(W_Q^T W_K) / (|W_Q^T W_K| sqrt(d)) of each head, d its width. */
const identityOf = (
  { blocks }: Pick<ModelFacts, 'blocks'>,
  byLayer: ReadonlyMap<number, MeasuredLayer>,
): readonly (readonly number[])[] =>
  blocks.map(({ heads, headDim }, at) =>
    Array.from({ length: heads }, (_, head) => {
      const { qk, qkTrace } = byLayer.get(at) ?? {};
      return (qkTrace?.[head] ?? Number.NaN) / (lengthOf(qk?.[head] ?? []) * Math.sqrt(headDim));
    }),
  );
