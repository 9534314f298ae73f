/** One run of an analysis: input read, support and memory checked, parity measured, steps kept, progress and partial results said. */
import {
  unsupportedByKind,
  type Analysis,
  type AnalysisJob,
  type ReadInput,
  type Support,
} from '../../diagnostics/analysis';
import type { Corpus } from '../../diagnostics/corpus';
import type { ModelFacts, Prompt } from '../../diagnostics/model-runner/model-runner';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import { taskSamples } from '../../diagnostics/tasks/read-task';
import { TaskTokens } from '../../diagnostics/tasks/task-tokens';
import type { AnalysisProgress } from '../../protocol/analysis/analysis';
import type { AnalysedPrompt, AnalysisInput, AnalysisRequest, AnalysisResult } from '../../protocol/analysis/schema';
import { whyNotSource } from '../../protocol/analysis/fit';
import { resolveTable } from '../../protocol/analysis/parameters';
import { type ParameterValues } from '../../protocol/schema/parts';
import type { AnalysisEstimate } from '../../protocol/compute/analyses';
import { withTargetOf, type EncoderInput, type PromptInput } from '../../protocol/inputs/prompt';
import { kindOf, readsBeyond, type Intervention } from '../../protocol/interventions/interventions';
import { planFrom } from '../../protocol/plans/plan-from';
import { withModel } from '../../protocol/results/sections/heads-of-model';
import { FailureError, refusal } from '../../protocol/wire/failures';
import { counted } from '../../protocol/wire/number-words';
import { printableLine } from '../../protocol/wire/printable';
import type { Job } from '../dispatch/dispatcher';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { readerOf } from '../model/prompt/prompt';
import { sourceStamps } from '../model/interventions/lower';
import { beginParity, type BegunParity } from '../model/checkpoint/parity';
import { modelProvenance } from '../provenance';
import type { Surroundings } from '../surroundings';
import { corpusReadOf, countedCorpusAt, readCorpusAt } from './corpus-files';
import { followed, heldShare, shown, stage, type RunProgress } from './run-progress';
import { StepStore, stepFolders } from './step-store';
import type { RunAnalysis, SaysOf, ShowsOf } from '../own-analyses/run-analysis';
import { openOwnTask } from '../own-analyses/own-task';
import { ServerRunner } from '../runner/runner';
import { learn, secondsOf } from './pace';
import { taskSurroundings } from '../runner/task-surroundings';

export interface AnalysisRun {
  readonly opened: LoadedModel;
  readonly analysis: RunAnalysis;
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal;
}

export async function* analysisJob(run: AnalysisRun, request: AnalysisRequest): Job<AnalysisProgress, AnalysisResult> {
  const { analysis } = run;
  const { summary } = modelRead(run, promptsOf(request.input)[0]);
  const ofModel: ShowsOf = {
    finding: (partial) => analysis.finding(partial),
    sections: async (partial) => withModel(await analysis.sections(partial), summary, request.interventions),
  };
  return yield* shown(ofModel, analysisRun(run, request));
}

