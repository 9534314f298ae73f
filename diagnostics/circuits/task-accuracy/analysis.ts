/** The analysis `task-accuracy`: the prompts of a task with their counterparts, and how a model does on them. */
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sample } from '../../tasks/task';
import { scoreTask } from '../../shared/accuracy/score';
import { compareAccuracy } from './comparison';
import {
  accuracyOf,
  scoredPrompt,
  taskAccuracyResult,
  type PromptScore,
  type TaskAccuracyResult,
} from '../../shared/accuracy/scored-prompts';
import { promptSection } from './prompt-section';
import { metricWords } from '../../shared/effects/metric';
import { promptSections } from './sections';
import { percent } from '../../../protocol/wire/number-words';
import * as field from '../../../kernels/parameters';

const given = ['prompts', 'counterparts'] as const;

export type TaskAccuracyParameters = { readonly of: string };

/** Prompts of one step: a run that was stopped goes on behind the last step. */
const ofOneStep = 32;

export const taskAccuracy: Analysis<TaskAccuracyParameters, TaskAccuracyResult> = {
  id: 'task-accuracy',
  title: 'Task accuracy',
  question: 'Which prompts of a task does the model answer, and how surely?',
  group: 'circuits',
  source: {
    reference: 'the source of each task: docs/tasks.md',
    trust: 'high',
    note: 'Intervals: Wilson for the accuracy, Student for the mean of the metric, over prompts.',
  },
  inputs: ['task'],
  parameters: {
    of: field.choice('Answer', 'The prompts, or their counterparts with the answers of these.', {
      options: given,
      default: 'prompts',
    }),
  },
  result: taskAccuracyResult,
  recurrent: true,
  supports: ({ predicts }) =>
    predicts
      ? { ok: true }
      : {
          ok: false,
          why: 'The model predicts no next token, so it cannot answer a task. Choose a model with a language head.',
        },
  // The logits of the rows of a step are held by the run, which counts them itself.
  estimate: (_, { task }) => ({ passes: task?.samples.length ?? 0, bytes: 0 }),
  run,
  finding,
  sections: promptSections,
  compare: compareAccuracy,
  ask(model, { input, parameters }, _, { place }) {
    const sample = place.kind === 'row' ? samplesOf(input.task?.samples ?? [], parameters)[place.row] : undefined;
    if (!sample) throw new RangeError('there is no such prompt');
    return Promise.resolve(promptSection(model, sample, input.task?.task.roles ?? {}));
  },
};

/** What is scored: the prompts, or the counterparts that have a right answer of their own. */
function samplesOf(samples: readonly Sample[], { of }: TaskAccuracyParameters): readonly Sample[] {
  if (of === 'prompts') return samples;
  return samples.flatMap((sample) =>
    sample.counterpart && sample.counterpartAnswers
      ? {
          ...sample,
          prompt: sample.counterpart,
          counterpart: sample.prompt,
          answers: sample.counterpartAnswers,
          counterpartAnswers: sample.answers,
        }
      : [],
  );
}

async function* run(
  model: ModelRunner,
  { input: { task: read }, parameters, variant, step }: AnalysisJob<TaskAccuracyParameters>,
): AsyncGenerator<Step<TaskAccuracyResult>, TaskAccuracyResult> {
  if (!read) throw new RangeError('a task is needed');
  const { task, samples: drawn, notes } = read;
  const samples = samplesOf(drawn, parameters);
  const left = drawn.length - samples.length;
  const said =
    left > 0 ? [...notes, `${left} counterparts have no right answer of their own and are left out.`] : notes;
  const scored: PromptScore[] = [];
  const soFar = (): TaskAccuracyResult => accuracyOf(task, scored, said, samples.length);
  for (let from = 0; from < samples.length; from += ofOneStep) {
    const some = samples.slice(from, from + ofOneStep);
    yield {
      sentence: `Prompt ${from + 1} of ${samples.length}`,
      done: from,
      total: samples.length,
      ...(from === 0 ? {} : { partial: soFar() }),
    };
    const scores = await step(`prompts ${from}`, async () => {
      const [score] = await scoreTask(model, some, task.metric, [variant]);
      return score?.samples ?? [];
    });
    scores.forEach((score, at) => {
      const sample = some[at];
      if (!sample) return;
      scored.push(scoredPrompt(sample, score, task.metric));
    });
  }
  return soFar();
}

function finding({ title, accuracy, mean, metric, total }: Partial<TaskAccuracyResult>): string {
  if (!accuracy || accuracy.n === 0) return 'No prompt was answered yet.';
  const of = total !== undefined && total > accuracy.n ? ` of ${total}` : '';
  const { value, low, high, n } = accuracy;
  const words = `${title ?? 'The task'}: ${percent(value)} of ${n}${of} prompts are answered (95 % interval ${percent(low)} to ${percent(high)}).`;
  if (!mean || metric === undefined || metric === 'accuracy' || Number.isNaN(mean.mean)) return words;
  const { name, unit } = metricWords[metric];
  return `${words} The mean ${name} is ${mean.mean.toPrecision(3)}${unit === '' ? '' : ` ${unit}`}.`;
}
