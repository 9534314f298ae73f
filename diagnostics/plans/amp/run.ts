/** The run of `amp`: scores, what goes, losses without it, and the checkpoint. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { isRouted } from '../../../models/architectures/network-spec';
import { seedFor } from '../../../kernels/tensors/random';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import { comparedSides, lossesOf, qualityOf, sizesOf, type BeforeAfter } from '../../shared/conversions/before-after';
import { whyNotCut } from '../../shared/conversions/cut';
import { requireConvertible } from '../../shared/conversions/folder';
import { sharesIn } from '../../shared/conversions/shares';
import { conversionTexts } from '../../shared/conversions/texts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { budgetFor, unitWeights, type PrunedLayer } from './budget';
import {
  chosenAtRandom,
  chosenByScore,
  groupScores,
  sharesOfLayer,
  withoutParts,
  type LayerScores,
  type Removed,
} from './choose';
import { histogramOf } from './histogram';
import { compared } from './comparison';
import type { AmpParameters } from './parameters';
import type { AmpResult, CurvePoint } from './result';
import { outputSums, scoresOfText, type MeanOutputs } from './scores';
import { emulatedSizes, written } from './checkpoint';
import { percent } from '../../../protocol/wire/number-words';
import { mean } from '../../../kernels/tensors/vectors';

type Job = AnalysisJob<AmpParameters>;

const prunedLayers = ({ spec }: ModelRunner['checkpoint']): readonly PrunedLayer[] =>
  spec.blocks.map(({ attention, feedForward }) => {
    const { heads = 0, kvHeads = 0, headDim = 0 } = attention ?? {};
    const network = isRouted(feedForward) ? undefined : feedForward;
    return {
      ...{ heads, kvHeads, headDim, hiddenSize: spec.hiddenSize },
      units: network?.down.inputs ?? 0,
      gated: network?.gate !== undefined,
    };
  });

/** The shares of the curve. */
export const sharesOf = (text: string): readonly number[] => sharesIn(text, 0, 90);