/** The run, whose partial results are parts of the result and no sections yet. */
async function* analysisRun(
  { opened, analysis, surroundings, signal }: AnalysisRun,
  request: AnalysisRequest,
): Job<RunProgress, AnalysisResult> {
  const started = performance.now();
  yield stage('Reading the input', 0, 0);
  const prepared = await prepare({ opened, analysis, surroundings, signal }, request);
  const { runner, job, model } = prepared;
  let comparison: BegunParity | undefined;
  try {
    if (request.part && !analysis.stepsOfPictures) {
      throw refusal(`The examples of ${analysis.title} cannot be cut into parts. Run it whole.`);
    }
    const support = await supportOf(analysis, runner.facts, job.parameters);
    if (!support.ok) {
      throw support.byParameters
        ? refusal(support.why)
        : new FailureError({ code: 'unsupported', detail: support.why });
    }
    const { passes, tokens, bytes: needed } = await analysis.estimate(runner.facts, job.input, job.parameters);
    const limit = surroundings.memoryLimit * heldShare;
    if (needed > limit) {
      const limitBytes = surroundings.memoryLimit;
      throw new FailureError({ code: 'out-of-memory', neededBytes: Math.ceil(needed / heldShare), limitBytes });
    }
    const { first } = prepared;
    if (first) yield stage('Checking the instrumented run against the plain model', 0, 0);
    comparison = first && (await beginParity(model, first, { signal }));

    const folders = stepFolders(request.keepIn, surroundings.cacheFolder);
    const key = await keyOf(analysis, request, model, job.input);
    const { corpus } = job.input;
    const steps = new StepStore(
      folders,
      [...key, ...(corpus ? [corpus.sha256] : [])],
      corpus && { request: key, content: corpus.sha256 },
    );
    await steps.open();
    const note = corpus && steps.kept === 0 ? otherDocuments(corpus.name, await steps.ofOtherContent()) : undefined;
    if (note !== undefined) surroundings.log('warn', note);
    /** What other weights gave is not kept as what these would give. */
    const unchanged = async <T>(act: () => Promise<T>): Promise<T> => {
      const value = await act();
      await opened.requireUnchanged();
      return value;
    };
    const step: AnalysisJob<ParameterValues>['step'] = (key, act) => steps.step(key, () => unchanged(act));
    let stopped = false;
    const start = () => analysis.run(runner, { ...job, step, standing: steps.standing });
    const result = yield* followed(start, {
      steps,
      note,
      keepsSteps: request.part !== undefined,
      surroundings,
      signal,
      async stopped(known) {
        const end = await analysis.stopped?.(known);
        stopped = end !== undefined;
        return end;
      },
    });
    if (comparison && comparison.layersLeft > 0) {
      yield stage('Checking the other layers against the plain model', 0, 0, note);
    }
    const parity = await comparison?.finish().catch(async (error: unknown) => {
      // Nor is any step of such a run kept for another one.
      if (!signal.aborted) await steps.remove();
      throw error;
    });
    const made = await modelProvenance(model, { ...request.parameters }, request.seed);
    const seconds = (performance.now() - started) / 1000;
    if (steps.reused === 0 && !stopped)
      learn(opened, analysis.id, { seconds, passes, tokens: tokens ?? first?.ids.length ?? 1 });
    return await resultOf(analysis, request, prepared, result, {
      ...made,
      ...(parity ? { parity } : {}),
      ...(stopped ? { stopped } : {}),
      seconds,
    });
  } finally {
    await comparison?.end();
    await runner.close();
  }
}

const supportOf = (analysis: RunAnalysis, facts: ModelFacts, parameters: ParameterValues): Support | Promise<Support> =>
  unsupportedByKind(analysis, facts) ?? analysis.supports(facts, parameters);

/** What a request would take, without running the model. */
export async function estimateOf(run: AnalysisRun, request: AnalysisRequest): Promise<AnalysisEstimate> {
  const { analysis } = run;
  const parameters = parametersOf(analysis, request.parameters);
  const [prompt] = promptsOf(request.input);
  const { facts } = ServerRunner.reading(run.opened, prompt, run.surroundings, run.signal, analysis.readsPictures);
  const unread = whyNotSource(analysis, { input: request.input.kind, model: run.opened.summary });
  if (unread !== undefined) return { supported: unread };
  const support = await supportOf(analysis, facts, parameters);
  if (!support.ok) return { supported: support.why };
  const { runner, input, first } = await readInput(run, request, {
    prompt: (reader, prompt) => reader.counted(prompt, request.interventions),
    corpus: countedCorpusAt,
  });
  if (first) runner.requirePlaces(request.interventions, first);
  const { passes, tokens, bytes } = await analysis.estimate(runner.facts, input, parameters);
  const seconds = secondsOf(run.opened, analysis.id, passes, tokens ?? first?.ids.length ?? 1);
  const { parts } = await run.opened.device();
  return { supported: true, passes, bytes, ...(passes > 0 ? { seconds } : {}), ...(parts ? { parts } : {}) };
}

