/** The experiment `toy-circuits`: a small model that learns two tasks, and whether it does both by the same parts. */
import { parameterCount } from '../../../kernels/training/network';
import { random, seedFor } from '../../../kernels/tensors/random';
import { resolveTable, type ParameterTable } from '../../../protocol/analysis/parameters';
import { type ParameterValues } from '../../../protocol/schema/parts';
import type { Analysis, AnalysisJob, ReadInput, Step } from '../../analysis';
import { folderField, type Experiment, type Workbench } from '../../experiment';
import type { ModelRunner } from '../../model-runner/model-runner';
import { taskSamples } from '../../tasks/read-task';
import { scoreTask } from '../../shared/accuracy/score';
import { TaskTokens } from '../../tasks/task-tokens';
import { curvesOf } from '../../shared/training/curves';
import { languageBatch } from '../../shared/training/language-batch';
import { smallModel, type SmallModel } from '../../shared/training/small-model';
import { train, trainingSentence, type Measures } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import type { WordTokenizer } from '../../shared/training/word-tokenizer';
import { drawnSequences, sentenceOf, taskFile, toyTasks, toyTokenizer, type ToyTask } from './language';
import { toyResult, type Comparison, type Learned, type ToyResult } from './result';
import { accuracyName, finding, leastAccuracy, lossName, sections } from './sections';
import { mean } from '../../../kernels/tensors/vectors';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are records.
type ToyParameters = {
  readonly layers: number;
  readonly heads: number;
  readonly steps: number;
  readonly rate: number;
  readonly samples: number;
  readonly folder: string;
};

const parameters: ParameterTable<ToyParameters> = {
  layers: field.integer('Layers', 'Layers of the model.', { min: 2, max: 6, default: 3 }),
  heads: field.integer('Heads', 'Heads of each layer, 16 wide each.', { min: 2, max: 16, default: 4 }),
  steps: field.integer('Steps', 'Steps of training, of 32 sequences each.', { min: 1, max: 100_000, default: 1500 }),
  rate: field.number(
    'Learning rate',
    'The peak. The rate rises to it over 50 steps, then falls to a twentieth of it along half a cosine.',
    { min: 1e-5, max: 1, default: 0.005 },
  ),
  samples: field.integer('Prompts', 'Prompts of each task: half to find the circuits, half to measure them.', {
    min: 2,
    max: 100,
    default: 24,
  }),
  folder: folderField,
};

const batchSize = 32;
const headDim = 16;
/** Prompts of each task at a checkpoint. */
const heldOut = 100;
/** Prompts of each task in the files beside the model. */
const writtenPrompts = 100;

type Reuse = Analysis<ParameterValues, Comparison>;

/** `reuse` compares the two circuits: the catalogue hands it over. */
export const toyCircuits = (reuse: Reuse): Experiment<ToyParameters, ToyResult> => ({
  id: 'toy-circuits',
  title: 'Circuits of a toy model',
  question: 'Does a small model learn two tasks with the same parts?',
  group: 'training',
  source: {
    reference: 'Merullo et al. 2023, arXiv:2310.08744',
    trust: 'low',
    note: 'The paper compares the two tasks in GPT-2 medium. Training a small model on both, its size and its language (the sentences of both tasks, and lists of words said twice) are choices of Headscope.',
  },
  trains: true,
  inputs: ['none'],
  parameters,
  result: toyResult(reuse.result),
  // Activations of a batch and their gradients, in float32.
  estimate: ({ layers, heads }) => ({ bytes: 4 * batchSize * 64 * layers * heads * (headDim * 20 + 64 * 4) }),
  run: (bench, job) => run(reuse, bench, job),
  ask: async (model, job, result, question) => {
    if (!result.reuse || !reuse.ask) throw new RangeError('there are no circuits to look into');
    return reuse.ask(model, await reuseJob(reuse, model, job), result.reuse, question);
  },
  finding: (result) => finding(reuse, result),
  sections: (result) => sections(reuse, result),
  compare: (a, b) => (a.reuse && b.reuse ? (reuse.compare?.(a.reuse, b.reuse) ?? []) : []),
  offers: (result) => (result.reuse ? (reuse.offers?.(result.reuse) ?? []) : []),
});

