/** The prompts on which effects are measured, and the questions that give the metric on each. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, ReadInput } from '../../analysis';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { namedToken } from '../../model-runner/named-token';
import { predictedRows } from '../../model-runner/predicted-rows';
import type { AskedRow, RowAnswer } from '../../model-runner/run-request';
import type { Sequence } from '../../model-runner/sequence';
import { TaskTokens } from '../../tasks/task-tokens';
import { similarity } from '../../model-runner/readout';
import { comparesTwo, isMetric, metricOf, type MetricParameters } from './metric';
import { measuredReadout, readoutSubject } from './readout-subject';

/** What one value of the metric belongs to, and so what intervals are taken over. */
type Unit = 'prompt' | 'token';

export interface Subject {
  readonly sequence: Sequence;
  readonly counterpart?: Sequence;
  /** One for each value of the metric. */
  readonly asked: readonly AskedRow[];
  /** How many of the tokens of each question are right; they stand first. */
  readonly right: number;
  /** For a similarity: the embedding that the prompt's is compared with; nothing is asked of the next token. */
  readonly embedding?: Float64Array;
  /** By role, token positions; of a task. */
  readonly roles: Readonly<Record<string, readonly number[]>>;
}

export interface Subjects {
  readonly subjects: readonly Subject[];
  readonly metric: EffectMetric;
  readonly unit: Unit;
  /** Where the right and the wrong answer are no tokens: what they are called. */
  readonly answers?: { readonly right: string; readonly wrong?: string };
}

type Job = Pick<AnalysisJob<Record<never, never>>, 'input' | 'groups'>;

/** Fails with a sentence where the metric needs answers that are not there. */
export async function subjectsOf(
  model: ModelRunner,
  { input, groups }: Job,
  parameters: MetricParameters,
  /** For a similarity without a text of its own: what the prompt is compared with; absent: its counterpart. */
  compared?: Sequence,
): Promise<Subjects> {
  const readout = measuredReadout(model, parameters);
  if (input.task && readout)
    throw refusal(
      'A task asks for the next token, which this model does not predict. Give a prompt, with its counterpart where two are compared.',
    );
  if (input.task) return ofTask(input.task, parameters);
  const [prompt, counterpart] = input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt or a task');
  if (readout) {
    const { metric, answers, ...found } = await readoutSubject(
      model,
      readout,
      prompt,
      parameters,
      compared ?? counterpart,
    );
    const both = {
      sequence: { ...prompt, groups },
      ...(counterpart ? { counterpart: { ...counterpart, groups } } : {}),
    };
    return { subjects: [{ ...both, ...found, right: 1, roles: {} }], metric, unit: 'prompt', answers };
  }
  const right = await tokenOf(model, prompt, parameters.answer);
  const wrong = await tokenOf(model, prompt, parameters.against);
  if (right === undefined && wrong !== undefined) {
    throw refusal('A wrong answer is given and no right one. Give `answer` too, or leave `against` out.');
  }
  if (right !== undefined && right === wrong) {
    throw refusal('`answer` and `against` are the same token, so their difference is 0. Name two tokens.');
  }
  const metric = isMetric(parameters.metric)
    ? parameters.metric
    : wrong !== undefined
      ? 'logit-difference'
      : right === undefined
        ? 'loss'
        : 'probability';
  if (comparesTwo(metric) && wrong === undefined) {
    throw refusal(
      'A difference needs a right and a wrong token. Give `answer` and `against`, or choose another metric.',
    );
  }
  const shared = {
    sequence: { ...prompt, groups },
    ...(counterpart ? { counterpart: { ...counterpart, groups } } : {}),
    right: 1,
    roles: {},
  };
  const last = prompt.ids.length - 1;
  if (right !== undefined) {
    const tokens = wrong === undefined ? [right] : [right, wrong];
    return { subjects: [{ ...shared, asked: [{ row: last, tokens }] }], metric, unit: 'prompt' };
  }
  const asked = predictedRows(prompt).map((row) => ({ row, tokens: [prompt.ids[row + 1] ?? 0] }));
  if (asked.length === 0) {
    throw refusal('A prompt of one token predicts none of its own. Give a longer one, or an `answer`.');
  }
  return { subjects: [{ ...shared, asked }], metric, unit: 'token' };
}

function ofTask(
  { task, samples }: NonNullable<ReadInput['task']>,
  { metric: chosen, answer, against }: MetricParameters,
): Subjects {
  if (answer !== '' || against !== '') {
    throw refusal('A task has answers of its own. Leave `answer` and `against` out.');
  }
  const metric = isMetric(chosen) ? chosen : task.metric;
  const lacking = samples.findIndex(({ answers }) => answers.wrong.length === 0);
  if (comparesTwo(metric) && lacking >= 0) {
    throw refusal(
      `Prompt ${lacking + 1} of ${task.title} has no wrong answer, and a difference needs one. Choose another metric.`,
    );
  }
  const subjects = samples.map(({ prompt, counterpart, answers, roles }): Subject => ({
    sequence: prompt,
    ...(counterpart ? { counterpart } : {}),
    asked: [{ row: prompt.ids.length - 1, tokens: [...answers.right, ...answers.wrong] }],
    right: answers.right.length,
    roles,
  }));
  return { subjects, metric, unit: 'prompt' };
}

/** A token that a person names behind a prompt; undefined where none is named. */
async function tokenOf(model: ModelRunner, { text, source }: Prompt, named: string): Promise<number | undefined> {
  if (named === '' || text === null) return namedToken(model, named);
  // What a tokenizer puts around a source says nothing of a target.
  const tokens = source ? TaskTokens.plain(model) : await TaskTokens.of(model);
  return namedToken(model, named, (answer) => tokens.behind(text, answer));
}

/** The metric for each variant, [variants][values]. */
export async function measured(
  model: ModelRunner,
  sequence: Sequence,
  { asked, right, embedding }: Pick<Subject, 'asked' | 'right' | 'embedding'>,
  metric: EffectMetric,
  variants: readonly Variant[],
): Promise<readonly (readonly number[])[]> {
  if (embedding) {
    const found = (await model.readout?.embeddings(sequence, variants)) ?? [];
    return found.map((own) => [similarity(own, embedding)]);
  }
  const answers = await model.answers(sequence, asked, variants);
  const value = (answer: RowAnswer, at: number): number => metricOf(metric, answer, asked[at]?.tokens ?? [], right);
  return answers.map((own) => own.map(value));
}
