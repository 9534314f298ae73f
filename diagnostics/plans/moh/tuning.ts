/**
 * Tuning of a routed model: all weights are trained towards the next-token distributions of the model itself, with a balance loss that
 * spreads tokens over heads (MoH, arXiv:2410.11842, section 3.3; definitions in models/architectures/training-routing.ts).
 */
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { distillationNetwork, languageNetwork } from '../../../models/architectures/training-network';
import type { AnalysisJob } from '../../analysis';
import {
  distil,
  floatsOf,
  numbersOf,
  taughtTexts,
  type Distilled,
  type MeasuredText,
} from '../../shared/conversions/distillation';
import type { ConversionTexts, JudgedText } from '../../shared/conversions/texts';
import type { NewTensor } from '../../model-runner/checkpoint';
import type { ModelRunner } from '../../model-runner/model-runner';
import { curvesOf } from '../../shared/training/curves';
import { languageBatch } from '../../shared/training/language-batch';
import { trainingSentence, type Measures } from '../../shared/training/train';
import type { Parameters } from '../../model-runner/trainer';
import type { MohParameters } from './parameters';
import type { Tuning, TuningArm, TuningMeasures } from './result';
import type { RoutedLayer } from './routing';

/** Bytes of the model's logits, which are held while it is trained: for the texts of the training, and for the held-out ones. */
const mostTeacherBytes = 5e8;

/** The first texts whose logits fit, one at least. */
export function fitting<T extends readonly number[]>(texts: readonly T[], vocabulary: number): readonly T[] {
  let bytes = 0;
  return texts.filter((ids, at) => (bytes += 4 * ids.length * vocabulary) <= mostTeacherBytes || at === 0);
}

export interface Tuned {
  readonly tuning: Tuning;
  /** With the balance loss of the parameters. */
  readonly weights: Parameters;
}

/** Yields what is being done. */
export async function* tune(
  model: ModelRunner,
  { parameters, step, seed }: AnalysisJob<MohParameters>,
  layers: readonly RoutedLayer[],
  tensors: readonly NewTensor[],
  { calibration, heldOut, apart }: ConversionTexts,
): AsyncGenerator<string, Tuned> {
  const { steps, rate, balance, unbalanced } = parameters;
  const { vocabulary } = model.facts.summary;
  const spec = routedSpec(model.checkpoint.spec, layers);
  const shapes = Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]));
  yield 'Next tokens of the model, to be learned from';
  const tests = fitting(
    heldOut.map(({ ids }) => ids),
    vocabulary,
  );
  const texts = await taughtTexts(model, spec, fitting(calibration, vocabulary), tests);
  const initial = await numbersOf(model.checkpoint, tensors);
  const judging = languageNetwork('a mixture of heads', spec, shapes);
  const lossOf = (key: string, weights: Parameters): Promise<number> =>
    step(`loss, ${key}`, () => judgedLoss(model, spec, judging, weights, heldOut));
  const lossBefore = await lossOf('not tuned', initial);
  const arms: TuningArm[] = [];
  let kept: Distilled | undefined;
  let before: TuningMeasures | undefined;
  // Where no layer leaves a choice there is nothing to balance.
  const own = layers.some((layer, at) => isChoice(layer, model.facts.blocks[at]?.heads ?? 0)) ? balance : 0;
  for (const weight of unbalanced && own > 0 ? [own, 0] : [own]) {
    const network = distillationNetwork('a mixture of heads', spec, shapes, weight);
    const key = `tuning, balance ${weight}`;
    const training = distil(model, step, { key, network, initial, texts, steps, rate, seed, measure: balanceOf(spec) });
    let next = await training.next();
    while (!next.done) {
      yield trainingSentence(next.value, `a mixture of heads, balance loss x ${weight}`);
      next = await training.next();
    }
    const made = next.value;
    kept ??= made;
    before ??= named(made.measures.before, lossBefore);
    const loss = await lossOf(key, made.parameters);
    arms.push({ balance: weight, after: named(made.measures.after, loss), curves: curvesOf(made.training) });
  }
  if (!kept || !before) throw new RangeError('a tuning has a first arm');
  const counts = { trained: texts.training.length, tested: tests.length };
  return { tuning: { steps, apart, ...counts, before, arms }, weights: kept.parameters };
}

const isChoice = ({ shared, active }: RoutedLayer, heads: number): boolean =>
  active > 0 && active < heads - shared.length;

export const routedSpec = (spec: ModelSpec, layers: readonly RoutedLayer[]): ModelSpec => ({
  ...spec,
  blocks: spec.blocks.map((block) => {
    const routing = layers[block.index];
    return routing && block.attention ? { ...block, attention: { ...block.attention, routing } } : block;
  }),
});

const named = (measures: Measures, loss: number): TuningMeasures => ({
  kl: measures['kl'] ?? Number.NaN,
  loss,
  balance: measures['balance'] ?? Number.NaN,
  ratio: measures['ratio'] ?? Number.NaN,
  entropy: measures['entropy'] ?? Number.NaN,
});

/**
 * Means over the layers in which tokens choose, each over all places of the texts. `balance`: E sum of load x mean probability; `ratio`:
 * largest load / smallest load, where a head without tokens counts as if it had one; `entropy` of the probabilities, nats.
 */
export function balanceOf({ blocks }: Pick<ModelSpec, 'blocks'>): (texts: readonly MeasuredText[]) => Measures {
  return (texts) => {
    const places = texts.reduce((sum, text) => sum + text.places, 0);
    const mean = (name: string): readonly number[] =>
      texts
        .map((text) => Array.from(floatsOf(text.outputs[name]), (value) => (value * text.places) / places))
        .reduce((sum, own) => sum.map((value, at) => value + (own[at] ?? 0)));
    const choosing = blocks.filter(({ index }) => texts[0]?.outputs[`load.${index}`] !== undefined);
    const sums = { balance: 0, ratio: 0, entropy: 0 };
    for (const { index } of choosing) {
      const [load, probability, [entropy = 0]] = [
        mean(`load.${index}`),
        mean(`probability.${index}`),
        mean(`entropy.${index}`),
      ];
      sums.balance += load.length * load.reduce((sum, value, at) => sum + value * (probability[at] ?? 0), 0);
      sums.ratio += Math.max(...load) / Math.max(Math.min(...load), 1 / places);
      sums.entropy += entropy;
    }
    return Object.fromEntries(
      Object.entries(sums).map(([name, sum]) => [name, choosing.length > 0 ? sum / choosing.length : Number.NaN]),
    );
  };
}

/** Mean over the judged tokens of the texts, nats per token. */
async function judgedLoss(
  { trainer }: Pick<ModelRunner, 'trainer'>,
  spec: ModelSpec,
  network: ReturnType<typeof languageNetwork>,
  weights: Parameters,
  texts: readonly JudgedText[],
): Promise<number> {
  let [sum, count] = [0, 0];
  for (const { ids, from } of texts) {
    const batch = languageBatch(spec, [{ ids, weights: ids.map((_, at) => (at > from ? 1 : 0)) }]);
    const judged = ids.length - 1 - from;
    sum += judged * (await trainer.forward(network, weights, batch)).loss;
    count += judged;
  }
  return sum / count;
}
