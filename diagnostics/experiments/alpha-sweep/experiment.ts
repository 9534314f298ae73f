/** The experiment `alpha-sweep`: how many of the first blocks of a small vision transformer should be spectral. */
import { spectformer, type SpectformerDesign } from '../../../kernels/modules/spectformer/network';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import { halfCosine } from '../../shared/training/schedule';
import { accuracies, alphaNetwork, batchOf, batchSize, initialOf, multiplyAddsOf } from './network';
import { classes, drawPicture, drawPictures } from './pictures';
import { alphaSweepResult, type AlphaSweepResult } from './result';
import { finding, sections } from './sections';
import * as field from '../../../kernels/parameters';

type SweepParameters = ArmsParameters & {
  readonly depth: number;
  readonly channels: number;
  readonly patch: string;
};

const headWidth = 8;
const testPictures = 128;

const parameters: ParameterTable<SweepParameters> = {
  depth: field.integer('Blocks', 'Blocks of each network; alpha goes from 0 to all of them.', {
    min: 1,
    max: 12,
    default: 4,
  }),
  channels: field.integer('Channels', `A multiple of ${headWidth}, the width of a head in an attention block.`, {
    min: 8,
    max: 256,
    default: 16,
  }),
  patch: field.choice('Patch', 'Pixels along a side of a patch, of 16: 1 gives a grid of 16 x 16 tokens.', {
    options: ['1', '2', '4'],
    default: '2',
  }),
  ...armsFields({ steps: 150, seeds: 2 }),
};

export const alphaSweep = experiment<SweepParameters, AlphaSweepResult>({
  id: 'alpha-sweep',
  title: 'Spectral or attention blocks',
  question: 'How many of the first blocks of a vision transformer should be filters?',
  source: {
    reference: 'arXiv:2304.06446 (SpectFormer), the number alpha of spectral blocks; 4 of 12 as published',
    trust: 'medium',
    note: 'The blocks are those of the vanilla code. The pictures (a grating and a small shape), the sizes and the training are choices of Headscope; the sweep of the paper was not read.',
  },
  parameters,
  result: alphaSweepResult,
  estimate: ({ depth, channels, patch }) => {
    const tokens = (16 / Number(patch)) ** 2;
    return { bytes: 4 * 3 * batchSize * depth * tokens * (16 * channels + (channels / headWidth) * tokens) };
  },
  training,
  finding,
  sections,
});

function training(bench: Workbench, job: AnalysisJob<SweepParameters>): ArmsTraining<AlphaSweepResult> {
  const { depth, channels, patch, seeds, steps } = job.parameters;
  if (channels % headWidth !== 0) throw new RangeError(`${channels} channels are no multiple of ${headWidth}.`);
  const design: SpectformerDesign = { channels, depth, heads: channels / headWidth, patch: Number(patch) };
  const test = drawPictures(testPictures, random(seedFor(job.seed, 'test pictures')));
  const alphas = Array.from({ length: depth + 1 }, (_, alpha) => alpha);
  const arms = alphas.map((alpha): Arm => {
    const network = alphaNetwork(`alpha ${alpha}`, design, alpha);
    return {
      id: `alpha-${alpha}`,
      title: `alpha ${alpha}`,
      network,
      training: (seed) => ({
        initial: initialOf(network, seed),
        batch: (_, source) =>
          batchOf(Array.from({ length: batchSize }, () => drawPicture(source.whole(classes), source))),
        measure: (learned) => accuracies(bench.trainer, network, learned, test),
        rate: halfCosine(0.004, steps, 0.05),
        adam: { clip: 1, weightDecay: 0.01 },
      }),
    };
  });
  return {
    arms,
    facts: { depth, seeds, multiplyAdds: alphas.map((alpha) => multiplyAddsOf(design, alpha)) },
    every: Math.max(1, Math.ceil(steps / 5)),
    size: { layers: depth, heads: design.heads, headDim: headWidth, hiddenSize: channels },
    config: { module: spectformer.id, ...design, side: 16, classes },
  };
}
