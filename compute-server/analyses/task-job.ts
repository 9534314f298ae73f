/** Samples of a task; with a model, how it does on them. */
import type { Draft, Sample } from '../../diagnostics/tasks/task';
import { taskSamples, taskTexts, type TaskSamples } from '../../diagnostics/tasks/read-task';
import { analyses } from '../../diagnostics/catalogue';
import { accuracyOf, scoredPrompt } from '../../diagnostics/shared/accuracy/scored-prompts';
import { scoring } from '../../diagnostics/shared/accuracy/score';
import { meanInterval } from '../../diagnostics/shared/statistics/proportion';
import type { TaskCode } from '../../diagnostics/tasks/task-code';
import { TaskTokens } from '../../diagnostics/tasks/task-tokens';
import type { AnsweredSample, OwnScoreMean, SampleView, TaskProgress, TaskResult } from '../../protocol/analysis/tasks';
import type { TaskRequest } from '../../protocol/analysis/schema';
import { FailureError } from '../../protocol/wire/failures';
import type { Job } from '../dispatch/dispatcher';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { requireParity } from '../model/checkpoint/parity';
import { StepStore, stepFolders } from './step-store';
import { provenance } from '../provenance';
import type { Surroundings } from '../surroundings';
import { openOwnTask } from '../own-analyses/own-task';
import { ServerRunner } from '../runner/runner';
import { taskSurroundings } from '../runner/task-surroundings';

export interface TaskRun {
  /** Absent: the prompts as text alone. */
  readonly opened?: LoadedModel;
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal;
}

export async function* taskJob(run: TaskRun, request: TaskRequest): Job<TaskProgress, TaskResult> {
  const code = request.taskFile && (await openOwnTask(request.taskFile, run.signal));
  try {
    return yield* taskRun(run, request, code);
  } finally {
    code?.end();
  }
}

async function* taskRun(
  { opened, surroundings, signal }: TaskRun,
  request: TaskRequest,
  code: TaskCode | undefined,
): Job<TaskProgress, TaskResult> {
  const stage = (sentence: string, done = 0): TaskProgress => ({ sentence, done, total: request.samples });
  const began = performance.now();
  yield stage('Making the prompts');
  const made = await provenance({ ...request.parameters }, request.seed, surroundings.defaultThreads);
  const resultOf = <S>({ task, parameters, notes, file }: TaskSamples<S>) => ({
    ...made,
    task: task.id,
    title: task.title,
    source: task.source,
    parameters,
    notes,
    ...(file ? { taskFile: file } : {}),
  });
  if (!opened) {
    const drawn = await taskTexts(request, taskSurroundings(signal, code));
    return { ...resultOf(drawn), metric: { name: drawn.task.metric }, samples: drawn.samples.map(viewOfDraft) };
  }
  if (opened.source) {
    const { name } = opened.summary;
    const detail = `${name} is an encoder-decoder: it reads a source and a target, and a task has prompts of one text. Choose a model that continues a text.`;
    throw new FailureError({ code: 'unsupported', detail });
  }
  const runner = new ServerRunner(opened, opened, surroundings, signal);
  const drawn = await taskSamples(request, await TaskTokens.of(runner), taskSurroundings(signal, code));
  const [first] = drawn.samples;
  if (first) {
    yield stage('Checking the instrumented run against the plain model');
    await requireParity(opened, first.prompt, { signal });
  }
  const steps = new StepStore(stepFolders(request.keepIn, surroundings.cacheFolder), [
    'task',
    drawn.task.id,
    opened.summary.hash,
    opened.stamp,
    opened.weightsHeld,
    surroundings.modelDevice,
    drawn.task.metric,
    drawn.samples.map(({ prompt, answers }) => [prompt.ids, answers]),
  ]);
  await steps.open();
  const { part } = request;
  const scores = scoring(runner, drawn.samples, drawn.task.metric, undefined, {
    part,
    step: (key, act) =>
      steps.step(key, async () => {
        const value = await act();
        // What other weights gave is not kept as what these would give.
        await opened.requireUnchanged();
        return value;
      }),
  });
  for (;;) {
    signal.throwIfAborted();
    const step = await scores.next();
    if (!step.done) {
      yield { sentence: 'Running the prompts', ...step.value };
      continue;
    }
    const [score] = step.value;
    if (!score) throw new RangeError('there is no score');
    const answered = drawn.samples.map((sample, at): SampleView => {
      const own = score.samples[at];
      return { ...viewOf(sample), ...(own ? { score: own } : {}) };
    });
    const { samples, ownScore } = await scoredByCode(code, answered);
    if (!part) await steps.remove();
    return {
      ...resultOf(drawn),
      device: await opened.device(),
      weights: opened.weightsHeld,
      model: opened.summary,
      accuracy: score.accuracy,
      metric: score.metric,
      samples,
      ...(ownScore ? { ownScore } : {}),
      ...(part ? {} : asAnalysis(drawn, samples, ownScore)),
      seconds: (performance.now() - began) / 1000,
    };
  }
}

/** The number that a task file gives each prompt, and their mean. */
async function scoredByCode(
  code: TaskCode | undefined,
  samples: readonly SampleView[],
): Promise<{ readonly samples: readonly SampleView[]; readonly ownScore?: OwnScoreMean }> {
  if (!code?.score) return { samples };
  const values = await code.scores(samples.filter(isAnswered));
  let next = 0;
  return {
    samples: samples.map((sample) => (isAnswered(sample) ? { ...sample, ownScore: values[next++]! } : sample)),
    ownScore: { ...code.score, ...meanInterval(values) },
  };
}

const isAnswered = (sample: SampleView): sample is AnsweredSample => sample.score !== undefined;

/** As the analysis that scores prompts shows them. */
function asAnalysis(
  { task, samples, notes }: TaskSamples<Sample>,
  answered: readonly SampleView[],
  ownScore: OwnScoreMean | undefined,
): Pick<TaskResult, 'finding' | 'scored'> {
  const analysis = analyses.find(({ id }) => id === 'task-accuracy');
  if (!analysis) return {};
  const prompts = samples.flatMap((sample, at) => {
    const { score, ownScore: own } = answered[at] ?? {};
    return score ? [{ ...scoredPrompt(sample, score, task.metric), ...(own === undefined ? {} : { own }) }] : [];
  });
  const result = { ...accuracyOf(task, prompts, notes, samples.length), ...(ownScore ? { own: ownScore } : {}) };
  const { id, title } = analysis;
  return {
    finding: analysis.finding(result),
    scored: { analysis: id, title, result, sections: analysis.sections(result) },
  };
}

export function viewOf({ prompt, counterpart, answers, counterpartAnswers, facts, roles }: Sample): SampleView {
  return {
    prompt: prompt.text,
    counterpart: counterpart?.text ?? null,
    answers: answers.texts,
    ...(counterpartAnswers ? { counterpartAnswers: counterpartAnswers.texts } : {}),
    facts,
    ids: prompt.ids,
    ...(counterpart ? { counterpartIds: counterpart.ids } : {}),
    roles,
  };
}

/** Drafts of ids need a model: there are none without one. */
function viewOfDraft(draft: Draft): SampleView {
  if (draft.kind === 'ids') throw new RangeError('a draft of token ids has no text');
  const { text, counterpart = null, answers, counterpartAnswers, facts } = draft;
  return {
    prompt: text,
    counterpart,
    answers,
    ...(counterpartAnswers ? { counterpartAnswers } : {}),
    facts,
  };
}