async function* run(
  reuse: Reuse,
  bench: Workbench,
  job: AnalysisJob<ToyParameters>,
): AsyncGenerator<Step<ToyResult>, ToyResult> {
  const { layers, heads, steps, rate } = job.parameters;
  const { seed, step } = job;
  const tokenizer = toyTokenizer();
  const context = 256;
  const size = { layers, heads, headDim, feedForward: 2 * heads * headDim, vocabulary: tokenizer.size, context };
  const small = smallModel('the toy', size);
  const facts = { parameterCount: parameterCount(small.network), vocabulary: tokenizer.size };
  const running = train(bench.trainer, step, {
    key: 'toy',
    network: small.network,
    initial: small.initial(seed),
    steps,
    seed,
    rate: { peak: rate, warmUp: 50, shape: 'cosine', last: 0.05 },
    adam: { beta2: 0.98, weightDecay: 0.05, clip: 1 },
    batch: (_step, source) => languageBatch(small.spec, drawnSequences(tokenizer, batchSize, source)),
    measure: (learned) => measured(bench.trainer, small, tokenizer, learned, seed),
  });
  // Circuits take about as long as half the training.
  const total = 1.5 * steps;
  let next = await running.next();
  for (; !next.done; next = await running.next()) {
    const { value } = next;
    const partial = value.step > 0 ? { partial: { ...facts, curves: curvesOf(value) } } : {};
    yield { sentence: trainingSentence(value, 'the toy'), done: value.step, total, ...partial };
  }
  const trained = next.value;
  const texts = Object.fromEntries(toyTasks.map((task) => [fileOf(task), taskFile(task, writtenPrompts, seed)]));
  const model = await bench.model({ ...small.files(trained.parameters, tokenizer.files()), texts });
  const { folder } = model.facts.summary;
  const result: ToyResult = { ...facts, curves: curvesOf(trained), folder };
  yield { sentence: 'Asking the trained model new prompts', done: steps, total, partial: result };
  const learned: Learned[] = [];
  for (const task of toyTasks) {
    learned.push(await step(`accuracy of ${task.id}`, () => learnedOf(model, task)));
  }
  if (learned.some(({ accuracy }) => accuracy.value < leastAccuracy)) return { ...result, learned };
  const compared = reuse.run(model, await reuseJob(reuse, model, job));
  for (;;) {
    const one = await compared.next();
    if (one.done) return { ...result, learned, reuse: named(one.value) };
    const { sentence, done, total: of } = one.value;
    yield { sentence, done: steps + (done / of) * 0.5 * steps, total, partial: { ...result, learned } };
  }
}

/** Accuracy and loss of the answers on prompts that are the same at every checkpoint. */
async function measured(
  trainer: Trainer,
  { spec, network }: SmallModel,
  tokenizer: WordTokenizer,
  parameters: Parameters,
  seed: number,
): Promise<Measures> {
  const found: Record<string, number> = {};
  for (const task of toyTasks) {
    const source = random(seedFor(seed, `held out: ${task.id}`));
    const sentences = Array.from({ length: heldOut }, () => sentenceOf(tokenizer, task.draw(source)));
    const answers = sentences.map(({ ids }) => ({ ids, weights: ids.map((_, at) => (at === ids.length - 1 ? 1 : 0)) }));
    const { loss, outputs } = await trainer.forward(network, parameters, languageBatch(spec, answers));
    const { data, shape } = outputs['best'] ?? { data: new BigInt64Array(0), shape: [0, 0] };
    const width = shape[1] ?? 0;
    const right = answers.map(({ ids }, row) => (Number(data[row * width + ids.length - 2]) === ids.at(-1) ? 1 : 0));
    found[accuracyName(task.id)] = mean(right);
    found[lossName(task.id)] = loss;
  }
  return found;
}

const pauseOf = (model: ModelRunner) => ({
  textFile: (path: string) => model.textFile(path),
  pause: () => {
    model.signal.throwIfAborted();
    return Promise.resolve();
  },
});

/** A task from a file has the name of the file. */
function named(reuse: Comparison): Comparison {
  const [first, second] = toyTasks;
  return {
    ...reuse,
    first: { ...reuse.first, title: first.title },
    second: { ...reuse.second, title: second.title },
  };
}

/** Name of the file of its prompts in the folder of the model. */
const fileOf = ({ id }: ToyTask): string => `prompts-${id}.jsonl`;

const asked = (model: ModelRunner, task: ToyTask, samples: number) => ({
  task: `${model.facts.summary.folder}/${fileOf(task)}`,
  samples,
  seed: 0,
  parameters: {},
});

async function learnedOf(model: ModelRunner, task: ToyTask): Promise<Learned> {
  const tokens = await TaskTokens.of(model);
  const { samples, task: info } = await taskSamples(asked(model, task, writtenPrompts), tokens, pauseOf(model));
  const [score] = await scoreTask(model, samples, info.metric);
  if (!score) throw new RangeError('there is no score');
  const chance = mean(samples.map(({ answers }) => 1 / (answers.right.length + answers.wrong.length)));
  return { task: task.id, title: task.title, accuracy: score.accuracy, chance };
}

/** The comparison of the two circuits with its usual parameters. */
async function reuseJob(
  { id, parameters: table }: Reuse,
  model: ModelRunner,
  { parameters: { samples: count }, seed, step }: AnalysisJob<ToyParameters>,
): Promise<AnalysisJob<ParameterValues>> {
  const [first, second] = toyTasks;
  const request = asked(model, first, count);
  const { task, samples, notes } = await taskSamples(request, await TaskTokens.of(model), pauseOf(model));
  const other = asked(model, second, count).task;
  const resolved = resolveTable(id, table, { other });
  if (!resolved.ok) throw new RangeError(resolved.why);
  const input: ReadInput = {
    given: { kind: 'task', task: request.task, samples: count },
    prompts: [],
    task: { task, samples, notes },
  };
  return { input, parameters: resolved.values, variant: [], groups: [], seed, step };
}
