/**
 * The experiment `rcmha-lm`: the four attentions of the RCMHA paper in one small language model, on text in which a token follows from the
 * k before it.
 */
import { rcmha } from '../../kernels/mechanisms/rcmha/rcmha';
import type { ModuleWeight, Tensors } from '../../kernels/module';
import { relativeAttention, relativeGraph } from '../../kernels/modules/rcmha/relative-attention';
import { mechanismOf, relativeWeights, shapeOf, type RelativeParameters } from '../../kernels/modules/rcmha/definition';
import { biasesOf, tapsOf } from '../../kernels/modules/rcmha/pictures';
import { random, seedFor, type Random } from '../../kernels/tensors/random';
import { tensor } from '../../kernels/tensors/tensor';
import type { ParameterTable } from '../../protocol/analysis/parameters';
import type { AnalysisJob, Step } from '../analysis';
import type { Experiment, Workbench } from '../experiment';
import {

  armsFields,
  armsFiles,
  trainArms,
  type Arm,
  type ArmsParameters,
  type TrainedArms,
} from '../training/arms';
import { MarkovText } from '../training/markov-text';
import { mixerBatch, mixerMeasures, mixerModel, mixerPrefix } from '../training/mixer-lm';
import type { Batch } from '../training/trainer';
import { rcmhaResult, type LearnedLayer, type RcmhaResult } from './result';
import { finding, sections } from './sections';

type LmParameters = ArmsParameters & {
  readonly order: number;
  readonly vocabulary: number;
  readonly length: number;
  readonly memory: number;
  readonly layers: number;
  readonly heads: number;
  readonly rate: number;
};

const parameters: ParameterTable<LmParameters> = {
  order: {
    kind: 'integer',
    title: 'Order of the text',
    description: 'k: tokens that a token follows from. The text has vocabulary^k contexts to learn.',
    min: 1,
    max: 4,
    default: 2,
  },
  vocabulary: { kind: 'integer', title: 'Vocabulary', description: 'Different tokens.', min: 2, max: 32, default: 12 },
  length: {
    kind: 'integer',
    title: 'Length',
    description: 'Places of a sequence whose next token is predicted: 2 as in the published settings, 64 as is usual.',
    min: 1,
    max: 512,
    default: 64,
  },
  memory: {
    kind: 'integer',
    title: 'Memory',
    description:
      'Tokens before them that are read and not predicted: 32 as published. Here they are computed with the sequence; the published code keeps them from earlier steps.',
    min: 0,
    max: 512,
    default: 0,
  },
  layers: {
    kind: 'integer',
    title: 'Layers',
    description: 'Of the model; 6 as published.',
    min: 1,
    max: 6,
    default: 2,
  },
  heads: { kind: 'integer', title: 'Heads', description: 'Of each layer, 16 wide each.', min: 1, max: 16, default: 4 },
  rate: {
    kind: 'number',
    title: 'Learning rate',
    description: 'The largest: it falls to a tenth along half a cosine.',
    min: 1e-5,
    max: 1,
    default: 0.004,
  },
  ...armsFields({ steps: 100, seeds: 2 }),
};

const headDim = 16;
const batchSize = 16;
/** Batches of held-out text at a checkpoint. */
const heldOut = 2;
const sharpness = 0.85;
/** The arm whose taps and biases are shown. */
const whole = 'rcmha';

const arms = [
  { id: 'mha', title: 'MHA', convolution: false, relative: false },
  { id: 'mdha', title: 'MDHA', convolution: true, relative: false },
  { id: 'rmha', title: 'RMHA', convolution: false, relative: true },
  { id: whole, title: 'RCMHA', convolution: true, relative: true },
] as const;

export const rcmhaLm: Experiment<LmParameters, RcmhaResult> = {
  id: 'rcmha-lm',
  title: 'Relative convolutional attention, trained',
  question: 'What do a convolution and relative terms in attention bring a small language model?',
  group: 'training',
  source: {
    reference: 'Sugiharto et al. 2023, arXiv:2308.03429; github.com/hermansh-id/rcmha',
    trust: 'low',
    note: 'Published: accuracy 0.572 of RCMHA on letters of tiny Shakespeare, the best of the four, and 2.98 GB against 3.5 GB of RMHA. The released script trains relative attention without the convolution, so that these figures are unverified. Here the text is a Markov source, the optimizer AdamW, and MHA gets learned absolute positions.',
  },
  trains: true,
  inputs: ['none'],
  parameters,
  result: rcmhaResult,
  // Activations of a batch and their gradients, in float32: some twenty rows of each width, and four maps of scores.
  estimate: ({ layers, heads, length, memory }) => ({
    bytes: 8 * batchSize * (length + memory) * layers * heads * (20 * headDim + 4 * (length + memory)),
  }),
  run,
  finding,
  sections,
};

