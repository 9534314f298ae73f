/** Labels of heads of a model and of one beside it, and the heads whose labels differ. */
import type { Output } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, whole } from '../../../protocol/schema/fields';
import { headLabels } from '../../../protocol/results/heads';
import { labelWords } from '../../../protocol/results/head-words';
import type { LabelledResult } from '../../../protocol/results/labelled-heads';
import * as build from '../../../protocol/sections/builders';
import { FailureError } from '../../../protocol/wire/failures';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { changedLabels } from '../labels/label-compare';
import { requireAnywhere } from '../labels/label-heads';
import { usualNullSequences } from '../labels/label-run';
import { measuredRun, statisticsIn, tablesOf } from '../labels/measured-run';

const labels = list(oneOf(headLabels), 'a list of labels');

export const labelChanges = object({
  /** Heads that have a label. */
  own: whole,
  beside: whole,
  changed: list(
    object({
      layer: whole,
      head: whole,
      beside: labels,
      own: labels,
      /** The largest change of a score, among those of the labels that came or went. */
      change: figure,
    }),
    'a list of heads',
  ),
});
export type LabelChanges = Output<typeof labelChanges>;

type Job = Pick<AnalysisJob<ParameterValues>, 'variant' | 'seed' | 'step' | 'groups'>;

/** Why interventions leave no labels; undefined where they do. */
export function unlabelled({ variant }: Pick<AnalysisJob<ParameterValues>, 'variant'>): string | undefined {
  try {
    requireAnywhere(variant);
    return undefined;
  } catch (error) {
    if (error instanceof FailureError && 'detail' in error.failure) return error.failure.detail;
    throw error;
  }
}

/** The labels of one of the two: `name` tells its steps from those of the other. */
export async function* labelled(
  model: ModelRunner,
  name: string,
  prompt: Pick<Prompt, 'ids'> & Partial<Prompt>,
  { variant, seed, step, groups }: Job,
): AsyncGenerator<Step<object>, LabelledResult> {
  const run = measuredRun(
    model,
    { variant, seed, step: (key, act) => step(`labels ${name} ${key}`, act) },
    {
      prompt: prompt as Prompt,
      request: { groups },
      labelling: { causal: false, nullSequences: usualNullSequences },
      keep: statisticsIn,
      numbersOf: (numbers) => numbers,
      known: (measured) => ({ tokens: prompt.ids.length, ...tablesOf(measured, model.facts.blocks) }),
    },
  );
  for (;;) {
    const next = await run.next();
    if (!next.done) {
      const { sentence, done, total } = next.value;
      yield { sentence, done, total };
      continue;
    }
    const { classes, labelScores, ...rest } = next.value;
    if (!classes || !labelScores) throw new RangeError('the heads were not labelled');
    return { ...rest, classes, labelScores };
  }
}

export function labelChangesOf(own: LabelledResult, beside: LabelledResult): LabelChanges {
  const heads = ({ classes }: LabelledResult): number =>
    new Set(classes.map(({ layer, head }) => `${layer}.${head}`)).size;
  return {
    ...{ own: heads(own), beside: heads(beside) },
    changed: changedLabels(beside, own).map(({ layer, head, had, has, change }) => ({
      ...{ layer, head, change },
      ...{ beside: [...had], own: [...has] },
    })),
  };
}

const words = (of: readonly (typeof headLabels)[number][]): string =>
  of.map((label) => labelWords[label].title).join(', ') || '–';

/** `names`: what the columns of the two are called. */
export const labelTable = (
  { own, beside, changed }: LabelChanges,
  names: { readonly own: string; readonly beside: string },
) =>
  build.table(
    'changed-labels',
    'Heads whose labels changed',
    `${own} heads have a label here, ${beside} in the other model. A small change can move a score across its threshold, so look at the change of the score too.`,
    changed,
    [
      build.head(),
      build.text('beside', names.beside, ({ beside: of }: LabelChanges['changed'][number]) => words(of)),
      build.text('own', names.own, ({ own: of }: LabelChanges['changed'][number]) => words(of)),
      build.number('change', 'Change of score', 'Of the labels that came or went, the score that changed most.'),
    ],
    { empty: 'No label changed.' },
  );
