/**
 * The experiment `mixers-lm`: the rows of the template of token mixers in one small model, on a task in which the answer stands far from
 * where it is asked for.
 */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, rateField, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import { batchSize, mixerArm } from '../../shared/training/mixer-arms';
import { mixerPrefix } from '../../shared/training/mixer-lm';
import { halfCosine } from '../../shared/training/schedule';
import { mixerIds, mixerOf, mixerTitles } from './mixers';
import { mixersResult, type MixersResult } from './result';
import { finding, sections, weights } from './sections';
import { farText, tokensOf } from './task';
import * as field from '../../../kernels/parameters';

type LmParameters = ArmsParameters & {
  readonly task: 'copy' | 'sum';
  readonly values: number;
  readonly length: number;
  readonly lengths: number;
  readonly layers: number;
  readonly heads: number;
  readonly rate: number;
};

const parameters: ParameterTable<LmParameters> = {
  task: field.choice(
    'Task',
    'copy: the value of the marked token; sum: of the two marked tokens, modulo the number of values.',
    { options: ['copy', 'sum'], default: 'copy' },
  ),
  values: field.integer('Values', 'V that a token can have.', { min: 2, max: 32, default: 8 }),
  length: field.integer('Length', 'L of the longest sequences. What is asked for stands L / 8 to L tokens back.', {
    min: 8,
    max: 512,
    default: 64,
  }),
  lengths: field.integer('Lengths', 'How many: each a quarter of the next, down from L (and not below 8).', {
    min: 1,
    max: 3,
    default: 2,
  }),
  layers: field.integer('Layers', 'Layers of the model.', { min: 1, max: 6, default: 1 }),
  heads: field.integer('Heads', 'Heads of each attention, 8 wide each; the convolution has as many kernels.', {
    min: 1,
    max: 16,
    default: 4,
  }),
  rate: rateField(0.01),
  ...armsFields({ steps: 100, seeds: 3 }),
};

const headDim = 8;

/** Batches at a checkpoint, with one answer for each sequence. */
const heldOut = 8;

export const lengthsOf = ({ length, lengths }: Pick<LmParameters, 'length' | 'lengths'>): readonly number[] => [
  ...new Set(Array.from({ length: lengths }, (_, at) => Math.max(8, Math.round(length / 4 ** (lengths - 1 - at))))),
];

export const mixersLm = experiment<LmParameters, MixersResult>({
  id: 'mixers-lm',
  title: 'Token mixers, trained',
  question: 'Which token mixers find something far back, and how does that change with the length?',
  source: {
    reference: 'arXiv:2302.06218 (the template of token mixers); the task is of Headscope',
    trust: 'low',
    note: 'The paper’s text was not read beyond its abstract and symbols: rows of the template, model and task are chosen here. Linear attention is a whole layer of TransNormerLLM without decay, with a residual and a gated unit of its own; the others are their mixers alone. No positions are added. Fourier, MLP and cross-covariance mixers read later places too, which tells them nothing: only the last place is asked.',
  },
  parameters,
  result: mixersResult,
  estimate: ({ layers, heads, length }) => ({
    bytes: 8 * batchSize * length * layers * heads * (30 * headDim + 4 * length),
  }),
  training,
  finding,
  sections,
  weights,
});

function training(bench: Workbench, job: AnalysisJob<LmParameters>): ArmsTraining<MixersResult> {
  const { task: kind, values, layers, heads, steps, seeds, rate: peak } = job.parameters;
  const width = heads * headDim;
  const rate = halfCosine(peak, steps);
  const made = lengthsOf(job.parameters).flatMap((length) => {
    const task = { kind, values, length };
    const text = farText(task);
    const asked = Array.from({ length: heldOut }, (_, at) => text.batch(random(seedFor(job.seed, `held out ${at}`))));
    const how = { text, asked, rate };
    const size = { vocabulary: tokensOf(task), length, width, feedForward: 2 * width, layers };
    return mixerIds.map((mixer): { readonly place: MixersResult['places'][number]; readonly arm: Arm } => {
      const id = `${mixer}-${length}`;
      const title = `${mixerTitles[mixer]}, ${length} tokens`;
      return {
        place: { arm: id, mixer: mixerTitles[mixer], length },
        arm: mixerArm(bench.trainer, { id, title, mixer: mixerOf(mixer, { length, width, heads }) }, size, how),
      };
    });
  });
  return {
    arms: made.map(({ arm }) => arm),
    facts: { places: made.map(({ place }) => place), seeds, values },
    size: { layers, heads, headDim, hiddenSize: width },
    config: { prefix: mixerPrefix(0), values },
  };
}
