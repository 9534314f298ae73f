/** The analysis `labels`: statistics of every head on a prompt, labels with their null models, and what labelled heads are worth. */
import { labelsResult, type LabelsResult } from '../../../protocol/results/labelled-heads';
import type { Analysis } from '../../analysis';
import { attentionMap } from '../../shared/sections/head-maps';
import { compare } from '../../shared/labels/label-compare';
import { headAsked, labelFinding, labelOffers } from '../../../protocol/results/sections/label-finding';
import { requireAnywhere } from '../../shared/labels/label-heads';
import { labelParameters, labelSource } from '../../shared/labels/label-parameters';
import { labelSections } from '../../../protocol/results/sections/labels';
import { measuredRun, statisticsIn, tablesOf, workOf, type Labelling } from '../../shared/labels/measured-run';

// A type and no interface: values are a record.
type Parameters = { readonly [Name in keyof Labelling]: Labelling[Name] };

export const labels: Analysis<Parameters, LabelsResult> = {
  id: 'labels',
  title: 'Labels of heads',
  question: 'Which heads read the previous token, the first token, a repetition, a key; and are they needed?',
  group: 'patterns',
  source: labelSource,
  inputs: ['prompt'],
  readsMaps: true,
  parameters: labelParameters,
  result: labelsResult,
  supports: () => ({ ok: true }),
  estimate: workOf,
  async *run(model, job) {
    const { input, parameters, variant, groups } = job;
    const [prompt] = input.prompts;
    if (!prompt) throw new RangeError('the analysis reads a prompt');
    requireAnywhere(variant);
    const result = yield* measuredRun(model, job, {
      prompt,
      request: { groups },
      labelling: parameters,
      keep: statisticsIn,
      numbersOf: (numbers) => numbers,
      known: (measured) => ({ tokens: prompt.ids.length, ...tablesOf(measured, model.facts.blocks) }),
    });
    const { classes, labelScores } = result;
    if (!classes || !labelScores) throw new RangeError('the heads were not labelled');
    return { ...result, classes, labelScores };
  },
  ask: (model, job, result, question) => attentionMap(model, job, headAsked(result, question), question.section),
  finding: labelFinding,
  sections: labelSections,
  compare,
  offers: labelOffers,
};
