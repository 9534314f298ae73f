/**
 * The experiment `landmark-recall`: a small model with landmark attention and one without are trained to find a pass key in short
 * sequences, and look for it in longer ones.
 */
import { integers } from '../../../kernels/integers';
import { seedFor } from '../../../kernels/tensors/random';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob, Step } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import type { Experiment, Workbench } from '../../experiment';
import { armsFields, armsFiles, rateField, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { armsSteps } from '../../shared/training/arms-steps';
import { halfCosine } from '../../shared/training/schedule';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import { initialWeights, layers, recallNetwork, type NetworkSize } from './network';
import {
  landmarkRecallResult,
  type LandmarkRecallResult,
  type LengthTest,
  type Mode,
  type RecallFacts,
} from './result';
import { accuracyName, finding, sections } from './sections';
import { passKeyBatch, passKeyText, vocabularyOf, wholeLength } from './task';
import { lengthTest, opened, ruleOf, testTask, timesOf, type TestSetup } from './tests';
import * as field from '../../../kernels/parameters';

type RecallParameters = ArmsParameters & {
  readonly values: number;
  readonly block: number;
  readonly length: number;
  readonly times: number;
  readonly open: number;
  readonly positions: 'stingy' | 'sequence';
  readonly heads: number;
  readonly sequences: number;
  readonly rate: number;
};

const parameters: ParameterTable<RecallParameters> = {
  values: field.integer('Values', 'V of a token: the key is one of them, the filler is drawn from all.', {
    min: 2,
    max: 256,
    default: 8,
  }),
  block: field.integer('Block', 'B, ordinary tokens before each landmark; 50 as published.', {
    min: 1,
    max: 256,
    default: 15,
  }),
  length: field.integer(
    'Trained length',
    'Tokens of a sequence in training, landmarks among them, cut to whole blocks; 512 as published.',
    { min: 6, max: 512, default: 128 },
  ),
  times: field.integer(
    'Longest',
    'Times the trained length: tests are at the trained length, at half of the longest and at the longest, of at most 8,192 tokens.',
    { min: 1, max: 64, default: 8 },
  ),
  open: field.integer('Blocks opened', 'k: powers of two up to it are tried; 1 to 5 as published.', {
    min: 1,
    max: 64,
    default: 4,
  }),
  positions: field.choice(
    'Positions',
    'Where blocks are chosen: stingy as published, which do not grow with the sequence, or those of the sequence.',
    { options: ['stingy', 'sequence'], default: 'stingy' },
  ),
  heads: field.integer('Heads', 'Heads of each of the two layers, 16 wide each.', { min: 1, max: 8, default: 2 }),
  sequences: field.integer('Sequences', 'Sequences in each test, rounded up to whole batches.', {
    min: 1,
    max: 1024,
    default: 32,
  }),
  rate: rateField(0.01),
  ...armsFields({ steps: 200, seeds: 3 }),
};

const headDim = 16;
const batchSize = 16;
/** Sequences that are looked at while networks are trained. */
const heldOut = 2 * batchSize;
const mostTokens = 8192;

export const landmarkRecall: Experiment<RecallParameters, LandmarkRecallResult> = {
  id: 'landmark-recall',
  title: 'Landmarks and longer sequences',
  question: 'Does a model with landmarks find a key in sequences longer than those that it was trained on?',
  group: 'training',
  source: {
    reference: 'arXiv:2305.16300, section 4.2 (pass key); released code epfml/landmark-attention',
    trust: 'medium',
    note: 'Published: LLaMA 7B, fine-tuned with landmarks at 512 tokens, finds a pass key in up to 32,070 tokens (98 %), and the model without them in none beyond 2,048. Here two layers of attention without MLP are trained from scratch, the key is one marked token, and only the answer has a loss, where the paper predicts every token. The whole sequence runs as one graph of the mechanism; chunks, chosen blocks and stingy positions are those of its definition, without a cache. The chunk is of two blocks.',
  },
  trains: true,
  inputs: ['none'],
  parameters,
  result: landmarkRecallResult,
  // In training some 24 rows of the width and four maps of weights with their gradients; plain attention at the longest in a test.
  estimate: ({ length, times, heads }) => ({
    bytes:
      4 *
      heads *
      Math.max(
        2 * batchSize * length * layers * (24 * headDim + 4 * length),
        3 * Math.max(1, Math.min(8, Math.floor(mostTokens / (length * times)))) * (length * times) ** 2,
      ),
  }),
  run,
  finding,
  sections,
};

export function factsOf({ values, block, length, times, positions, sequences, seeds }: RecallParameters): RecallFacts {
  const size = block + 1;
  if (length < 3 * size) {
    throw refusal(
      `${length} tokens are no three blocks of ${size}, of which the last two are near. Take ${3 * size} or more.`,
    );
  }
  if (length * times > mostTokens) {
    throw refusal(
      `${times} times ${length} tokens are more than ${mostTokens}. Take a shorter sequence or fewer times.`,
    );
  }
  return { values, block, length: wholeLength(length, block), chunk: 2 * size, positions, sequences, seeds };
}

async function* run(
  bench: Workbench,
  job: AnalysisJob<RecallParameters>,
): AsyncGenerator<Step<LandmarkRecallResult>, LandmarkRecallResult> {
  const { block, length, times, open, heads, values, steps } = job.parameters;
  const facts = factsOf(job.parameters);
  const size: NetworkSize = { vocabulary: vocabularyOf(values), heads, headDim };
  const setups = timesOf(times).flatMap((factor): readonly TestSetup[] => {
    const at = { length: wholeLength(length * factor, block) };
    return [
      { mode: 'plain', open: 0, ...at },
      { mode: 'all', open: 0, ...at },
      ...opened(open).map((k) => ({ mode: 'topk' as const, open: k, ...at })),
    ];
  });
  const arms = (['plain', 'all'] as const).map((mode) => armOf(bench.trainer, mode, size, facts, job));
  const total = arms.length * facts.seeds * steps;
  // A test counts as a few steps of training.
  const each = Math.max(1, Math.round(steps / 20));
  const all = total + setups.length * facts.seeds * each;
  const training = armsSteps(
    bench,
    job,
    arms,
    (soFar) => ({ ...facts, arms: soFar, tests: [] }),
    Math.ceil(steps / 10),
  );
  let next = await training.next();
  for (; !next.done; next = await training.next()) yield { ...next.value, total: all };
  const { value: trained } = next;
  const tests: LengthTest[] = [];
  let done = total;
  for (const setup of setups) {
    const test = lengthTest(bench.trainer, size, setup, facts, job.seed);
    const networks = trained.trained.filter(({ arm }) => arm.id === armIds[setup.mode]);
    for (const [at, { seed, parameters: learned }] of networks.entries()) {
      yield {
        sentence: `Looking for keys in ${setup.length} tokens`,
        done,
        total: all,
        partial: { ...facts, arms: trained.result, tests: [...tests] },
      };
      const key = `test ${setup.mode} ${setup.open}, ${setup.length} tokens, run ${at + 1}`;
      tests.push({ ...setup, seed, ...(await job.step(key, () => test(learned))) });
      done += each;
    }
  }
  const folder = await bench.networks(
    armsFiles(trained, { layers, heads, headDim, hiddenSize: heads * headDim }, { values, block }),
  );
  return { ...facts, arms: trained.result, tests, folder };
}

/** The network that a mode is tested with. */
const armIds: Readonly<Record<Mode, string>> = { plain: 'plain', all: 'landmarks', topk: 'landmarks' };

function armOf(
  trainer: Trainer,
  mode: 'plain' | 'all',
  size: NetworkSize,
  facts: RecallFacts,
  job: Pick<AnalysisJob<RecallParameters>, 'parameters' | 'seed'>,
): Arm {
  const { rate, steps } = job.parameters;
  const setup: TestSetup = { mode, open: 0, length: facts.length };
  const title = mode === 'plain' ? 'Without landmarks' : 'Landmarks';
  const network = recallNetwork(title, size, { batch: batchSize, length: facts.length }, ruleOf(setup, facts));
  const task = testTask(setup, facts);
  const held = lengthTest(trainer, size, setup, { ...facts, sequences: heldOut }, seedFor(job.seed, 'held out'));
  return {
    id: armIds[mode],
    title,
    network,
    training: (seed) => ({
      initial: initialWeights(size, seed),
      rate: halfCosine(rate, steps),
      adam: { beta2: 0.98, clip: 1 },
      batch: (_step, source) => passKeyBatch(integers(0, batchSize).map(() => passKeyText(task, source))),
      measure: async (learned: Parameters) => ({ [accuracyName]: (await held(learned)).success }),
    }),
  };
}
