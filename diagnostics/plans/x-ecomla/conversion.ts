/** The conversion: a checkpoint with latent attention, distilled where that is asked for, measured beside its source and written. */
import type { AnalysisJob } from '../../analysis';
import {
  comparedSides,
  decodingSpeeds,
  qualityOf,
  sizesOf,
  type BeforeAfter,
} from '../../shared/conversions/before-after';
import { distil, numbersOf, taughtTexts, withNumbers, type Distilled } from '../../shared/conversions/distillation';
import { drafted, settingsOf, requireConvertible } from '../../shared/conversions/folder';
import type { ConversionTexts } from '../../shared/conversions/texts';
import { distillationNetwork } from '../../../models/architectures/training-network';
import type { NewCheckpoint } from '../../model-runner/checkpoint';
import type { ModelRunner } from '../../model-runner/model-runner';
import { curvesOf } from '../../shared/training/curves';
import { trainingSentence } from '../../shared/training/train';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { LatentLayer } from './head-outputs';
import type { LayerChoices } from './layer-choice';
import type { EcoMlaParameters } from './parameters';
import type { Distillation, LatentRow } from './result';
import { latentConfig, latentTensors, shapesOf, specOf, whyNotLatent } from './student';

export interface ConversionRequest {
  readonly job: AnalysisJob<EcoMlaParameters>;
  readonly rows: readonly LatentRow[];
  readonly choices: LayerChoices;
  readonly texts: ConversionTexts;
}

export interface Conversion {
  readonly distillation: Distillation | null;
  readonly comparison: BeforeAfter | null;
}

/** Everything that can be refused, before anything is measured: the weights of the source are more than those that are written. */
export async function requireLatent(
  model: ModelRunner,
  { parameters, variant }: ConversionRequest['job'],
): Promise<void> {
  const { folder, steps } = parameters;
  if (folder === '' && steps === 0) return;
  const why = whyNotLatent(model.checkpoint);
  if (why !== undefined) throw new FailureError({ code: 'unsupported', detail: why });
  if (Object.keys(variant).length > 0) {
    const detail =
      'A checkpoint cannot hold interventions. Leave them out, or leave the folder and the distillation out.';
    throw refusal(detail);
  }
  await requireConvertible(model, folder, sizesOf(model.checkpoint).weightBytes);
}

/** Yields what is being done. */
export async function* convert(
  model: ModelRunner,
  { job, rows, choices, texts }: ConversionRequest,
): AsyncGenerator<string, Conversion> {
  const { parameters, step, seed, input } = job;
  const { folder, steps, rate, initialisation } = parameters;
  const { checkpoint } = model;
  const layers = await Promise.all(rows.map(({ layer, rank }) => choices.sizes(layer, rank)));
  const config = latentConfig(checkpoint.config, layers);
  const latent = latentOnce((layer) => choices.latent(layer, rows[layer]?.rank ?? 1));
  let tensors = latentTensors(checkpoint, layers, latent);
  let distilled: Distilled | undefined;
  if (steps > 0) {
    yield 'Next tokens of the model, to be learned from';
    const { calibration } = texts;
    const heldOut = texts.heldOut.map(({ ids }) => ids);
    const spec = specOf(config, tensors);
    const taught = await taughtTexts(model, spec, calibration, heldOut);
    const network = distillationNetwork('latent attention', spec, shapesOf(tensors));
    const initial = await numbersOf(checkpoint, tensors);
    const plan = { key: 'distillation', network, initial, texts: taught, steps, rate, seed };
    const training = distil(model, step, plan);
    for (;;) {
      const next = await training.next();
      if (next.done) {
        distilled = next.value;
        break;
      }
      yield trainingSentence(next.value, 'latent attention');
    }
    tensors = withNumbers(tensors, distilled.parameters);
  }
  const distillation: Distillation | null = distilled
    ? { initialisation, steps, kl: distilled.kl, apart: texts.apart, curves: curvesOf(distilled.training) }
    : null;
  if (folder === '') return { distillation, comparison: null };

  const made: NewCheckpoint = {
    config,
    tensors,
    record: {
      method: 'x-ecomla',
      sentence: `Attention of this model was turned into latent attention${steps > 0 ? ` and distilled in ${steps} steps` : ', and not distilled'}.`,
      settings: settingsOf(parameters),
      seed,
      facts: { layers: layers.map(({ rank, queryRank, rotary }) => ({ rank, queryRank: queryRank ?? null, rotary })) },
    },
  };
  const writing = drafted(model, folder, made);
  let written = await writing.next();
  while (!written.done) {
    yield written.value.sentence;
    written = await writing.next();
  }
  const draft = written.value;
  yield 'Loss and speed before and after';
  const student = await draft.open();
  const metric = input.task?.task.metric;
  const [before] = await step('quality of the model', () => qualityOf(model, texts, metric));
  const [after] = await qualityOf(student, texts, metric);
  const [prompt] = texts.heldOut;
  const speeds = await decodingSpeeds(model, student, prompt?.ids ?? []);
  if (!before || !after) throw new RangeError('a model has a quality');
  const comparison = comparedSides(
    { ...sizesOf(checkpoint), ...before, tokensPerSecond: speeds.before },
    { ...sizesOf(student.checkpoint), ...after, tokensPerSecond: speeds.after },
    { apart: texts.apart, speedup: speeds.speedup, written: await draft.keep() },
  );
  return { distillation, comparison };
}

/** Tensors of a layer are written one after another: the layer is worked out once for them. */
function latentOnce(of: (layer: number) => Promise<LatentLayer>): (layer: number) => Promise<LatentLayer> {
  let last: { readonly layer: number; readonly found: Promise<LatentLayer> } | undefined;
  return (layer) => (last?.layer === layer ? last : (last = { layer, found: of(layer) })).found;
}
