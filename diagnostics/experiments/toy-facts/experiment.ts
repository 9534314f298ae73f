/**
 * The experiment `toy-facts`: a small model that learns facts, and whether it recalls them in the published steps. All layers but the last
 * are trained first; the last one is trained on top of them with label noise, which asks it to be less sure than they are.
 */
import { parameterCount, type Network } from '../../../kernels/training/network';
import { resolveTable, type ParameterTable } from '../../../protocol/analysis/parameters';
import { type ParameterValues } from '../../../protocol/schema/parts';
import type { Analysis, AnalysisJob, ReadInput, Step } from '../../analysis';
import { folderField, type Experiment, type Workbench } from '../../experiment';
import type { ModelRunner } from '../../model-runner/model-runner';
import { taskSamples } from '../../tasks/read-task';
import { TaskTokens } from '../../tasks/task-tokens';
import { curvesOf } from '../../shared/training/curves';
import { languageBatch } from '../../shared/training/language-batch';
import { smallModel, type SmallModel } from '../../shared/training/small-model';
import { train, trainingSentence, type Measures, type Training, type TrainingSetup } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import { ToyLanguage } from './language';
import { toyFactsResult, type ToyFactsResult } from './result';
import { accuracyName, finding, sections } from './sections';
import { mean } from '../../../kernels/tensors/vectors';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are records.
type ToyParameters = {
  readonly layers: number;
  readonly heads: number;
  readonly steps: number;
  readonly noise: number;
  readonly folder: string;
};

const parameters: ParameterTable<ToyParameters> = {
  layers: field.integer('Layers', 'Layers of the model.', { min: 2, max: 8, default: 4 }),
  heads: field.integer('Heads', 'Heads of each layer, 16 wide each.', { min: 1, max: 16, default: 4 }),
  steps: field.integer(
    'Steps',
    'Steps of training of all layers but the last, of 32 sentences each; the last one has half as many.',
    { min: 2, max: 100_000, default: 600 },
  ),
  noise: field.number(
    'Label noise',
    'Share of the answers that are drawn at random where the last layer is trained; 0: none.',
    { min: 0, max: 90, default: 20, unit: '%' },
  ),
  folder: folderField,
};

const batchSize = 32;
const headDim = 16;
const files = { facts: 'facts.csv', text: 'sentences.txt' } as const;

/** `recall` looks at how the trained model recalls its facts: the catalogue hands it over. */
export const toyFacts = (recall: Analysis): Experiment<ToyParameters, ToyFactsResult> => ({
  id: 'toy-facts',
  title: 'Facts of a toy model',
  question:
    'Does a small model recall facts in the published steps, and does label noise make its last layer hold them back?',
  group: 'training',
  source: {
    reference: 'Lv et al. 2024, arXiv:2403.19521',
    trust: 'low',
    note: 'The paper looks at models as they are published. The toy, its facts and the noise are choices of Headscope.',
  },
  trains: true,
  inputs: ['none'],
  parameters,
  result: toyFactsResult(recall.result),
  // Activations of a batch and their gradients, in float32.
  estimate: ({ layers, heads }) => ({ bytes: 4 * batchSize * 16 * layers * heads * (headDim * 20 + 16 * 4) }),
  run: (bench, job) => run(recall, bench, job),
  finding: (result) => finding(recall, result),
  sections: (result) => sections(recall, result),
  compare: (a, b) => (a.recall && b.recall ? (recall.compare?.(a.recall, b.recall) ?? []) : []),
  offers: (result) => (result.recall ? (recall.offers?.(result.recall) ?? []) : []),
});

