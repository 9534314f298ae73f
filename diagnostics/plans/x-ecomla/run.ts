/** Spectra, ranks, errors layer by layer, and what a whole model of latents does, from small caches to large ones. */
import { withAll, type Variant } from '../../../models/instrument/changes/changes';
import type { LowRankChange } from '../../../models/instrument/changes/low-rank';
import type { AnalysisJob, Step } from '../../analysis';
import { conversionTexts } from '../../shared/conversions/texts';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import {
  compared,
  convertedVariant,
  logitsOf,
  numbers,
  outputsOf,
  replacements,
  type ComparedLogits,
  type LatentLayers,
  type Text,
} from './conversion-run';
import { convert, requireLatent, type Conversion } from './conversion';
import type { LatentLayer } from './head-outputs';
import { LayerChoices } from './layer-choice';
import type { EcoMlaParameters } from './parameters';
import { cacheShare, droppedShare, rankOfShare } from './ranks';
import type { Compared, CurvePoint, EcoMlaResult, LatentRow } from './result';

/** Shares of the cache of the curve. */
export const curveShares = [12.5, 25, 50, 75, 100];

/** Ranks of a spectrum that are drawn: more are not told apart. */
const mostRanks = 24;

/** Six digits: the weights are of float32, and a file holds many. */
const short = (value: number): number => Number(value.toPrecision(6));

export async function* runEcoMla(
  model: ModelRunner,
  job: AnalysisJob<EcoMlaParameters>,
): AsyncGenerator<Step<EcoMlaResult>, EcoMlaResult> {
  const { input, parameters, variant, groups, step, seed } = job;
  const { blocks, summary } = model.facts;
  await requireLatent(model, job);
  const read = await conversionTexts(model, input, parameters);
  const texts = read.heldOut.map(({ ids }) => ids);
  const choices = new LayerChoices(model, parameters, seed);
  const measured = new Measured(
    model,
    texts.map((ids) => ({ ids, groups })),
    variant,
    choices,
  );
  const converts = parameters.folder !== '' || parameters.steps > 0;
  const measuring = 2 * blocks.length + 1 + curveShares.length * 2;
  // How long the training takes is said by its own sentence.
  const total = measuring + (converts ? blocks.length : 0);
  let done = 0;
  const rows: LatentRow[] = [];
  const curve: CurvePoint[] = [];
  let all: Compared | null = null;
  let conversion: Conversion = { distillation: null, comparison: null };
  const loss = await step('plain', () => measured.plainLoss());
  const result = (): EcoMlaResult => ({
    layers: [...rows],
    loss,
    all,
    curve: [...curve],
    ...conversion,
    cached: cachedOf(blocks, rows),
    tokens: texts.reduce((sum, { length }) => sum + length, 0),
    vocabulary: summary.vocabulary,
  });
  for (const layer of blocks.keys()) {
    yield { sentence: `Layer ${layer}`, done, total, ...(layer > 0 ? { partial: result() } : {}) };
    rows.push(await step(`layer ${layer}`, () => measured.row(layer)));
    done += 2;
  }
  yield { sentence: 'All layers with latents', done, total, partial: result() };
  all = await step('all layers', async () => measured.all(new Map(rows.map(({ layer, rank }) => [layer, rank]))));
  done++;
  for (const share of curveShares) {
    yield { sentence: `All layers at ${share} % of the cache`, done, total, partial: result() };
    curve.push(await step(`share ${share}`, () => measured.point(share)));
    done += 2;
  }
  if (converts) {
    const converting = convert(model, { job, rows, choices, texts: read });
    for (;;) {
      const next = await converting.next();
      if (next.done) {
        conversion = next.value;
        break;
      }
      yield { sentence: next.value, done, total, partial: result() };
    }
  }
  return result();
}

function cachedOf(blocks: ModelFacts['blocks'], rows: readonly LatentRow[]): EcoMlaResult['cached'] {
  const before = rows.reduce((sum, { layer }) => {
    const { kvHeads = 0, headDim = 0 } = blocks[layer] ?? {};
    return sum + 2 * kvHeads * headDim;
  }, 0);
  const after = rows.reduce((sum, { rank, rotary }) => sum + rank + rotary, 0);
  return { before, after, share: before === 0 ? 0 : (100 * after) / before };
}

/** Weight error by rank; the last is 0. */
function errorsOf(singular: readonly number[]): LatentRow['errors'] {
  const step = Math.max(1, Math.ceil(singular.length / mostRanks));
  return singular
    .map((_, at) => at + 1)
    .filter((rank) => rank % step === 0 || rank === 1 || rank === singular.length)
    .map((rank) => ({ rank, error: short(droppedShare(singular, rank)) }));
}