interface Prepared {
  readonly runner: ServerRunner;
  /** What reads the input: the model, or its vision encoder. */
  readonly model: LoadedModel;
  /** What the interventions act on, and what parity is measured on. */
  readonly first: Sequence | undefined;
  /** Prompts that stand for those that a task or a corpus gave. */
  readonly examples?: readonly AnalysedPrompt[];
  readonly job: Omit<AnalysisJob<ParameterValues>, 'step'>;
}

/** What is read of an analysis, or of an experiment whose model is asked. */
export type ReadRun = Omit<AnalysisRun, 'analysis'> & {
  readonly analysis: Pick<
    Analysis,
    'id' | 'title' | 'parameters' | 'inputs' | 'readsPictures' | 'sources' | 'interventionsOnEach'
  >;
};

export async function prepare(run: ReadRun, request: AnalysisRequest): Promise<Prepared> {
  const parameters = parametersOf(run.analysis, request.parameters);
  const { runner, model, input, first } = await readInput(run, request, {
    // Nothing is written for a pair: it is compared behind the same target.
    prompt: (reader, prompt) => reader.prompt(prompt, request.interventions, request.input.kind === 'prompt'),
    corpus: readCorpusAt,
  });
  const examples = await examplesOf(input, first, runner, request.interventions);
  const { variant, groups } = first
    ? await runner.variant(request.interventions, first)
    : { variant: [], groups: undefined };
  const job = {
    input: withGroups(input, groups),
    parameters,
    variant,
    groups: groups ?? [],
    interventions: request.interventions,
    seed: request.seed,
    ...(request.part ? { part: request.part } : {}),
  };
  return { runner, model, first, examples, job };
}

const mostExamples = 2;

/** What a person can look at of a task or a corpus, as the model reads it. */
async function examplesOf(
  { task, corpus }: ReadInput,
  first: Sequence | undefined,
  runner: ServerRunner,
  interventions: readonly Intervention[],
): Promise<readonly AnalysedPrompt[]> {
  const asRead = async ({ ids }: Sequence, text: string | null, example: string): Promise<AnalysedPrompt> => {
    const { tokens } = await runner.prompt({ kind: 'ids', ids }, interventions);
    return { text, ids, tokens, example };
  };
  if (task) {
    const all = task.samples.length;
    const some = task.samples.slice(0, mostExamples).filter(({ prompt }) => prompt.image === undefined);
    return Promise.all(some.map(({ prompt }, at) => asRead(prompt, prompt.text, `sample ${at + 1} of ${all}`)));
  }
  return corpus && first ? [await asRead(first, null, `the first ${first.ids.length} tokens of ${corpus.name}`)] : [];
}

/** Every prompt of a task has the key groups that the interventions name. */
function withGroups(input: ReadInput, groups: Sequence['groups'] = []): ReadInput {
  const { task } = input;
  if (!task || groups.length === 0) return input;
  const samples = task.samples.map((sample) => ({
    ...sample,
    prompt: { ...sample.prompt, groups },
    ...(sample.counterpart ? { counterpart: { ...sample.counterpart, groups } } : {}),
  }));
  return { ...input, task: { ...task, samples } };
}

/** Every prompt has a first token. */
const isOnFirstToken = (one: Intervention): boolean =>
  (one.kind === 'bias' || one.kind === 'weight') && one.keys !== 'image' && one.keys.start === 0 && one.keys.end === 1;

/** What reads the input: the model, or its vision encoder. */
const modelRead = (
  { opened, analysis }: Pick<ReadRun, 'opened' | 'analysis'>,
  first: PromptInput | EncoderInput | undefined,
): LoadedModel => (first ? readerOf(opened, first) : (analysis.readsPictures && opened.encoder) || opened);

interface Readers {
  prompt(runner: ServerRunner, prompt: PromptInput | EncoderInput): Promise<Prompt>;
  corpus: typeof readCorpusAt;
}

