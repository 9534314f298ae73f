/** The experiment `toy-lifting`: what kernels of several sizes are worth in lifting poses. */
import { softmax } from '../../../kernels/module-parts/layers';
import { rowsOf } from '../../../kernels/module-parts/pictures';
import { convformer } from '../../../kernels/modules/convformer/network';
import { joints } from '../../../kernels/modules/convformer/skeleton';
import { random, seedFor } from '../../../kernels/tensors/random';
import { tensor } from '../../../kernels/tensors/tensor';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import { drawnWeights } from '../../shared/training/module-weights';
import type { Batch, Parameters, Trainer } from '../../model-runner/trainer';
import { batchSize, liftingBatch, liftingNetwork, liftingWeights } from './network';
import { toyLiftingResult, type ShownPose, type ToyLiftingResult } from './result';
import { errorName, finding, sections, weights } from './sections';
import { mean } from '../../../kernels/tensors/vectors';

const testBatches = 4;

const liftingArms = [
  { id: 'one', title: 'Kernel 1 (plain attention)', kernels: '1' },
  { id: 'seven', title: 'Kernel 7', kernels: '7' },
  { id: 'several', title: 'Kernels 7, 7, 7', kernels: '7,7,7' },
] as const;

export const toyLifting = experiment<ArmsParameters, ToyLiftingResult>({
  id: 'toy-lifting',
  title: 'Lifting poses',
  question: 'Do convolutional queries, keys and values lift poses better than linear ones?',
  source: {
    reference: 'Diaz-Arias and Shin 2023, arXiv:2304.02147',
    trust: 'medium',
    note: 'The network is that of the module convformer, with one spatial and one temporal block of 8 features a joint. The walker is a choice of Headscope; no motion capture is used.',
  },
  parameters: armsFields({ steps: 100, seeds: 2 }),
  result: toyLiftingResult,
  estimate: () => ({ bytes: 4 * batchSize * 9 * 136 * 60 }),
  training,
  finding,
  sections,
  weights,
});

function training(bench: Workbench, job: AnalysisJob<ArmsParameters>): ArmsTraining<ToyLiftingResult> {
  const test = testOf(job.seed);
  const arms = liftingArms.map(({ id, title, kernels }): Arm => {
    const network = liftingNetwork(title, kernels);
    return {
      id,
      title,
      network,
      training: (seed) => ({
        initial: drawnWeights(liftingWeights(kernels), seed),
        batch: (_step, source) => liftingBatch(source),
        measure: async (learned) => {
          const losses = [];
          for (const batch of test) losses.push((await bench.trainer.forward(network, learned, batch)).loss);
          return { [errorName]: 100 * mean(losses) };
        },
        rate: { peak: 0.003, warmUp: 20, shape: 'cosine' },
        adam: { clip: 1 },
      }),
    };
  });
  return {
    arms,
    facts: {},
    size: { layers: 2, heads: 4, headDim: 2, hiddenSize: 8 },
    config: { module: convformer.id },
    after: async ({ trained }) => {
      const last = trained.find(({ arm }) => arm.id === 'several');
      const [batch] = test;
      if (!last || !batch) return {};
      const shown = await shownOf(bench.trainer, last.arm, last.parameters, batch);
      return { shares: sharesOf(last.parameters), shown };
    },
  };
}

const testOf = (seed: number): readonly Batch[] =>
  Array.from({ length: testBatches }, (_, at) => liftingBatch(random(seedFor(seed, `test clips ${at}`))));

/** Softmax of the logits eta of each of query, key and value. */
function sharesOf(learned: Parameters): readonly (readonly number[])[] {
  const logits = Float64Array.from(learned['spatial_blocks.0.attn.eta'] ?? []);
  const width = logits.length / 3;
  return rowsOf(softmax(tensor([3, width], logits)).data, 3, width);
}

async function shownOf(
  trainer: Trainer,
  { network }: Pick<Arm, 'network'>,
  learned: Parameters,
  batch: Batch,
): Promise<ShownPose> {
  const { outputs } = await trainer.forward(network, learned, batch);
  const placesOf = (data: ArrayLike<number | bigint>) =>
    joints.map((_, joint) => [0, 1, 2].map((axis) => Number(data[3 * joint + axis])));
  return { truth: placesOf(batch['truth']?.data ?? []), pose: placesOf(outputs['pose']?.data ?? []) };
}