class Measured {
  private readonly plain: (Promise<Float32Array> | undefined)[] = [];

  constructor(
    private readonly model: ModelRunner,
    private readonly texts: readonly Text[],
    private readonly variant: Variant,
    private readonly choices: LayerChoices,
  ) {}

  async plainLoss(): Promise<number> {
    return (await this.mean(() => Promise.resolve(this.variant))).loss;
  }

  async row(index: number): Promise<LatentRow> {
    const { choices } = this;
    const { source, spectra } = await choices.of(index);
    const { singular } = spectra.joint;
    const rank = choices.rank(index, spectra);
    const rotary = choices.rotary(index);
    const layer = await choices.latent(index, rank);
    let [changed, whole] = [0, 0];
    const { kl } = await this.mean(async (text) => {
      const outputs = await this.alone(index, layer, text);
      changed += outputs.changed;
      whole += outputs.whole;
      return outputs.variant;
    });
    return {
      layer: index,
      singular: singular.map((value) => short(value / (singular[0] ?? 1))),
      largest: singular[0] ?? 0,
      errors: errorsOf(singular),
      rank,
      queryRank: choices.queryRank(spectra) ?? null,
      rotary,
      share: 100 * cacheShare(source, rank, rotary),
      weightError: droppedShare(singular, rank),
      bound: Math.sqrt(singular.slice(rank).reduce((sum, value) => sum + value * value, 0)),
      outputError: Math.sqrt(changed / whole),
      kl,
    };
  }

  /** All layers at these ranks. */
  async all(ranks: ReadonlyMap<number, number>): Promise<Compared> {
    const layers = new Map<number, LatentLayer>();
    for (const [layer, rank] of ranks) layers.set(layer, await this.choices.latent(layer, rank));
    return this.whole(layers);
  }

  async point(share: number): Promise<CurvePoint> {
    const { choices } = this;
    const layers = new Map<number, LatentLayer>();
    const lowRanks: LowRankChange[] = [];
    for (const [index, block] of this.model.facts.blocks.entries()) {
      const { joint } = (await choices.of(index)).spectra;
      const rank = Math.min(rankOfShare(block, share / 100, choices.rotary(index)), joint.singular.length);
      layers.set(index, await choices.latent(index, rank));
      const low = await choices.lowRank(index, rankOfShare(block, share / 100, 0));
      if (low) lowRanks.push(low);
    }
    const { variant } = this;
    return {
      share,
      latent: await this.whole(layers),
      lowRank: await this.mean(() => Promise.resolve(withAll(variant, 'low-rank', lowRanks))),
    };
  }

  private whole(layers: LatentLayers): Promise<Compared> {
    const weightsOf = async (layer: number) => (await this.choices.of(layer)).weights;
    return this.mean((text) => convertedVariant(this.model, text, layers, weightsOf, this.variant));
  }

  /** One layer changed, and the square of the change of what it adds beside the square of that. */
  private async alone(index: number, layer: LatentLayer, text: Text) {
    const { model, variant } = this;
    const { weights } = await this.choices.of(index);
    const run = await model.run({
      ...text,
      variants: [variant],
      depth: index + 1,
      logits: 'none',
      taps: [
        { layer: index, tap: 'residual.input' },
        { layer: index, tap: 'attention.output' },
      ],
    });
    const taps = run.layers[index]?.taps ?? {};
    const outputs = await outputsOf(model, index, layer, weights, numbers(taps['residual.input']?.data));
    const added = await model.weights.product(outputs, weights.output.data, weights.output.columns);
    const own = numbers(taps['attention.output']?.data);
    let [changed, whole] = [0, 0];
    own.forEach((value, at) => {
      changed += ((added[at] ?? 0) - value) ** 2;
      whole += value * value;
    });
    return { changed, whole, variant: [...variant, ...replacements(index, layer, outputs)] };
  }

  /** Over all texts, by their tokens. */
  private async mean(variantOf: (text: Text) => Promise<Variant>): Promise<ComparedLogits> {
    let [loss, kl, pairs, rows] = [0, 0, 0, 0];
    for (const [at, text] of this.texts.entries()) {
      const { ids } = text;
      const variant = await variantOf(text);
      const plain = await (this.plain[at] ??= logitsOf(this.model, text, this.variant));
      const found = compared(ids, plain, variant === this.variant ? plain : await logitsOf(this.model, text, variant));
      loss += found.loss * (ids.length - 1);
      kl += found.kl * ids.length;
      pairs += ids.length - 1;
      rows += ids.length;
    }
    return { loss: loss / pairs, kl: kl / rows };
  }
}