/** `read`: how a prompt is read; `first`: what the interventions act on. */
async function readInput(
  { opened, analysis, surroundings, signal }: ReadRun,
  { input, interventions, seed, taskFile }: AnalysisRequest,
  read: Readers,
): Promise<Pick<Prepared, 'runner' | 'model' | 'first'> & { readonly input: ReadInput }> {
  if (!analysis.inputs.includes(input.kind)) {
    const words = analysis.inputs.map((kind) => inputWords[kind]).join(' or ');
    throw refusal(`${analysis.title} reads ${words}, and ${inputWords[input.kind]} was given.`);
  }
  const unread = whyNotSource(analysis, { input: input.kind, model: opened.summary });
  if (unread !== undefined) throw new FailureError({ code: 'unsupported', detail: unread });
  const given = promptsOf(input);
  const [firstGiven] = given;
  const runner = ServerRunner.reading(opened, firstGiven, surroundings, signal, analysis.readsPictures);
  const prompts: Prompt[] = [];
  for (const prompt of given) prompts.push(await read.prompt(runner, prompt));
  const task =
    input.kind === 'task'
      ? await taskOf(input, { seed, ...(taskFile ? { taskFile } : {}) }, runner, interventions)
      : undefined;
  const corpus = input.kind === 'corpus' ? await read.corpus(input.file, taskSurroundings(signal)) : undefined;
  const first = prompts[0] ?? task?.samples[0]?.prompt ?? (corpus && (await startOf(corpus, runner)));
  const bound =
    (task ?? corpus) && interventions.find((one) => !kindOf(one).anywhere(one) && !(task && isOnFirstToken(one)));
  if (bound) {
    throw refusal(
      `${task ? 'A task has many prompts' : 'A corpus has many documents'}, and the intervention "${kindOf(bound).words(bound)}" means positions of one. Leave it out.`,
    );
  }
  const { interventionsOnEach = false } = analysis;
  if (!first && interventions.length > 0 && !interventionsOnEach) {
    throw refusal('Interventions act on a prompt, and this analysis reads none. Leave them out.');
  }
  return {
    runner,
    model: modelRead({ opened, analysis }, firstGiven),
    input: { given: input, prompts, ...(task ? { task } : {}), ...(corpus ? { corpus } : {}) },
    first,
  };
}

async function taskOf(
  { task, samples, taskParameters = {} }: Extract<AnalysisInput, { readonly kind: 'task' }>,
  { seed, taskFile }: Pick<AnalysisRequest, 'seed' | 'taskFile'>,
  runner: ServerRunner,
  interventions: readonly Intervention[],
): Promise<NonNullable<ReadInput['task']>> {
  const { contextLength } = runner.facts.summary;
  const tokens = await TaskTokens.of(runner, readsBeyond(interventions, contextLength) ? Infinity : contextLength);
  const { signal } = runner;
  const code = taskFile && (await openOwnTask(taskFile, signal));
  try {
    const asked = { task, samples, seed, parameters: taskParameters };
    return await taskSamples(asked, tokens, taskSurroundings(signal, code));
  } finally {
    code?.end();
  }
}

const startTokens = 64;

/** The first tokens of the first document; undefined where the documents were only counted. */
async function startOf({ documents: [document] }: Corpus, runner: ServerRunner): Promise<Sequence | undefined> {
  if (!document) return undefined;
  const { text, ids = runner.encode((text ?? '').slice(0, 16 * startTokens)) } = document;
  const most = Math.min(startTokens, runner.facts.summary.contextLength ?? Infinity);
  return runner.prompt({ kind: 'ids', ids: ids.slice(0, most) });
}

export function parametersOf(analysis: Pick<Analysis, 'id' | 'parameters'>, given: ParameterValues): ParameterValues {
  const resolved = resolveTable(analysis.id, analysis.parameters, given);
  if (!resolved.ok) throw refusal(resolved.why);
  return resolved.values;
}

const inputWords: Readonly<Record<AnalysisInput['kind'], string>> = {
  prompt: 'a prompt',
  'prompt-pair': 'a prompt and its counterpart',
  task: 'a task',
  corpus: 'a corpus',
  image: 'a prompt with a picture',
  'image-set': 'a folder of pictures',
  none: 'no input',
};

function promptsOf(input: AnalysisInput): readonly (PromptInput | EncoderInput)[] {
  switch (input.kind) {
    case 'prompt':
      return [input.prompt];
    case 'prompt-pair':
      return [input.prompt, withTargetOf(input.counterpart, input.prompt)];
    case 'image':
      if (input.prompt.image === undefined) throw refusal('No picture is given. Choose a picture for the prompt.');
      return [input.prompt];
    case 'task':
    case 'corpus':
    case 'image-set':
    case 'none':
      return [];
  }
}

