/** The run of `moh`: importance, curve, loads, and the checkpoint. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import { gainsOf } from '../../../models/instrument/changes/gain';
import type { PerHead } from '../../../protocol/results/heads';
import type { AnalysisJob, Step } from '../../analysis';
import {
  comparedSides,
  decodingSpeeds,
  lossesOf,
  qualityOf,
  sizesOf,
  type BeforeAfter,
} from '../../shared/conversions/before-after';
import { klOfVariants } from '../../shared/conversions/changed-predictions';
import { withTextFields } from '../../shared/conversions/cut';
import { withNumbers } from '../../shared/conversions/distillation';
import { drafted, requireConvertible, settingsOf } from '../../shared/conversions/folder';
import { largestDifference } from '../../shared/conversions/largest-difference';
import { sharesIn } from '../../shared/conversions/shares';
import { conversionTexts } from '../../shared/conversions/texts';
import type { NewCheckpoint, NewTensor } from '../../model-runner/checkpoint';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Parameters } from '../../model-runner/trainer';
import type { MohParameters } from './parameters';
import type { CurvePoint, MohResult } from './result';
import { loadsOf, routedLayers, sumsOf, type RoutedLayer, type RoutingSums } from './routing';
import { tune, type Tuned } from './tuning';

type Job = AnalysisJob<MohParameters>;

/** Texts that gradients are measured on, at most. */
const mostGradients = 8;

export const sharesOf = (text: string): readonly number[] => sharesIn(text, 1, 100);

/** Families whose attention is computed in the layout of llama, which reads the field of the config. */
const families = ['llama', 'mistral', 'qwen2', 'qwen3', 'phi3', 'gemma', 'gemma2', 'gemma3'];

const routed = (layers: readonly RoutedLayer[]): Variant =>
  layers.flatMap(({ shared, active }, layer) =>
    shared.length + active === 0 ? [] : [{ kind: 'routing' as const, layer, shared, active }],
  );

