/** The experiment `toy-sessions`: things of earlier sessions found again through another modality. */
import { meanReciprocalRank, recallAt } from '../../../kernels/modules/m3c/retrieval';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import { glorot } from '../../shared/training/module-network';
import type { Measures } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import { Things, units, type Episode } from './episodes';
import {
  batchSize,
  episodeBatch,
  jointSpace,
  pairBatch,
  ranksOf,
  readEpisode,
  readers,
  startOfTemperature,
  width,
  type EpisodeRead,
} from './network';
import { toySessionsResult, type ShownEpisode, type ToySessionsResult } from './result';
import { finding, measureOf, sections, weights } from './sections';

const testEpisodes = 24;

export const toySessions = experiment<ArmsParameters, ToySessionsResult>({
  id: 'toy-sessions',
  title: 'Memory of three sessions',
  question: 'Is what was seen in an earlier session found again by its sound, and what do links add?',
  source: {
    reference: 'Jang et al. 2025, arXiv:2506.00421',
    trust: 'low',
    note: 'Cosine, top 1 and links are of M3C; the loss, the temperature, the hop over links and the episodes are choices of Headscope.',
  },
  parameters: armsFields({ steps: 400, seeds: 3 }),
  result: toySessionsResult,
  estimate: () => ({ bytes: 4 * batchSize * 500 }),
  training,
  finding,
  sections,
  weights,
});

function training(bench: Workbench, job: AnalysisJob<ArmsParameters>): ArmsTraining<ToySessionsResult> {
  const arm = sessionsArm(bench.trainer, job.seed);
  return {
    arms: [arm],
    facts: {},
    size: { layers: 1, heads: 1, headDim: width, hiddenSize: width },
    after: async ({ trained: [first] }) => {
      const [episode] = testOf(job.seed);
      if (!first || !episode) return {};
      const before = await readOf(bench.trainer, arm.training(first.seed).initial, episode);
      return { shown: shownOf(episode, before, await readOf(bench.trainer, first.parameters, episode)) };
    },
  };
}

const testOf = (seed: number): readonly Episode[] => {
  const source = random(seedFor(seed, 'test episodes'));
  const things = new Things(seed);
  return Array.from({ length: testEpisodes }, () => things.episode(source));
};

export function sessionsArm(trainer: Trainer, seed: number): Arm {
  const things = new Things(seed);
  const test = testOf(seed);
  return {
    id: 'joint',
    title: 'Joint space',
    network: jointSpace,
    training(own) {
      const initial = { ...glorot(jointSpace.parameters, own), log_temperature: startOfTemperature };
      return {
        initial,
        batch: (_step, source) => pairBatch(things, source),
        measure: async (learned) => ({
          ...(await measured(trainer, learned, test, true)),
          ...(await measured(trainer, initial, test, false)),
        }),
        rate: { peak: 0.01, warmUp: 10, shape: 'cosine' },
      };
    },
  };
}

/** R@1 and MRR of each reader. */
async function measured(
  trainer: Trainer,
  learned: Parameters,
  test: readonly Episode[],
  trained: boolean,
): Promise<Measures> {
  const reads: EpisodeRead[] = [];
  for (const episode of test) reads.push(await readOf(trainer, learned, episode));
  return Object.fromEntries(
    readers.flatMap(({ id }) => {
      const ranks = test.flatMap((episode, at) => ranksOf(episode, reads[at]?.weights[id] ?? []));
      return [
        [measureOf('recall', id, trained), recallAt(1, ranks)],
        [measureOf('reciprocal', id, trained), meanReciprocalRank(ranks)],
      ] as const;
    }),
  );
}

async function readOf(trainer: Trainer, learned: Parameters, episode: Episode): Promise<EpisodeRead> {
  const { outputs } = await trainer.forward(jointSpace, learned, episodeBatch(episode));
  const rows = [...episode.units, ...episode.questions].map(({ modality }, at) =>
    Array.from(outputs[modality]?.data.slice(at * width, (at + 1) * width) ?? [], Number),
  );
  return readEpisode(episode, rows);
}

function shownOf(episode: Episode, before: EpisodeRead, after: EpisodeRead): ShownEpisode {
  const name = (at: number): string => {
    const unit = episode.units[at];
    const refers = unit?.refersTo === undefined ? '' : `, refers to ${unit.refersTo + 1}`;
    return `${at + 1}: ${unit?.modality ?? ''}, session ${unit?.session ?? ''}${refers}`;
  };
  return {
    units: Array.from({ length: units }, (_, at) => name(at)),
    before: before.similarity,
    after: after.similarity,
    answers: episode.questions.map(({ answer }) => answer),
    read: after.weights.links.map((row) => row.indexOf(Math.max(...row))),
    questions: episode.questions.map(({ modality, about }) => `${modality} of ${about + 1}`),
  };
}