/** Zeros for E, beta and u as published, and PyTorch's deviation for the taps. */
const trainingStart = (weight: ModuleWeight): ModuleWeight =>
  weight.name.includes('_pos_') || weight.name.endsWith('.bias')
    ? { ...weight, initial: { kind: 'constant', value: 0 } }
    : weight;

function moduleOf({ heads, length, memory }: LmParameters, arm: (typeof arms)[number]): RelativeParameters {
  const tokens = length + memory;
  const { convolution, relative } = arm;
  return {
    tokens,
    memory: 0,
    width: heads * headDim,
    heads,
    convolution,
    relative,
    kernel: 3,
    maxDistance: tokens,
    batch: batchSize,
  };
}

interface Text {
  readonly source: MarkovText;
  /** The first place that counts. */
  readonly first: number;
  batch(from: Random): Batch;
}

function textOf({ order, vocabulary, length, memory }: LmParameters, seed: number): Text {
  const source = new MarkovText(order, vocabulary, sharpness, seed);
  const tokens = length + memory;
  // A place before has not seen what it follows from.
  const first = Math.max(memory, Math.min(order, tokens) - 1);
  return {
    source,
    first,
    batch: (from) =>
      mixerBatch(
        Array.from({ length: batchSize }, () => source.drawn(tokens + 1, from)),
        (place) => place >= first,
      ),
  };
}

async function* run(bench: Workbench, job: AnalysisJob<LmParameters>): AsyncGenerator<Step<RcmhaResult>, RcmhaResult> {
  const given = job.parameters;
  const { steps, seeds, layers, heads, length, memory, order } = given;
  const text = textOf(given, job.seed);
  const width = heads * headDim;
  const size = {
    vocabulary: given.vocabulary,
    length: length + memory,
    width,
    feedForward: 2 * width,
    layers,
    batch: batchSize,
  };
  const asked = Array.from({ length: heldOut }, (_, at) => text.batch(random(seedFor(job.seed, `held out ${at}`))));
  const made = arms.map((arm): Arm => {
    const module = moduleOf(given, arm);
    const model = mixerModel(
      arm.title,
      { ...size, positions: arm.id === 'mha' },
      {
        weights: relativeWeights(module).map(trainingStart),
        build: (graph) => relativeGraph(graph, module),
      },
    );
    return {
      id: arm.id,
      title: arm.title,
      network: model.network,
      training: (seed) => ({
        initial: model.initial(seed),
        rate: { peak: given.rate, warmUp: Math.min(20, steps), shape: 'cosine', last: 0.1 },
        adam: { beta2: 0.98, clip: 1 },
        batch: (_step, source) => text.batch(source),
        measure: (learned) => mixerMeasures(bench.trainer, model.network, learned, asked),
      }),
    };
  });
  const [one, ...others] = made;
  if (!one) throw new RangeError('there is no network');
  const { source, first } = text;
  const facts = {
    costs: arms.map((arm) => {
      const module = moduleOf(given, arm);
      const { flops, peakBytes } = rcmha.cost(shapeOf(module), mechanismOf(module));
      return { arm: arm.id, flops, peakBytes };
    }),
    seeds,
    best: { accuracy: source.bestAccuracy, loss: source.leastLoss },
    counted: { places: length + memory - first, sees: first + 1, order },
  };
  const running = trainArms(bench, job.step, { arms: [one, ...others], seeds, steps, seed: job.seed });
  let next = await running.next();
  for (; !next.done; next = await running.next()) {
    const { result, ...progress } = next.value;
    yield { ...progress, partial: { ...facts, arms: result } };
  }
  const folder = await bench.networks(
    armsFiles(
      next.value,
      { layers, heads, headDim, hiddenSize: width },
      { module: relativeAttention.id, prefix: mixerPrefix(0), vocabulary: given.vocabulary },
    ),
  );
  return { ...facts, arms: next.value.result, learned: learnedOf(next.value, given), folder };
}

function learnedOf({ trained }: TrainedArms, given: LmParameters): readonly LearnedLayer[] {
  const found = trained.find(({ arm: { id } }) => id === whole);
  const arm = arms.find(({ id }) => id === whole);
  if (!found || !arm) return [];
  const module = moduleOf(given, arm);
  return Array.from({ length: given.layers }, (_, layer) => {
    const prefix = mixerPrefix(layer);
    const weights: Tensors = Object.fromEntries(
      Object.entries(found.arm.network.parameters).flatMap(([name, shape]) =>
        name.startsWith(prefix)
          ? [[name.slice(prefix.length), tensor(shape, Float64Array.from(found.parameters[name] ?? []))]]
          : [],
      ),
    );
    const [taps, biases] = [tapsOf(weights), biasesOf(weights, module)];
    if (!taps || !biases) throw new RangeError('RCMHA has taps and biases');
    return { layer, taps, biases };
  });
}
