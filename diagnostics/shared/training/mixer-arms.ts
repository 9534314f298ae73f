/** Small language models around different mixers as arms of an experiment: text, batches, measures, and the layers that were learned. */
import { random, seedFor, type Random } from '../../../kernels/tensors/random';
import { tensor } from '../../../kernels/tensors/tensor';
import type { Tensors } from '../../../kernels/module';
import type { Arm, TrainedArms } from './arms';
import { MarkovText } from './markov-text';
import { mixerBatch, mixerMeasures, mixerModel, mixerPrefix, type Mixer, type MixerSize } from './mixer-lm';
import type { Schedule } from './schedule';
import type { Batch, Trainer } from '../../model-runner/trainer';

export const batchSize = 16;
/** Batches of held-out text at a checkpoint. */
const heldOut = 2;
const sharpness = 0.85;

/** Where batches come from, and how well their text can be predicted at the places that count. */
export interface DrawnText {
  /** The first place that counts. */
  readonly first: number;
  readonly best: { readonly accuracy: number; readonly loss: number };
  batch(source: Random): Batch;
}

const drawnBy = (first: number, best: DrawnText['best'], draw: (source: Random) => readonly number[]): DrawnText => ({
  first,
  best,
  batch: (source) =>
    mixerBatch(
      Array.from({ length: batchSize }, () => draw(source)),
      (place) => place >= first,
    ),
});

/** Text of order k; places from `from` on count, so far as they have seen k tokens. */
export function markovText(
  { order, vocabulary, length, from = 0 }: { order: number; vocabulary: number; length: number; from?: number },
  seed: number,
): DrawnText {
  const source = new MarkovText(order, vocabulary, sharpness, seed);
  const first = Math.max(from, Math.min(order, length) - 1);
  const best = { accuracy: source.bestAccuracy, loss: source.leastLoss };
  return drawnBy(first, best, (random) => source.drawn(length + 1, random));
}

/** Tokens drawn evenly and said twice; what is said the second time counts from its second token on. */
export function repeatedText({ vocabulary, length }: { vocabulary: number; length: number }): DrawnText {
  const period = Math.ceil((length + 1) / 2);
  return drawnBy(Math.min(period, length - 1), { accuracy: 1, loss: 0 }, (random) => {
    const once = Array.from({ length: period }, () => random.whole(vocabulary));
    return [...once, ...once].slice(0, length + 1);
  });
}

/** Batches that every arm of every seed is measured on. */
export const heldOutBatches = (text: DrawnText, seed: number): readonly Batch[] =>
  Array.from({ length: heldOut }, (_, at) => text.batch(random(seedFor(seed, `held out ${at}`))));

export interface MixerArm {
  readonly id: string;
  readonly title: string;
  /** A learned vector for each place is added to the embeddings. */
  readonly positions?: boolean;
  readonly mixer: Mixer;
}

export function mixerArm(
  trainer: Trainer,
  { id, title, positions = false, mixer }: MixerArm,
  size: Omit<MixerSize, 'batch' | 'positions'>,
  { text, asked, rate }: { readonly text: DrawnText; readonly asked: readonly Batch[]; readonly rate: Schedule },
): Arm {
  const model = mixerModel(title, { ...size, positions, batch: batchSize }, mixer);
  const { network } = model;
  return {
    id,
    title,
    network,
    training: (seed) => ({
      initial: model.initial(seed),
      rate,
      adam: { beta2: 0.98, clip: 1 },
      batch: (_step, source) => text.batch(source),
      measure: (learned) => mixerMeasures(trainer, network, learned, asked),
    }),
  };
}

/** Weights of the mixer of each layer, by its own names, of the first run of an arm; none where it has not ended. */
export function learnedLayers({ trained }: TrainedArms, id: string, layers: number): readonly Tensors[] {
  const found = trained.find(({ arm }) => arm.id === id);
  if (!found) return [];
  return Array.from({ length: layers }, (_, layer) => {
    const prefix = mixerPrefix(layer);
    return Object.fromEntries(
      Object.entries(found.arm.network.parameters).flatMap(([name, shape]) =>
        name.startsWith(prefix)
          ? [[name.slice(prefix.length), tensor(shape, Float64Array.from(found.parameters[name] ?? []))]]
          : [],
      ),
    );
  });
}
