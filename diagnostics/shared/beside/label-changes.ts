/** Labels of heads of a model and of one beside it, and the heads whose labels differ. */
import type { Output } from '../../../protocol/schema/check';
import { figure, list, object, oneOf, whole } from '../../../protocol/schema/fields';
import { crossLabels, crossLabelWords, type CrossHeads, type CrossLabel } from '../../../protocol/results/cross-heads';
import { headLabels } from '../../../protocol/results/heads';
import { labelWords } from '../../../protocol/results/head-words';
import type { LabelledResult } from '../../../protocol/results/labelled-heads';
import * as build from '../../../protocol/sections/builders';
import { FailureError } from '../../../protocol/wire/failures';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Stack } from '../../../protocol/sections/section-base';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { crossLayerOf, crossMapsOf, crossOf, textsOf } from '../cross-attention/cross-layer';
import { titleIn } from '../effects/change-grids';
import { changedLabels } from '../labels/label-compare';
import { requireAnywhere } from '../labels/label-heads';
import { usualNullSequences } from '../labels/label-run';
import { measuredRun, statisticsIn, tablesOf } from '../labels/measured-run';

const changesAmong = <Label extends string>(all: readonly [Label, ...Label[]]) => {
  const labels = list(oneOf(all), 'a list of labels');
  return object({
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
};

export const labelChanges = changesAmong(headLabels);
export type LabelChanges = Output<typeof labelChanges>;

/** The same of heads of cross-attention. */
export const crossLabelChanges = changesAmong(crossLabels);
export type CrossLabelChanges = Output<typeof crossLabelChanges>;

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
  prompt: Sequence,
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

/** What the cross-attention of a model reads of a source: numbers and labels. */
export async function crossLabelled(model: ModelRunner, prompt: Sequence, variant: Variant): Promise<CrossHeads> {
  const { facts } = model;
  const { layers } = await model.run({
    ...prompt,
    variants: [variant],
    statistics: true,
    crossMaps: crossMapsOf(facts, prompt),
    logits: 'none',
  });
  const texts = textsOf(facts, prompt);
  const read = layers.map(({ layer, cross }) => {
    const heads = facts.blocks[layer]?.cross?.heads;
    return cross && heads !== undefined ? crossLayerOf(cross, heads, texts, false) : undefined;
  });
  return crossOf(read, facts, texts);
}

export function crossLabelChangesOf(own: CrossHeads, beside: CrossHeads): CrossLabelChanges {
  const keyOf = ({ layer, head }: HeadPlace): string => `${layer}.${head}`;
  const labelsIn = ({ classes }: CrossHeads, key: string) =>
    crossLabels.filter((label) => classes.some((one) => one.label === label && keyOf(one) === key));
  const heads = ({ classes }: CrossHeads): ReadonlySet<string> => new Set(classes.map(keyOf));
  const changed = [...new Set([...heads(own), ...heads(beside)])].flatMap((key) => {
    const [has, had] = [labelsIn(own, key), labelsIn(beside, key)];
    const [layer = 0, head = 0] = key.split('.').map(Number);
    const scoreIn = ({ statistics }: CrossHeads, label: CrossLabel): number =>
      statistics[crossLabelWords[label].of]?.[layer]?.[head] ?? Number.NaN;
    const changes = crossLabels
      .filter((label) => has.includes(label) !== had.includes(label))
      .map((label) => scoreIn(own, label) - scoreIn(beside, label))
      .sort((a, b) => Math.abs(b) - Math.abs(a));
    const [change] = changes;
    return change === undefined ? [] : [{ layer, head, own: has, beside: had, change }];
  });
  changed.sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || a.layer - b.layer || a.head - b.head);
  return { own: heads(own).size, beside: heads(beside).size, changed };
}

const words = (of: readonly string[], named: Readonly<Record<string, { readonly title: string }>>): string =>
  of.map((label) => named[label]?.title ?? label).join(', ') || '–';

/** `names`: what the columns of the two are called; `stack`: absent for heads of the model itself. */
export const labelTable = (
  { own, beside, changed }: LabelChanges | CrossLabelChanges,
  names: { readonly own: string; readonly beside: string },
  stack?: Stack,
) => {
  const named = stack === 'cross' ? crossLabelWords : labelWords;
  const rows: readonly Changed[] = changed;
  return build.table(
    stack === undefined ? 'changed-labels' : `changed-labels-${stack}`,
    titleIn(stack, 'Heads whose labels changed'),
    `${own} heads have a label here, ${beside} in the other model. A small change can move a score across its threshold, so look at the change of the score too.`,
    rows,
    [
      build.head(),
      build.text('beside', names.beside, ({ beside: of }: Changed) => words(of, named)),
      build.text('own', names.own, ({ own: of }: Changed) => words(of, named)),
      build.number('change', 'Change of score', 'Of the labels that came or went, the score that changed most.'),
    ],
    { empty: 'No label changed.' },
  );
};

type Changed = LabelChanges['changed'][number] | CrossLabelChanges['changed'][number];
