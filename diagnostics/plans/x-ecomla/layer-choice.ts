/** Latent layers of a model at a rank, of decompositions that are done once. */
import type { LowRankChange } from '../../../models/instrument/changes/low-rank';
import { random, seedFor } from '../../../kernels/tensors/random';
import { FailureError } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { LayerWeights } from '../../model-runner/weights';
import type { LatentLayer } from './head-outputs';
import { initialised, spectraOf, type LatentWeights, type SourceAttention, type SourceSpectra } from './initialisation';
import { rotaryWidth, type EcoMlaParameters } from './parameters';
import { rankOfEnergy, rankOfShare } from './ranks';
import { selected } from './selection';

/** What is read of a layer. */
interface Source {
  readonly weights: LayerWeights;
  readonly source: SourceAttention;
  readonly spectra: SourceSpectra;
}

export class LayerChoices {
  private readonly sources = new Map<number, Promise<Source>>();

  constructor(
    private readonly model: ModelRunner,
    private readonly parameters: EcoMlaParameters,
    private readonly seed: number,
  ) {}

  of(layer: number): Promise<Source> {
    const found = this.sources.get(layer) ?? this.read(layer);
    this.sources.set(layer, found);
    return found;
  }

  /** r_kv of a layer by the parameters; no larger than there are singular values. */
  rank(layer: number, spectra: SourceSpectra): number {
    const { choose, energy, share, rank, ends } = this.parameters;
    const { singular } = spectra.joint;
    const isEnd = layer === 0 || layer === this.model.facts.blocks.length - 1;
    if (choose === 'energy' && !(ends && isEnd)) return rankOfEnergy(singular, energy);
    const wanted = choose === 'share' ? rankOfShare(this.block(layer), share / 100, this.rotary(layer)) : rank;
    return Math.min(wanted, singular.length);
  }

  /** r_q; undefined where queries are projected directly. */
  queryRank({ query }: SourceSpectra): number | undefined {
    return query && rankOfEnergy(query.singular, this.parameters.queryEnergy);
  }

  rotary(layer: number): number {
    return rotaryWidth(this.block(layer).headDim, this.parameters.rotary);
  }

  async sizes(layer: number, rank: number): Promise<Omit<LatentLayer, 'weights'>> {
    const { source, spectra } = await this.of(layer);
    const { heads, headDim } = source;
    const queryRank = this.queryRank(spectra);
    const rotary = this.rotary(layer);
    const { layout } = selected(headDim, rotary, this.parameters.selection);
    return { heads, headDim, layout, rank, rotary, ...(queryRank === undefined ? {} : { queryRank }) };
  }

  async latent(layer: number, rank: number): Promise<LatentLayer> {
    const { source, spectra } = await this.of(layer);
    const sizes = await this.sizes(layer, rank);
    const { selection, initialisation } = this.parameters;
    const weights = initialised(source, spectra, { ...sizes, selection });
    return { ...sizes, weights: initialisation === 'svd' ? weights : drawn(weights, layer, this.seed) };
  }

  /** The cache of low rank with rotation in its place; nothing where the rank is full. */
  async lowRank(layer: number, rank: number): Promise<LowRankChange | undefined> {
    const { right, singular } = (await this.of(layer)).spectra.joint;
    if (rank >= singular.length) return undefined;
    const width = this.model.facts.hiddenSize;
    const basis = new Float32Array(width * rank);
    for (let at = 0; at < rank; at++) right[at]?.forEach((value, row) => (basis[row * rank + at] = value));
    return { kind: 'low-rank', layer, rank, basis };
  }

  private block(layer: number) {
    const block = this.model.facts.blocks[layer];
    if (!block) throw new RangeError(`no layer ${layer}`);
    return block;
  }

  private async read(layer: number): Promise<Source> {
    const { heads, kvHeads, headDim } = this.block(layer);
    const weights = await this.model.weights.layer(layer);
    const { query, key, value } = weights;
    if (query.bias ?? key.bias ?? value.bias) {
      const detail = `Layer ${layer} adds biases to queries, keys or values, which latent attention has no place for. Choose a model without them.`;
      throw new FailureError({ code: 'unsupported', detail });
    }
    const source = { query, key, value, heads, kvHeads, headDim };
    return { weights, source, spectra: spectraOf(source, { queries: this.parameters.queryEnergy < 1 }) };
  }
}

/**
 * Weights drawn from a normal distribution, each matrix with the size of the one that it replaces. A query projection that is the
 * model's own is kept.
 */
function drawn(weights: LatentWeights, layer: number, seed: number): LatentWeights {
  const like = (data: Float64Array, name: string): Float64Array => {
    const source = random(seedFor(seed, `latent ${layer} ${name}`));
    const size = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
    return data.map(() => size * source.normal());
  };
  return {
    ...(weights.queryDown
      ? { queryDown: like(weights.queryDown, 'query down'), query: like(weights.query, 'query') }
      : { query: weights.query }),
    down: like(weights.down, 'down'),
    up: like(weights.up, 'up'),
  };
}
