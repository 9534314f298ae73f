/** The experiment `toy-low-light`: what an enhancer in front of a classifier is worth in dark pictures. */
import { featEnhancer } from '../../../kernels/modules/featenhancer/network';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, type Arm, type ArmsParameters, type TrainedArm } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import type { Measures } from '../../shared/training/train';
import type { Batch, Parameters, Trainer } from '../../model-runner/trainer';
import type { Network } from '../../../kernels/training/network';
import { batchSize, darkBatch, initialOf, lowLightNetwork, size } from './network';
import { drawDark, gains, shapes, side } from './pictures';
import { toyLowLightResult, type ShownPicture, type ToyLowLightResult } from './result';
import { accuracyAt, accuracyName, finding, lowLightArms, sections, testPictures, weights } from './sections';
import { mean } from '../../../kernels/tensors/vectors';

export const toyLowLight = experiment<ArmsParameters, ToyLowLightResult>({
  id: 'toy-low-light',
  title: 'Dark pictures',
  question:
    'Does an enhancer that is trained by the loss of a classifier help it in dark pictures, and do scales help?',
  source: {
    reference: 'Hashmi et al., ICCV 2023 (FeatEnHancer)',
    trust: 'medium',
    note: `The enhancer is that of the module featenhancer with ${size.hidden} hidden channels and ${size.additions} additions. The pictures, the classifier and the training are choices of Headscope; no photographs are used.`,
  },
  parameters: armsFields({ steps: 120, seeds: 2 }),
  result: toyLowLightResult,
  estimate: () => ({ bytes: 4 * 3 * batchSize * side * side * (10 * size.hidden + 24 * size.additions) }),
  training,
  finding,
  sections,
  weights,
});

function training(bench: Workbench, job: AnalysisJob<ArmsParameters>): ArmsTraining<ToyLowLightResult> {
  const test = testOf(job.seed);
  const arms = lowLightArms.map(({ id, title }): Arm => {
    const network = lowLightNetwork(title, id);
    return {
      id,
      title,
      network,
      training: (seed) => ({
        initial: initialOf(network, seed),
        batch: (_, source) =>
          darkBatch(
            Array.from({ length: batchSize }, () =>
              drawDark(source.whole(shapes.length), gains[source.whole(gains.length)] ?? 1, source),
            ),
          ),
        measure: (learned) => accuracies(bench.trainer, network, learned, test),
        rate: { peak: 0.01, warmUp: 20, shape: 'cosine' },
        adam: { clip: 1 },
      }),
    };
  });
  return {
    arms,
    facts: {},
    every: Math.max(1, Math.ceil(job.parameters.steps / 5)),
    size: { layers: 1, heads: size.additions, headDim: 3, hiddenSize: size.hidden },
    config: { module: featEnhancer.id },
    after: async ({ trained }) => {
      const first = trained.slice(0, arms.length);
      const full = first.find(({ arm }) => arm.id === 'all');
      return {
        ...(full ? { shares: await sharesOf(bench.trainer, full, test) } : {}),
        shown: await shownOf(bench.trainer, first, test),
      };
    },
  };
}

/** [gains][batches]: every shape as often as the others. */
const testOf = (seed: number): readonly (readonly Batch[])[] =>
  gains.map((gain) => {
    const source = random(seedFor(seed, `test pictures at ${gain}`));
    return Array.from({ length: testPictures / batchSize }, () =>
      darkBatch(Array.from({ length: batchSize }, (_, at) => drawDark(at % shapes.length, gain, source))),
    );
  });

async function accuracies(
  trainer: Trainer,
  network: Network,
  learned: Parameters,
  test: readonly (readonly Batch[])[],
): Promise<Measures> {
  const found: number[] = [];
  for (const batches of test) {
    const right: number[] = [];
    for (const batch of batches) {
      const { outputs } = await trainer.forward(network, learned, batch);
      const logits = Array.from(outputs['logits']?.data ?? [], Number);
      Array.from(batch['label']?.data ?? [], Number).forEach((label, at) => {
        const own = logits.slice(at * shapes.length, (at + 1) * shapes.length);
        right.push(own.indexOf(Math.max(...own)) === label ? 1 : 0);
      });
    }
    found.push(mean(right));
  }
  return {
    [accuracyName]: mean(found),
    ...Object.fromEntries(gains.map((gain, at) => [accuracyAt(gain), found[at] ?? Number.NaN])),
  };
}

async function sharesOf(
  trainer: Trainer,
  { arm, parameters }: TrainedArm,
  test: readonly (readonly Batch[])[],
): Promise<readonly (readonly number[])[]> {
  const rows: number[][] = [];
  for (const batches of test) {
    const byBlock = Array.from({ length: size.additions }, (): number[] => []);
    for (const batch of batches) {
      const { share } = (await trainer.forward(arm.network, parameters, batch)).outputs;
      const values = Array.from(share?.data ?? [], Number);
      const pixels = values.length / (batchSize * size.additions);
      values.forEach((value, at) => byBlock[Math.floor(at / pixels) % size.additions]?.push(value));
    }
    rows.push(byBlock.map((values) => mean(values)));
  }
  return rows;
}

async function shownOf(
  trainer: Trainer,
  trained: readonly TrainedArm[],
  test: readonly (readonly Batch[])[],
): Promise<readonly ShownPicture[]> {
  const batch = test.at(-1)?.[0];
  if (!batch) return [];
  const grey = (data: ArrayLike<number | bigint>) =>
    Array.from({ length: side }, (_, row) =>
      Array.from({ length: side }, (__, column) =>
        mean([0, 1, 2].map((color) => Number(data[(color * side + row) * side + column]))),
      ),
    );
  const shown: ShownPicture[] = [{ title: 'As given', values: grey(batch['picture']?.data ?? []) }];
  for (const { arm, parameters } of trained) {
    const { enhanced } = (await trainer.forward(arm.network, parameters, batch)).outputs;
    if (enhanced) shown.push({ title: arm.title, values: grey(enhanced.data) });
  }
  return shown;
}