export async function* run(model: ModelRunner, job: Job): AsyncGenerator<Step<MohResult>, MohResult> {
  const { parameters, step, variant, input } = job;
  const { share, sharedShare, folder, steps } = parameters;
  const { checkpoint, facts } = model;
  const heads = facts.blocks.map((block) => block.heads);
  const shares = sharesOf(parameters.curve);
  const sizes = sizesOf(checkpoint);
  if (folder !== '') {
    const { family } = checkpoint.spec;
    if (!families.includes(family)) {
      const detail = `A mixture of heads is not read of a ${family} config. Leave the folder out, or choose a model of ${families.join(', ')}.`;
      throw new FailureError({ code: 'unsupported', detail });
    }
  }
  if ((folder !== '' || steps > 0) && Object.keys(variant).length > 0) {
    const detail = 'A checkpoint cannot hold interventions. Leave them out, or leave the folder and the tuning out.';
    throw refusal(detail);
  }
  if (steps > 0 && checkpoint.description.quantisation !== undefined) {
    const detail =
      'The weights of this model are quantised, and tuning trains plain ones. Choose the checkpoint in F32, F16 or BF16.';
    throw new FailureError({ code: 'unsupported', detail });
  }
  await requireConvertible(model, folder, sizes.weightBytes);
  const texts = await conversionTexts(model, input, parameters);
  const { calibration, heldOut } = texts;
  const graded = calibration.slice(0, mostGradients);
  const total =
    3 * graded.length + calibration.length + (2 * shares.length + 4 + (folder === '' ? 0 : 6)) * heldOut.length;
  let done = 0;
  let known: Partial<MohResult> = { calibration: calibration.length, heldOut: heldOut.length, apart: texts.apart };

  const importance = heads.map((count) => new Array<number>(count).fill(0));
  for (const [at, ids] of graded.entries()) {
    yield { sentence: `Importance of heads on text ${at + 1} of ${graded.length}`, done, total, partial: known };
    const gradients = await step(`importance ${at}`, () => headGradients(model, ids, variant));
    gradients.forEach((layer, index) =>
      layer.forEach((value, head) => {
        const own = importance[index] ?? [];
        own[head] = (own[head] ?? 0) + Math.abs(value) / graded.length;
      }),
    );
    done += 3;
  }
  known = { ...known, importance };
  const chosenBy = parameters.shared === 'important' ? importance : undefined;
  // The part of the active heads that is shared stays the same over the curve.
  const layersFor = (of: number): readonly RoutedLayer[] =>
    routedLayers(heads, of, Math.min(1, sharedShare / share) * of, chosenBy);
  const layers = layersFor(share);
  const changed: Variant = [...variant, ...routed(layers)];

  const sums: (readonly RoutingSums[])[] = [];
  for (const [at, ids] of calibration.entries()) {
    yield { sentence: `Loads on text ${at + 1} of ${calibration.length}`, done, total };
    sums.push(await step(`loads ${at}`, () => routingOfText(model, ids, changed, layers)));
    done += 1;
  }
  const loads = layers.map((layer, index) =>
    loadsOf(
      sums.flatMap((text) => text[index] ?? []),
      layer,
    ),
  );
  known = {
    ...known,
    layers: layers.map((layer, index) => {
      const { balance = Number.NaN, even = Number.NaN, entropy = Number.NaN } = loads[index] ?? {};
      return { ...layer, balance, even, entropy };
    }),
    loads: loads.map((layer) => layer.loads),
    active: activeShare(layers, heads),
  };
  yield { sentence: 'Loss before and after', done, total, partial: known };
  const metric = input.task?.task.metric;
  const [before, after] = await step('quality', () => qualityOf(model, texts, metric, [variant, changed]));
  if (!before || !after) throw new RangeError('two variants have two qualities');
  done += 4 * heldOut.length;
  let comparison: BeforeAfter = comparedSides(
    { ...sizes, ...before, tokensPerSecond: null },
    { ...sizes, ...after, tokensPerSecond: null },
    texts,
  );
  known = { ...known, comparison };
  const curve: CurvePoint[] = [{ active: 100, loss: before.loss, kl: 0, fixedLoss: before.loss, fixedKl: 0 }];
  for (const of of shares) {
    yield { sentence: `Loss with ${Math.round(100 * of)} % of the heads`, done, total, partial: { ...known, curve } };
    const own = layersFor(of);
    const active = 100 * activeShare(own, heads);
    done += 2 * heldOut.length;
    // Few heads have few shares.
    if (curve.some((point) => point.active === active)) continue;
    const variants = [
      [...variant, ...routed(own)],
      [...variant, ...withFewer(importance, own)],
    ];
    const point = await step(`share ${of}`, async () => ({
      losses: await lossesOf(model, heldOut, variants),
      kls: await klOfVariants(model, heldOut, variant, variants),
    }));
    const [loss = Number.NaN, fixedLoss = Number.NaN] = point.losses;
    const [kl = Number.NaN, fixedKl = Number.NaN] = point.kls;
    curve.push({ active, loss, kl, fixedLoss, fixedKl });
  }
  curve.sort((a, b) => a.active - b.active);
  known = { ...known, curve };
  let tuned: Tuned | undefined;
  if (steps > 0) {
    const tuning = tune(model, job, layers, copiedTensors(model), texts);
    let next = await tuning.next();
    while (!next.done) {
      yield { sentence: next.value, done: total - heldOut.length, total, partial: known };
      next = await tuning.next();
    }
    tuned = next.value;
    const [kept] = tuned.tuning.arms;
    // The loss is that of the tuned weights. No intervention can set them, so accuracy is measured only on the checkpoint.
    const quality = { loss: kept?.after.loss ?? Number.NaN, tokens: before.tokens, task: null };
    comparison = comparedSides(comparison.before, { ...sizes, ...quality, tokensPerSecond: null }, texts);
    known = { ...known, comparison, tuning: tuned.tuning };
  }
  let difference: number | null = null;
  if (folder !== '') {
    const at = (sentence: string): Step<MohResult> => ({
      sentence,
      done: total - heldOut.length,
      total,
      partial: known,
    });
    const writing = drafted(model, folder, newCheckpoint(model, job, layers, tuned?.weights));
    let next = await writing.next();
    while (!next.done) {
      yield at(next.value.sentence);
      next = await writing.next();
    }
    const draft = next.value;
    yield at('Measuring the new checkpoint');
    const made = await draft.open();
    const prompt = heldOut[0]?.ids ?? [];
    const found = await step('new checkpoint', async () => ({
      // Tuned weights are others than those that the intervention runs with.
      difference: tuned ? null : await largestDifference(model, changed, made, prompt),
      quality: (await qualityOf(made, texts, metric))[0],
    }));
    if (!found.quality) throw new RangeError('one variant has one quality');
    difference = found.difference;
    yield at('Decoding with both models in turns');
    const speeds = await step('speeds', () => decodingSpeeds(model, made, prompt));
    comparison = comparedSides(
      { ...comparison.before, tokensPerSecond: speeds.before },
      { ...sizesOf(made.checkpoint), ...found.quality, tokensPerSecond: speeds.after },
      { apart: texts.apart, speedup: speeds.speedup, written: await draft.keep() },
    );
  }
  return { ...(known as MohResult), comparison, difference, tuning: tuned?.tuning ?? null };
}