/** Undefined where no steps of other documents are kept. */
const otherDocuments = (name: string, steps: number): string | undefined =>
  steps === 0
    ? undefined
    : `${printableLine(name)} has changed since a run of this request was interrupted, so its ${counted(steps, 'finished step is', 'finished steps are')} not used, and this run starts anew.`;

/** Everything that the values of a run's steps depend on, beside the documents of a corpus. */
async function keyOf(
  { stepsOfPictures, sha256 }: RunAnalysis,
  request: AnalysisRequest,
  model: LoadedModel,
  { given, prompts, task }: ReadInput,
): Promise<readonly unknown[]> {
  const stamps = await sourceStamps(request.interventions);
  return [
    request.analysis,
    model.summary.hash,
    model.stamp,
    model.summary.family,
    stepsOfPictures && 'samples' in given ? { ...given, samples: undefined } : given,
    prompts.map(({ ids, source, image }) => [ids, image?.sha256, ...(source ? [source.ids] : [])]),
    Object.fromEntries(Object.entries(request.parameters).filter(([name]) => !stepsOfPictures?.includes(name))),
    request.interventions,
    request.seed,
    ...(sha256 === undefined ? [] : [sha256]),
    // A file that an intervention reads, or of samples or documents, may change between two runs.
    ...(stamps.some((stamp) => stamp !== undefined) ? [stamps] : []),
    ...(task ? [task.samples] : []),
  ];
}

export function resultOf(
  analysis: SaysOf & Pick<Analysis, 'title'>,
  request: AnalysisRequest,
  { model, job, examples = [] }: Pick<Prepared, 'job' | 'examples'> & { readonly model: Pick<LoadedModel, 'summary'> },
  result: Readonly<Record<string, unknown>>,
  made: Pick<
    AnalysisResult,
    'headscope' | 'created' | 'device' | 'settings' | 'seed' | 'parity' | 'stopped' | 'seconds'
  >,
): Promise<AnalysisResult> {
  const run = {
    ...made,
    kind: 'headscope-analysis' as const,
    version: 1 as const,
    analysis: analysis.id,
    title: analysis.title,
    model: model.summary,
    input: request.input,
    prompts: job.input.prompts.length > 0 ? job.input.prompts.map(analysed) : examples,
    parameters: job.parameters,
    interventions: request.interventions,
    ...(request.file && analysis.sha256 !== undefined
      ? { file: { path: request.file.file, sha256: analysis.sha256 } }
      : {}),
    ...(job.input.corpus ? { corpus: corpusReadOf(job.input.corpus) } : {}),
    ...(job.input.task?.file ? { taskFile: job.input.task.file } : {}),
  };
  return withOwn(analysis, run, result);
}

/** A result, with all that its analysis says of it. */
export async function withOwn(
  analysis: SaysOf,
  { offers: _, ...run }: Omit<AnalysisResult, 'finding' | 'result' | 'sections'>,
  result: Readonly<Record<string, unknown>>,
): Promise<AnalysisResult> {
  const { parameters: settings, seed, created, headscope } = run;
  const origin = { method: analysis.id, settings, seed, created, headscope };
  const offers = ((await analysis.offers?.(result)) ?? []).map(({ plan, ...offer }) => ({
    ...offer,
    ...(plan ? { plan: planFrom(run.model, plan, origin) } : {}),
  }));
  return {
    ...run,
    finding: await analysis.finding(result),
    result,
    sections: withModel(await analysis.sections(result), run.model, run.interventions),
    ...(offers.length > 0 ? { offers } : {}),
  };
}

const analysed = ({ text, ids, tokens, source, written, image, chatPrompt }: Prompt): AnalysedPrompt => ({
  text,
  ids,
  tokens,
  ...(source ? { source: { text: source.text, ids: source.ids, tokens: source.tokens } } : {}),
  ...(written === undefined ? {} : { written }),
  ...(image ? { image } : {}),
  ...(chatPrompt ? { chatPrompt } : {}),
});
