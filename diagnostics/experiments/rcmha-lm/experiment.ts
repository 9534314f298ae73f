/**
 * The experiment `rcmha-lm`: the four attentions of the RCMHA paper in one small language model, on text in which a token follows from the
 * k before it.
 */
import { rcmha } from '../../../kernels/mechanisms/rcmha/rcmha';
import type { ModuleGraph, ModuleWeight } from '../../../kernels/module';
import { relativeAttention, relativeGraph } from '../../../kernels/modules/rcmha/relative-attention';
import {
  mechanismOf,
  relativeWeights,
  shapeOf,
  type RelativeParameters,
} from '../../../kernels/modules/rcmha/definition';
import { biasesOf, tapsOf } from '../../../kernels/modules/rcmha/pictures';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, rateField, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import { batchSize, heldOutBatches, learnedLayers, markovText, mixerArm } from '../../shared/training/mixer-arms';
import { mixerPrefix } from '../../shared/training/mixer-lm';
import { halfCosine } from '../../shared/training/schedule';
import { rcmhaResult, type LearnedLayer, type RcmhaResult } from './result';
import { finding, sections, weights } from './sections';
import * as field from '../../../kernels/parameters';

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
  order: field.integer(
    'Order of the text',
    'k: tokens that a token follows from. The text has vocabulary^k contexts to learn.',
    { min: 1, max: 4, default: 2 },
  ),
  vocabulary: field.integer('Vocabulary', 'Different tokens.', { min: 2, max: 32, default: 12 }),
  length: field.integer(
    'Length',
    'Tokens of a sequence whose next token is predicted: 2 as in the published settings, 64 as is usual.',
    { min: 1, max: 512, default: 64 },
  ),
  memory: field.integer(
    'Memory',
    'Tokens before them that are read and not predicted: 32 as published. Here they are computed with the sequence; the published code keeps them from earlier steps.',
    { min: 0, max: 512, default: 0 },
  ),
  layers: field.integer('Layers', 'Layers of the model; 6 as published.', { min: 1, max: 6, default: 2 }),
  heads: field.integer('Heads', 'Heads of each layer, 16 wide each.', { min: 1, max: 16, default: 4 }),
  rate: rateField(0.004),
  ...armsFields({ steps: 70, seeds: 3 }),
};

const headDim = 16;

const arms = [
  { id: 'mha', title: 'MHA', convolution: false, relative: false },
  { id: 'mdha', title: 'MDHA', convolution: true, relative: false },
  { id: 'rmha', title: 'RMHA', convolution: false, relative: true },
  { id: 'rcmha', title: 'RCMHA', convolution: true, relative: true },
] as const;

export const rcmhaLm = experiment<LmParameters, RcmhaResult>({
  id: 'rcmha-lm',
  title: 'Relative convolutional attention, trained',
  question: 'What do a convolution and relative terms in attention bring a small language model?',
  source: {
    reference: 'Sugiharto et al. 2023, arXiv:2308.03429; github.com/hermansh-id/rcmha',
    trust: 'low',
    note: 'Published: accuracy 0.572 of RCMHA on letters of tiny Shakespeare, the best of the four, and 2.98 GB against 3.5 GB of RMHA. The released script trains relative attention without the convolution, so that these figures are unverified. Here the text is a Markov source, the optimizer AdamW, and MHA gets learned absolute positions.',
  },
  parameters,
  result: rcmhaResult,
  // Activations of a batch and their gradients, in float32: some twenty rows of each width, and four maps of scores.
  estimate: ({ layers, heads, length, memory }) => ({
    bytes: 8 * batchSize * (length + memory) * layers * heads * (20 * headDim + 4 * (length + memory)),
  }),
  training,
  finding,
  sections,
  weights,
});

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

function training(bench: Workbench, job: AnalysisJob<LmParameters>): ArmsTraining<RcmhaResult> {
  const given = job.parameters;
  const { steps, seeds, layers, heads, length, memory, order, vocabulary } = given;
  const tokens = length + memory;
  const text = markovText({ order, vocabulary, length: tokens, from: memory }, job.seed);
  const width = heads * headDim;
  const size = { vocabulary, length: tokens, width, feedForward: 2 * width, layers };
  const rate = halfCosine(given.rate, steps);
  const how = { text, asked: heldOutBatches(text, job.seed), rate };
  const made = (arm: (typeof arms)[number]): Arm => {
    const module = moduleOf(given, arm);
    const mixer = {
      weights: relativeWeights(module).map(trainingStart),
      build: (graph: ModuleGraph) => relativeGraph(graph, module),
    };
    return mixerArm(bench.trainer, { ...arm, positions: arm.id === 'mha', mixer }, size, how);
  };
  const facts = {
    costs: arms.map((arm) => {
      const module = moduleOf(given, arm);
      const { flops, peakBytes } = rcmha.cost(shapeOf(module), mechanismOf(module));
      return { arm: arm.id, flops, peakBytes };
    }),
    seeds,
    best: text.best,
    counted: { places: tokens - text.first, sees: text.first + 1, order },
  };
  return {
    arms: arms.map(made),
    facts,
    size: { layers, heads, headDim, hiddenSize: width },
    config: { module: relativeAttention.id, prefix: mixerPrefix(0), vocabulary },
    after: (trained) => ({
      learned: learnedLayers(trained, arms[3].id, layers).map((weights, layer): LearnedLayer => {
        const [taps, biases] = [tapsOf(weights), biasesOf(weights, moduleOf(given, arms[3]))];
        if (!taps || !biases) throw new RangeError('RCMHA has taps and biases');
        return { layer, taps, biases };
      }),
    }),
  };
}