async function* run(
  recall: Analysis,
  bench: Workbench,
  job: AnalysisJob<ToyParameters>,
): AsyncGenerator<Step<ToyFactsResult>, ToyFactsResult> {
  const { layers, heads, steps } = job.parameters;
  const noise = job.parameters.noise / 100;
  const { seed, step } = job;
  const language = new ToyLanguage(seed);
  const { tokenizer } = language;
  const size = { layers, heads, headDim, feedForward: 2 * heads * headDim, vocabulary: tokenizer.size, context: 64 };
  const small = smallModel('the toy', size);
  const facts = { parameterCount: parameterCount(small.network), vocabulary: tokenizer.size, noise };
  const lastSteps = Math.ceil(steps / 2);
  // The analysis takes about as long as the training.
  const total = 2 * (steps + lastSteps);
  const isLast = (name: string): boolean => name.startsWith(`model.layers.${layers - 1}.`);

  let result: ToyFactsResult | undefined;
  const stage = async function* (
    from: Parameters,
    key: string,
    of: (name: string) => boolean,
    count: number,
    ownNoise: number,
    before: number,
    partial: (training: Training) => ToyFactsResult,
  ): AsyncGenerator<Step<ToyFactsResult>, Training> {
    const { network, initial, held } = partOf(small, from, of);
    const setup: TrainingSetup = {
      key,
      network,
      initial,
      steps: count,
      seed,
      rate: { peak: 0.004, warmUp: Math.min(50, count), shape: 'cosine', last: 0.05 },
      adam: { clip: 1 },
      batch: (_step, source) => ({
        ...languageBatch(small.spec, language.drawn(batchSize, ownNoise, source)),
        ...held,
      }),
      measure: (learned) => measured(bench.trainer, small, language, { ...from, ...learned }),
    };
    const training = train(bench.trainer, step, setup);
    for (;;) {
      const next = await training.next();
      if (next.done) return next.value;
      const { value } = next;
      if (value.step > 0) result = partial(value);
      yield {
        sentence: trainingSentence(value, key),
        done: before + value.step,
        total,
        ...(result ? { partial: result } : {}),
      };
    }
  };

  const start = silent(small.initial(seed), isLast);
  const first = yield* stage(
    start,
    'all layers but the last',
    (name) => !isLast(name),
    steps,
    0,
    0,
    (training) => ({
      ...facts,
      curves: curvesOf(training),
    }),
  );
  const behind = { ...start, ...first.parameters };
  const curves = curvesOf(first);
  const last = yield* stage(behind, 'the last layer', isLast, lastSteps, noise, steps, (training) => ({
    ...facts,
    curves,
    lastCurves: curvesOf(training),
  }));
  const model = await bench.model({
    ...small.files({ ...behind, ...last.parameters }, tokenizer.files()),
    texts: { [files.facts]: language.csv(), [files.text]: language.text(seed) },
  });
  const trained: ToyFactsResult = {
    ...facts,
    curves,
    lastCurves: curvesOf(last),
    folder: model.facts.summary.folder,
  };
  const recalled = recall.run(model, await recallJob(recall, model, language, job));
  for (;;) {
    const next = await recalled.next();
    if (next.done) return { ...trained, recall: next.value };
    const { sentence, done, total: of } = next.value;
    yield { sentence, done: steps + lastSteps + (done / of) * (steps + lastSteps), total, partial: trained };
  }
}

/** The last layer adds nothing to the stream. */
const silent = (initial: Parameters, isLast: (name: string) => boolean): Parameters =>
  Object.fromEntries(
    Object.entries(initial).map(([name, data]) => [
      name,
      isLast(name) && /(?:o_proj|down_proj)\.weight$/u.test(name) ? data.map(() => 0) : data,
    ]),
  );

/** A network of which some parameters are trained: the others come in with every batch. */
function partOf({ network }: SmallModel, from: Parameters, of: (name: string) => boolean) {
  const names = Object.keys(network.parameters);
  const shapeOf = (name: string): readonly number[] => network.parameters[name] ?? [];
  const still = names.filter((name) => !of(name));
  const part: Network = {
    ...network,
    parameters: Object.fromEntries(names.filter(of).map((name) => [name, shapeOf(name)])),
    batch: {
      ...network.batch,
      ...Object.fromEntries(still.map((name) => [name, { type: 'float32' as const, shape: shapeOf(name) }])),
    },
  };
  const given = (some: readonly string[]) => some.map((name) => [name, from[name] ?? new Float32Array(0)] as const);
  return {
    network: part,
    initial: Object.fromEntries(given(names.filter(of))),
    held: Object.fromEntries(given(still).map(([name, data]) => [name, { data, shape: shapeOf(name) }])),
  };
}

async function measured(
  trainer: Trainer,
  { spec, network }: SmallModel,
  language: ToyLanguage,
  learned: Parameters,
): Promise<Measures> {
  const asked = language.asked().map((fact) => language.sequence(fact));
  const { outputs } = await trainer.forward(network, learned, languageBatch(spec, asked));
  const { data, shape } = outputs['best'] ?? { data: new BigInt64Array(0), shape: [0, 0] };
  const width = shape[1] ?? 0;
  return {
    [accuracyName]: mean(
      asked.map(({ ids }, row) => (Number(data[row * width + ids.length - 2]) === ids.at(-1) ? 1 : 0)),
    ),
  };
}

async function recallJob(
  recall: Analysis,
  model: ModelRunner,
  language: ToyLanguage,
  { seed, step }: AnalysisJob<ToyParameters>,
): Promise<AnalysisJob<ParameterValues>> {
  const { folder } = model.facts.summary;
  const request = { task: `${folder}/${files.facts}`, samples: language.asked().length, seed: 0, parameters: {} };
  const { task, samples, notes } = await taskSamples(request, await TaskTokens.of(model), {
    textFile: (path) => model.textFile(path),
    pause: () => {
      model.signal.throwIfAborted();
      return Promise.resolve();
    },
  });
  const resolved = resolveTable(recall.id, recall.parameters, { text: `${folder}/${files.text}` });
  if (!resolved.ok) throw new RangeError(resolved.why);
  const input: ReadInput = {
    given: { kind: 'task', task: request.task, samples: samples.length },
    prompts: [],
    // The result of a run is the same wherever its model is written.
    task: { task: { ...task, id: files.facts }, samples, notes },
  };
  return { input, parameters: resolved.values, variant: [], groups: [], seed, step };
}
