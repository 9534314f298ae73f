/** One run of the analysis `vit-visual-analytics`. */
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { trainingSentence, type Training } from '../../shared/training/train';
import { latentSize, trainPatterns } from './autoencoder';
import { inOrder } from './clusters';
import { featuresUnder } from './features';
import { hopsOn, type Distance } from './hops';
import { headLosses, headsOf, importanceOf, perHead, type HeadLosses, type Judge } from './importance';
import { splitByClass, type LabelledPicture } from './labelled-pictures';
import type { Metric } from './metrics';
import type { VitJob } from './parameters';
import { cellsOf, patternOf } from './patterns';
import { probeSteps, storedProbe, trainProbe } from './probe';
import { pruneCurves, prunedPicture, pruneOrders, type PrunedPicture } from './pruning';
import { labelledPictures, probedIn, promptOf, readerFor } from './judge';
import { poolingOf, predicted, probabilitiesOf, type Reader } from './reader';
import type { PictureResult, VitResult } from './result';
import { addMap, emptySums, type StrengthSums } from './strength';
import {
  agreementOf,
  componentError,
  encodedMaps,
  groupedMaps,
  patternsOf,
  plainScore,
  strengthOf,
  trainedPictures,
} from './summary';
import { mean } from '../../../kernels/tensors/vectors';

/** Attention maps that patterns are made of, at most: more take memory and say little more. */
const mostMaps = 4096;

interface Seen extends LabelledPicture {
  readonly features: readonly number[];
}

