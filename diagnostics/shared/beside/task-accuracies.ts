/** How a model and one beside it do on the same prompts of a task. */
import type { Output } from '../../../protocol/schema/check';
import { figure, object, text, whole } from '../../../protocol/schema/fields';
import * as build from '../../../protocol/sections/builders';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { AnalysisJob, ReadInput, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { share, shareOf } from '../accuracy/fact-shares';
import { scoreTask } from '../accuracy/score';
import { pairedProportions } from '../statistics/over-pictures';

export const taskAccuracies = object({
  task: text,
  /** Shares of prompts that are answered, each with Wilson's 95 % interval. */
  own: share,
  beside: share,
  /** `own` less `beside`, with the 95 % score interval of paired proportions (Tango 1998). */
  change: object({ difference: figure, low: figure, high: figure }),
  /** Prompts that only one of the two answers. */
  gained: whole,
  lost: whole,
});
export type TaskAccuracies = Output<typeof taskAccuracies>;

/** Prompts of one step. */
const ofOneStep = 32;

export async function* accuracies(
  model: ModelRunner,
  beside: ModelRunner,
  { task: { title, metric }, samples }: NonNullable<ReadInput['task']>,
  { variant, step }: Pick<AnalysisJob<ParameterValues>, 'variant' | 'step'>,
): AsyncGenerator<Step<object>, TaskAccuracies> {
  const both: { correct: boolean }[][] = [[], []];
  for (let from = 0; from < samples.length; from += ofOneStep) {
    yield { sentence: `Prompt ${from + 1} of ${samples.length} of the task`, done: from, total: samples.length };
    const some = samples.slice(from, from + ofOneStep);
    for (const [at, of] of [model, beside].entries()) {
      both[at]?.push(
        ...(await step(`task ${at === 0 ? 'own' : 'beside'} ${from}`, async () => {
          const [score] = await scoreTask(of, some, metric, [variant]);
          return (score?.samples ?? []).map(({ correct }) => ({ correct }));
        })),
      );
    }
  }
  const [own = [], other = []] = both;
  const only = (a: readonly { correct: boolean }[], b: readonly { correct: boolean }[]): number =>
    a.filter(({ correct }, at) => correct && b[at]?.correct === false).length;
  const [gained, lost] = [only(own, other), only(other, own)];
  const { difference, low, high } = pairedProportions(samples.length, gained, lost);
  return {
    ...{ task: title, own: shareOf(own), beside: shareOf(other), change: { difference, low, high }, gained, lost },
  };
}

/** `names`: of the rows of the two. */
export const accuracyTable = (
  { task, own, beside, change, gained, lost }: TaskAccuracies,
  names: { readonly own: string; readonly beside: string },
) =>
  build.cellTable(
    'accuracy',
    'Task accuracy',
    `${task}: the share of ${own.n} prompts that are answered correctly. ${gained} are answered only here, ${lost} only by the other model. 95 % intervals: Wilson's, and for the change that of paired proportions (Tango 1998).`,
    [
      build.text('model', 'Model'),
      build.number('value', 'Accuracy', 'Share of prompts that are answered correctly.'),
      build.number('low', 'Low', 'Lower end of the 95 % interval.'),
      build.number('high', 'High', 'Upper end of the 95 % interval.'),
    ],
    [
      [names.beside, beside.value, beside.low, beside.high],
      [names.own, own.value, own.low, own.high],
      ['Change', change.difference, change.low, change.high],
    ],
  );