export async function* run(model: ModelRunner, job: Job): AsyncGenerator<Step<AmpResult>, AmpResult> {
  const { parameters, step, seed, variant } = job;
  const { criterion, rule, share, randomSets, folder } = parameters;
  const { checkpoint } = model;
  const layers = prunedLayers(checkpoint);
  const sizes = sizesOf(checkpoint);
  const shares = sharesOf(parameters.curve);
  if (folder !== '') {
    const why = whyNotCut(checkpoint);
    if (why !== undefined) throw new FailureError({ code: 'unsupported', detail: why });
    if (Object.keys(variant).length > 0) {
      const detail = 'A checkpoint cannot hold interventions. Leave them out, or leave the folder out.';
      throw refusal(detail);
    }
  }
  await requireConvertible(model, folder, sizes.weightBytes);
  const texts = await conversionTexts(model, job.input, parameters);
  const { calibration, heldOut } = texts;
  const heads = layers.reduce((sum, layer) => sum + layer.heads, 0);
  const total =
    2 * calibration.length +
    (shares.length * (randomSets + 2) + layers.length + 4) * heldOut.length +
    (parameters.compared ? (heads + 3) * calibration.length : 0) +
    (folder === '' ? 0 : 10 * heldOut.length);
  let done = 0;
  let known: Partial<AmpResult> = {
    criterion,
    calibration: calibration.length,
    heldOut: heldOut.length,
    apart: texts.apart,
    share,
  };

  const outputs: Awaited<ReturnType<ModelRunner['weights']['layer']>>['output'][] = [];
  for (const layer of layers.keys()) outputs.push((await model.weights.layer(layer)).output);
  const byText: (readonly LayerScores[])[] = [];
  const sums: MeanOutputs[] = [];
  for (const [at, ids] of calibration.entries()) {
    yield { sentence: `Scores on text ${at + 1} of ${calibration.length}`, done, total, partial: known };
    byText.push(await step(`scores ${at}`, () => scoresOfText(model, ids, outputs)));
    if (criterion === 'centred') sums.push(await step(`outputs ${at}`, () => outputSums(model, ids)));
    done += 1;
  }
  const magnitude = meanScores(byText);
  let decisive = magnitude;
  if (criterion === 'centred') {
    const means = meanOutputs(
      sums,
      calibration.reduce((sum, { length }) => sum + length, 0),
    );
    const centred: (readonly LayerScores[])[] = [];
    for (const [at, ids] of calibration.entries()) {
      yield { sentence: `Centred scores on text ${at + 1} of ${calibration.length}`, done, total };
      centred.push(await step(`centred ${at}`, () => scoresOfText(model, ids, outputs, means)));
    }
    decisive = meanScores(centred).map(({ heads }, layer) => ({ heads, units: magnitude[layer]?.units ?? [] }));
  }
  done = 2 * calibration.length;
  const { removed: counts, realised } = budgetFor(layers, sizes.parameters, share, rule);
  const removed = chosenByScore(layers, decisive, counts, 'standard');
  const widest = Math.max(...layers.map(unitWeights));
  known = {
    ...known,
    scores: decisive.map((layer) => layer.heads),
    magnitude: magnitude.map((layer) => layer.heads),
    groupScores: decisive.map((layer, at) => groupScores(layer.heads, layers[at]?.kvHeads ?? 1)),
    shares: sharesOfLayer(decisive.map((layer) => layer.heads)),
    unitScores: decisive.map((layer) => layer.units),
    histogram: histogramOf(
      decisive.map((layer) => layer.units),
      removed,
    ),
    realised,
    bound: (0.5 * widest * layers.length) / sizes.parameters,
    capped: counts.some(
      ({ groups, units }, at) => groups === (layers[at]?.kvHeads ?? 0) - 1 || units === (layers[at]?.units ?? 0) - 1,
    ),
    removed,
  };

  const cut = (parts: readonly Removed[]): Variant => joined(variant, withoutParts(layers, parts));
  const metric = job.input.task?.task.metric;
  yield { sentence: 'Loss before and after', done, total, partial: known };
  const [before, after] = await step('quality', () => qualityOf(model, texts, metric, [variant, cut(removed)]));
  if (!before || !after) throw new RangeError('two variants have two qualities');
  done += 4 * heldOut.length;
  const emulated = emulatedSizes(sizes, checkpoint, layers, removed);
  let comparison: BeforeAfter = comparedSides(
    { ...sizes, ...before, tokensPerSecond: null },
    { ...emulated, ...after, tokensPerSecond: null },
    texts,
  );
  known = { ...known, loss: before.loss, comparison };

  const curve: CurvePoint[] = [pointOf(0, 0, before.loss, before.loss, [before.loss])];
  for (const each of shares) {
    yield { sentence: `Losses without ${percent(each)} of the parameters`, done, total, partial: { ...known, curve } };
    const budget = budgetFor(layers, sizes.parameters, each, rule);
    const sets = [
      chosenByScore(layers, decisive, budget.removed, 'standard'),
      chosenByScore(layers, decisive, budget.removed, 'reversed'),
      ...Array.from({ length: randomSets }, (_, set) =>
        chosenAtRandom(layers, budget.removed, seedFor(seed, `amp random ${set} ${each}`)),
      ),
    ];
    const [standard = Number.NaN, reversed = Number.NaN, ...random] = await step(`share ${each}`, () =>
      lossesOf(model, heldOut, sets.map(cut)),
    );
    curve.push(pointOf(each, budget.realised, standard, reversed, random));
    done += sets.length * heldOut.length;
  }
  curve.sort((a, b) => a.share - b.share);
  yield { sentence: 'Losses with one layer pruned', done, total, partial: { ...known, curve } };
  const none: Removed = { groups: [], units: [] };
  const alone = await step('layers', () =>
    lossesOf(
      model,
      heldOut,
      layers.map((_, at) => cut(removed.map((own, layer) => (layer === at ? own : none)))),
    ),
  );
  done += layers.length * heldOut.length;
  known = { ...known, curve, byLayer: alone.map((loss) => loss - before.loss) };
  const others = parameters.compared
    ? yield* compared(model, { job, texts: calibration, scores: known.scores ?? [] }, (sentence, share) => ({
        sentence,
        done: done + share * (heads + 3) * calibration.length,
        total,
        partial: known,
      }))
    : [];
  known = { ...known, others };
  let surgery: number | null = null;
  if (folder !== '') {
    const made = yield* written(
      model,
      { job, layers, removed, realised, texts, emulation: withoutParts(layers, removed), metric },
      (sentence) => ({ sentence, done: total - heldOut.length, total, partial: known }),
    );
    surgery = made.surgery;
    comparison = comparedSides({ ...comparison.before, tokensPerSecond: made.speeds.before }, made.after, {
      apart: texts.apart,
      speedup: made.speeds.speedup,
      written: made.written,
    });
  }
  return { ...(known as AmpResult), comparison, surgery };
}

/** Both changes at once. */
const joined = (one: Variant, other: Variant): Variant => [...one, ...other];

const pointOf = (
  share: number,
  realised: number,
  standard: number,
  reversed: number,
  random: readonly number[],
): CurvePoint => ({
  share,
  percent: 100 * realised,
  standard,
  reversed,
  random,
  randomMean: mean(random),
  randomLow: Math.min(...random),
  randomHigh: Math.max(...random),
});

/** Each text weighs the same. */
function meanScores(texts: readonly (readonly LayerScores[])[]): readonly LayerScores[] {
  const mean = (values: readonly (readonly number[])[]): readonly number[] =>
    (values[0] ?? []).map((_, at) => values.reduce((sum, one) => sum + (one[at] ?? 0), 0) / values.length);
  return (texts[0] ?? []).map((_, layer) => ({
    heads: mean(texts.map((text) => text[layer]?.heads ?? [])),
    units: mean(texts.map((text) => text[layer]?.units ?? [])),
  }));
}

const meanOutputs = (sums: readonly MeanOutputs[], tokens: number): MeanOutputs =>
  (sums[0] ?? []).map((first, layer) =>
    first.map((_, at) => sums.reduce((sum, one) => sum + (one[layer]?.[at] ?? 0), 0) / tokens),
  );