export async function* runVit(model: ModelRunner, job: VitJob): AsyncGenerator<Step<VitResult>, VitResult> {
  const { parameters, seed, step } = job;
  const { patches } = model.facts;
  if (!patches) throw new RangeError('a vision encoder is asked for');
  const folder = await labelledPictures(model, job);
  const head = await model.weights.encoderHead();
  const chosen = readerFor(parameters.reader, head.classifier?.classes, folder.pictures);
  const pooling = poolingOf(head, patches.leading, chosen.byClassifier, probedIn(parameters));
  const usual = folder.pictures.filter(({ label }) => chosen.classOf(label) !== undefined);
  const notes = [...folder.notes, ...chosen.notes];

  const heads = headsOf(model.facts);
  const maps = Math.max(2, Math.min(parameters.maps, Math.floor(mostMaps / heads.length)));
  // Units: one for each picture that is read, ranked, pruned or mapped, and one for each 50 steps of a training.
  const trainings = (chosen.byClassifier ? 0 : probeSteps / 50) + parameters.steps / 50;
  const total = Math.ceil(3 * usual.length + maps + trainings);
  let done = 0;
  let known: VitResult = {
    reader: chosen.byClassifier ? 'classifier' : 'probe',
    classes: [],
    grid: patches,
    notes,
    pictures: [],
    metric: parameters.metric as Metric,
    share: parameters.share,
  };
  const at = (sentence: string): Step<VitResult> => ({ sentence, done: Math.min(done, total), total, partial: known });

  const seen: Seen[] = [];
  for (const [number, picture] of usual.entries()) {
    yield at(`Picture ${number + 1} of ${usual.length}: ${picture.name}`);
    const outcome = await step(`features ${picture.name} ${picture.stamp}`, () =>
      orReason(async () => {
        const [features] = await featuresUnder(model, await promptOf(model, picture), [[]], pooling);
        return features ?? [];
      }),
    );
    if ('why' in outcome) notes.push(`${picture.name} is left out: ${outcome.why}`);
    else seen.push({ ...picture, features: outcome.value });
    done += 1;
  }
  const split = splitByClass(seen, !chosen.byClassifier, seed);
  if (split.small.length > 0) {
    notes.push(
      `Too few pictures of ${split.small.join(', ')}: a class needs ${chosen.byClassifier ? 2 : 3}, and is left out with fewer.`,
    );
  }
  const own = [...new Set(split.ranking.map(({ label }) => label))].sort();
  if (own.length < (chosen.byClassifier ? 1 : 2)) {
    throw refusal(
      `${chosen.byClassifier ? 'No class has two pictures' : 'Fewer than two classes have three pictures'} that can be read. Add pictures, or ask for more of the folder.`,
    );
  }

  let reader: Reader;
  if (chosen.byClassifier && head.classifier) {
    reader = { kind: 'classifier', classes: head.classifier.classes, linear: head.classifier.linear };
  } else {
    const training = trainProbe(model.trainer, step, {
      classes: own,
      features: split.probe.map(({ features }) => features),
      labels: split.probe.map(({ label }) => own.indexOf(label)),
      seed,
    });
    reader = yield* trained(training, 'the linear probe', at, (more) => (done += more));
    known = { ...known, probe: storedProbe(reader) };
  }
  const judge: Judge = { reader, pooling };
  const classOf = (label: string): number =>
    reader.kind === 'probe' ? own.indexOf(label) : (chosen.classOf(label) ?? -1);
  const plain = (picture: Seen) => {
    const p = probabilitiesOf(reader, picture.features);
    const best = predicted(p);
    return { right: best === classOf(picture.label), probability: p[classOf(picture.label)] ?? Number.NaN, best };
  };
  const shown = (part: PictureResult['part'], picture: Seen, losses?: HeadLosses): PictureResult => {
    const { probability, best } = plain(picture);
    const { name, label } = picture;
    return { name, label, predicted: reader.classes[best] ?? '', probability, part, drops: losses?.probability ?? [] };
  };
  known = {
    ...known,
    classes: own,
    ranked: plainScore(split.ranking.map(plain)),
    heldOut: plainScore(split.heldOut.map(plain)),
  };

  const losses: HeadLosses[] = [];
  const ranked = (): VitResult => ({
    ...known,
    pictures: [
      ...split.ranking.slice(0, losses.length).map((picture, i) => shown('ranking', picture, losses[i])),
      ...split.heldOut.map((picture) => shown('held out', picture)),
      ...split.probe.map((picture) => shown('probe', picture)),
    ],
    importance: importanceOf(model.facts, losses),
    byClass: own.map((name) => {
      const those = [...split.ranking.keys()].filter((i) => i < losses.length && split.ranking[i]?.label === name);
      return {
        name,
        pictures: those.length,
        accuracy: mean(those.map((i) => (split.ranking[i] && plain(split.ranking[i]).right ? 1 : 0))),
        drops: perHead(
          model.facts,
          heads.map((_, h) => mean(those.map((i) => losses[i]?.probability[h] ?? Number.NaN))),
        ),
      };
    }),
  });
  for (const [number, picture] of split.ranking.entries()) {
    if (number > 0) known = ranked();
    yield at(`Heads taken away, picture ${number + 1} of ${split.ranking.length}`);
    losses.push(
      await step(`ranking ${picture.name} ${picture.stamp}`, async () =>
        headLosses(model, await promptOf(model, picture), judge, classOf(picture.label)),
      ),
    );
    done += 1;
  }
  known = ranked();
  const importance = known.importance ?? [];
  known = { ...known, agreement: agreementOf(importance) };

  const orders = pruneOrders(model, importance, seed);
  const pruned: PrunedPicture[] = [];
  for (const [number, picture] of split.heldOut.entries()) {
    yield at(`Pruned on held-out picture ${number + 1} of ${split.heldOut.length}`);
    pruned.push(
      await step(`pruning ${picture.name} ${picture.stamp}`, async () =>
        prunedPicture(model, await promptOf(model, picture), judge, orders, classOf(picture.label)),
      ),
    );
    done += 1;
  }
  known = { ...known, curves: pruneCurves(orders, heads.length, pruned) };

  const hops = hopsOn(patches, parameters.distance as Distance);
  const cells = cellsOf(patches);
  const looked = [...split.ranking, ...split.heldOut].slice(0, maps);
  const sums: (readonly StrengthSums[])[] = [];
  const patterns: (readonly Float32Array[])[] = [];
  for (const [number, picture] of looked.entries()) {
    yield at(`Attention of picture ${number + 1} of ${looked.length}`);
    const found = await step(`maps ${picture.name} ${picture.stamp}`, async () => {
      const own: { readonly sums: StrengthSums; readonly pattern: Float32Array }[] = [];
      const prompt = await promptOf(model, picture);
      for await (const { layer, maps: ofLayer } of model.layers({ ...prompt, maps: heads, logits: 'none' })) {
        for (const place of heads.filter((one) => one.layer === layer)) {
          const map = ofLayer.get(place.head) ?? new Float32Array(0);
          const one = emptySums(hops, patches.leading);
          addMap(one, map, patches, hops, patches.leading);
          own.push({ sums: one, pattern: patternOf(map, patches.leading, cells) });
        }
      }
      return own;
    });
    sums.push(found.map((one) => one.sums));
    patterns.push(found.map((one) => one.pattern));
    done += 1;
  }
  known = { ...known, strength: strengthOf(model.facts, sums, { grid: patches, hops, leading: patches.leading }) };

  if (parameters.steps > 0 && looked.length > 1) {
    const examples = patterns.slice(0, trainedPictures(looked.length)).flat();
    const ordered = inOrder(examples).flatMap((at) => examples[at] ?? []);
    const training = trainPatterns(model.trainer, step, ordered, {
      steps: parameters.steps,
      seed,
    });
    const weights = yield* trained(training, 'the autoencoder', at, (more) => (done += more));
    yield at('Groups of patterns');
    const own = await step('groups', async () => {
      const codes = await encodedMaps(model.trainer, weights, patterns, patches);
      const grouped = groupedMaps(model.facts, looked.length, codes, patches, seed);
      return patternsOf(model.trainer, weights, grouped, {
        steps: parameters.steps,
        error: mean(codes.maps.errors.slice(trainedPictures(looked.length) * heads.length)),
        componentError: componentError(patterns, latentSize),
      });
    });
    known = { ...known, patterns: own };
  }
  return known;
}

/** A training as steps of the run. */
async function* trained<T>(
  training: AsyncGenerator<Training, T>,
  name: string,
  at: (sentence: string) => Step<VitResult>,
  onDone: (units: number) => void,
): AsyncGenerator<Step<VitResult>, T> {
  let before = 0;
  for (;;) {
    const next = await training.next();
    if (next.done) return next.value;
    onDone((next.value.step - before) / 50);
    before = next.value.step;
    yield at(trainingSentence(next.value, name));
  }
}

/** A picture that cannot be read is named, and the others go on. */
async function orReason<T>(act: () => Promise<T>): Promise<{ readonly value: T } | { readonly why: string }> {
  try {
    return { value: await act() };
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    const { failure } = error;
    if (failure.code !== 'bad-request' && failure.code !== 'unsupported') throw error;
    return { why: failure.detail };
  }
}
