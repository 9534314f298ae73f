/** The analysis `heads`: what every head does on a prompt, in numbers and pictures, and on request its labels. */
import { namedKeysIn } from '../../../protocol/inputs/named-keys';
import { printDo } from '../../../protocol/interventions/do-form';
import { kindOf } from '../../../protocol/interventions/interventions';
import { headsAnalysis, headsMeasured, type HeadsMeasured } from '../../../protocol/results/labelled-heads';
import { refusal } from '../../../protocol/wire/failures';
import type { Analysis, AnalysisJob } from '../../analysis';
import type { Prompt } from '../../model-runner/model-runner';
import { groupProblem, type KeyGroup } from '../../model-runner/sequence';
import { compare } from '../../shared/labels/label-compare';
import { headAsked, labelOffers } from '../../../protocol/results/sections/label-finding';
import { labelSource } from '../../shared/labels/label-parameters';
import { measuredRun, workOf } from '../../shared/labels/measured-run';
import { attentionMap } from '../../shared/sections/attention-map';
import { headsFinding } from '../../../protocol/results/sections/heads-finding';
import { keptLayer, knownOf } from './layers';
import { headsParameters, labellingIn, type HeadsParameters } from './parameters';
import { headInRow, headsSections, lastQueryId } from '../../../protocol/results/sections/heads';

export const heads: Analysis<HeadsParameters, HeadsMeasured> = {
  ...headsAnalysis,
  question: 'What does every head read on this prompt?',
  group: 'patterns',
  source: labelSource,
  inputs: ['prompt'],
  parameters: headsParameters,
  result: headsMeasured,
  supports: () => ({ ok: true }),
  estimate: (facts, input, parameters) => workOf(facts, input, labellingIn(parameters)),
  async *run(model, job) {
    const { input, parameters } = job;
    const [prompt] = input.prompts;
    if (!prompt) throw new RangeError('the analysis reads a prompt');
    const labelling = labellingIn(parameters);
    if (labelling) requireAnywhere(job);
    const { chunk, pictures } = parameters;
    const result = yield* measuredRun(model, job, {
      prompt,
      request: {
        groups: groupsOf(prompt, job),
        topKeys: 'last',
        thumbnails: pictures,
        ...(chunk === 0 ? {} : { chunk }),
      },
      labelling,
      keep: keptLayer,
      numbersOf: ({ numbers }) => numbers,
      known: (layers) => knownOf(layers, prompt, model.facts),
    });
    return { ...result, classes: result.classes ?? [] };
  },
  ask(model, job, result, question) {
    const { section, place } = question;
    const inTable = section === lastQueryId && place.kind === 'row' ? headInRow(result, place.row) : undefined;
    return attentionMap(model, job, inTable ?? headAsked(result, question), section);
  },
  finding: headsFinding,
  sections: headsSections,
  compare,
  offers: labelOffers,
};

/** Those of the prompt, those that were asked for, and those that interventions name. */
function groupsOf(prompt: Prompt, { parameters, groups }: AnalysisJob<HeadsParameters>): readonly KeyGroup[] {
  const asked = namedKeysIn(parameters.groups);
  if ('fault' in asked) {
    throw refusal(
      `"${asked.fault}" is not a group of keys. Write name=from-to, e.g. needle=3-9 for the keys 3 to 9; semicolons stand between several.`,
    );
  }
  const { groups: own = [], ids } = prompt;
  const all = [...own, ...asked, ...groups.slice(own.length)];
  const problem = groupProblem(all, ids.length);
  if (problem !== undefined) throw refusal(problem);
  return all;
}

/** Labels are measured on sequences of their own, on which a change at positions of the prompt would be another one. */
function requireAnywhere({ interventions = [] }: AnalysisJob<HeadsParameters>): void {
  const here = interventions.find((one) => !kindOf(one).anywhere(one));
  if (!here) return;
  throw refusal(
    `"${printDo(here)}" acts on positions of this prompt, and labels are measured on other sequences. Leave it out, or take no labels (--no-classify).`,
  );
}
