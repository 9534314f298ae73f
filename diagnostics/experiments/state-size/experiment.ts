/**
 * The experiment `state-size`: what a layer can recall of its context against the numbers that its state has. The same small network is
 * trained on associative recall with four kinds of attention, each with queries and keys of several widths.
 */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import type { Workbench } from '../../experiment';
import { armsFields, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { halfCosine } from '../../shared/training/schedule';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import type { Trainer } from '../../model-runner/trainer';
import { mixerKinds, stateOf, type MixerKind } from './mixers';
import type { MqarSize } from './mqar';
import { batchSize, layers, recallBatch, recalled, recallNetwork } from './network';
import { stateSizeResult, type StateArm, type StateSizeResult } from './result';
import { accuracyName, finding, sections, weights } from './sections';
import * as field from '../../../kernels/parameters';

type StateSizeParameters = ArmsParameters & {
  readonly length: number;
  readonly pairs: number;
  readonly vocabulary: number;
  readonly width: number;
  readonly smallest: number;
  readonly largest: number;
  readonly degree: number;
  readonly rate: number;
};

const parameters: ParameterTable<StateSizeParameters> = {
  length: field.integer(
    'Length',
    'L, tokens of a sequence; 64 to 512 as published. It must be even and at least four for each pair.',
    { min: 4, max: 512, default: 16 },
  ),
  pairs: field.integer('Pairs', 'P, keys and values of a sequence; 4 to 64 as published.', {
    min: 1,
    max: 64,
    default: 2,
  }),
  vocabulary: field.integer('Vocabulary', 'V: half of it keys, half values; 8192 as published.', {
    min: 4,
    max: 8192,
    default: 16,
  }),
  width: field.integer('Width', 'd, of the stream and of the values; 64 to 512 as published.', {
    min: 4,
    max: 512,
    default: 32,
  }),
  smallest: field.integer(
    'Smallest n',
    'Smallest width of queries and keys; from it on each is four times the one before.',
    { min: 1, max: 512, default: 4 },
  ),
  largest: field.integer('Largest n', 'No width is above it.', { min: 1, max: 512, default: 16 }),
  degree: field.integer(
    'Degree',
    'Order of the series of the exponential that replaces softmax. It is even, so that its weights are positive.',
    { min: 2, max: 8, default: 2 },
  ),
  rate: field.number('Learning rate', 'The largest: it falls to a twentieth along half a cosine. The same for all.', {
    min: 1e-5,
    max: 1,
    default: 0.005,
  }),
  ...armsFields({ steps: 500, seeds: 2 }),
};

/** Sequences that every network is measured on. */
const heldOut = 256;

const titles: Readonly<Record<MixerKind, string>> = {
  softmax: 'Softmax',
  linear: 'Linear',
  normalised: 'Normalised',
  taylor: 'Series',
};

export const stateSizeExperiment = experiment<StateSizeParameters, StateSizeResult>({
  id: 'state-size',
  title: 'Recall and the size of the state',
  question: 'How much of its context can attention recall with a state that does not grow?',
  source: {
    reference:
      'Sieber et al. 2024, arXiv:2405.15731; github.com/IntelligentControlSystems/dsf-mqar (task, layers, mixers)',
    trust: 'medium',
    note: 'Published: on sequences of 512 tokens with 64 pairs linear attention recalls least and softmax most, with normalised attention between them; numbers were not found. Sizes, steps and one learning rate for all are choices of Headscope, as is the cut series; the paper reports the best of several rates after 64 passes over 100,000 sequences.',
  },
  parameters,
  result: stateSizeResult,
  // Activations of a batch and their gradients, in float32: some twenty rows of the width, the logits, six maps of weights.
  estimate: ({ length, width, vocabulary }) => ({
    bytes: 8 * batchSize * length * (layers * (20 * width + 6 * length) + 3 * vocabulary),
  }),
  training,
  finding,
  sections,
  weights,
});

/** Widths of queries and keys: each four times the one before. */
function keyWidths(smallest: number, largest: number): readonly number[] {
  const widths: number[] = [];
  for (let n = smallest; n <= Math.max(smallest, largest); n *= 4) widths.push(n);
  return widths;
}

function training(bench: Workbench, job: AnalysisJob<StateSizeParameters>): ArmsTraining<StateSizeResult> {
  const { length, pairs, vocabulary, width, smallest, largest, steps, seeds, rate } = job.parameters;
  const task: MqarSize = { length, pairs, vocabulary };
  requireTask(task);
  // An odd degree has negative weights.
  const degree = 2 * Math.ceil(job.parameters.degree / 2);
  const asked = recallBatch(task, heldOut, random(seedFor(job.seed, 'held out')));
  const made = keyWidths(smallest, largest).flatMap((keyWidth) =>
    mixerKinds.map((kind) => {
      const size = { width, keyWidth, degree };
      const id = `${kind}-${keyWidth}`;
      const state: StateArm = { arm: id, kind, keyWidth, state: stateOf(kind, size) * width };
      return { state, arm: armOf(bench.trainer, { id, kind, task, size, rate, steps }, asked) };
    }),
  );
  return {
    arms: made.map(({ arm }) => arm),
    facts: { states: made.map(({ state }) => state), task, seeds, degree },
    size: { layers, heads: 1, headDim: width, hiddenSize: width },
    config: { ...task, degree },
  };
}

function requireTask({ length, pairs, vocabulary }: MqarSize): void {
  if (length % 2 !== 0 || length < 4 * pairs) {
    throw refusal(
      `${length} tokens do not hold ${pairs} pairs and their questions. Take an even length of ${4 * pairs} or more.`,
    );
  }
  if (Math.floor(vocabulary / 2) - 1 < pairs) {
    throw refusal(`A vocabulary of ${vocabulary} has no ${pairs} different keys. Take ${2 * pairs + 2} or more.`);
  }
}

function armOf(
  trainer: Trainer,
  {
    id,
    kind,
    task,
    size,
    rate,
    steps,
  }: {
    readonly id: string;
    readonly kind: MixerKind;
    readonly task: MqarSize;
    readonly size: { readonly width: number; readonly keyWidth: number; readonly degree: number };
    readonly rate: number;
    readonly steps: number;
  },
  asked: ReturnType<typeof recallBatch>,
): Arm {
  const title = `${titles[kind]}${kind === 'taylor' ? ` to degree ${size.degree}` : ''}, n = ${size.keyWidth}`;
  const model = recallNetwork(title, task, kind, size);
  const { network } = model;
  return {
    id,
    title,
    network,
    training: (seed) => ({
      initial: model.initial(seed),
      rate: halfCosine(rate, steps, 0.05),
      adam: { beta2: 0.98, clip: 1, weightDecay: 0.1 },
      batch: (_step, source) => recallBatch(task, batchSize, source),
      measure: async (learned) => {
        const { accuracy } = await recalled(trainer, network, learned, asked);
        return { [accuracyName]: accuracy };
      },
    }),
  };
}