const activeShare = (layers: readonly RoutedLayer[], heads: readonly number[]): number =>
  layers.reduce((sum, { shared, active }) => sum + shared.length + active, 0) /
  heads.reduce((sum, count) => sum + count, 0);

/** Gains of 0 for all heads but the most important, as many as tokens have in the routed layers. */
const withFewer = (importance: PerHead, layers: readonly RoutedLayer[]): Variant =>
  layers.flatMap(({ shared, active }, layer) => {
    const own = importance[layer] ?? [];
    const order = [...own.keys()].sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0) || a - b);
    return gainsOf(
      order.slice(shared.length + active).map((head) => ({ layer, head })),
      0,
    );
  });

async function headGradients(model: ModelRunner, ids: readonly number[], variant: Variant): Promise<PerHead> {
  const rows = Array.from({ length: ids.length - 1 }, (_, row) => row);
  const { layers } = await model.gradients({ ids, variant, objective: { kind: 'loss', rows }, headGains: true });
  // Gains of a layer without attention are those of its recurrence.
  return model.facts.blocks.map(({ heads }, index) =>
    heads === 0 ? [] : [...(layers.find(({ layer }) => layer === index)?.headGains ?? [])],
  );
}

async function routingOfText(
  model: ModelRunner,
  ids: readonly number[],
  variant: Variant,
  layers: readonly RoutedLayer[],
): Promise<readonly RoutingSums[]> {
  const { blocks } = model.facts;
  const taps = blocks.flatMap(({ heads }, layer) => (heads === 0 ? [] : [{ layer, tap: 'attention.query' as const }]));
  const found: RoutingSums[] = [];
  for await (const { layer, taps: values } of model.layers({ ids, variants: [variant], taps, logits: 'none' })) {
    const query = values['attention.query']?.data;
    const own = layers[layer];
    const { heads = 0, headDim = 1 } = blocks[layer] ?? {};
    if (heads === 0) {
      found.push({ tokens: ids.length, chosen: [], probability: [], entropy: 0 });
      continue;
    }
    if (!(query instanceof Float32Array) || !own) throw new TypeError('the layer gave no queries');
    found.push(sumsOf(query, heads, headDim, own));
  }
  return found;
}

const copiedTensors = ({ checkpoint }: Pick<ModelRunner, 'checkpoint'>): readonly NewTensor[] =>
  checkpoint.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape, made: { kind: 'copied', of: name } }));

function newCheckpoint(
  { checkpoint }: ModelRunner,
  { parameters, seed }: Job,
  layers: readonly RoutedLayer[],
  tuned: Parameters | undefined,
): NewCheckpoint {
  const tensors = copiedTensors({ checkpoint });
  return {
    config: withTextFields(checkpoint.config, {
      mixture_of_heads: {
        routing: 'query-norm',
        shared_heads: layers.map(({ shared }) => shared),
        active_heads: layers.map(({ active }) => active),
      },
    }),
    tensors: tuned ? withNumbers(tensors, tuned) : tensors,
    record: {
      method: 'moh',
      sentence:
        'Each token has the shared heads of a layer and those of the others whose query is longest at it (the field mixture_of_heads of config.json, which Headscope reads). ' +
        (tuned ? `All weights were tuned for it in ${parameters.steps} steps.` : 'Nothing was tuned for it.'),
      settings: settingsOf(parameters),
      seed,
    },
  };
}
