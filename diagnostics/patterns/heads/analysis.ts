/** The analysis `heads`: what every head does on a prompt, in numbers and pictures, and on request its labels. */
import { namedKeysIn } from '../../../protocol/inputs/named-keys';
import { printDo } from '../../../protocol/interventions/do-form';
import { kindOf } from '../../../protocol/interventions/interventions';
import {
  headsAnalysis,
  headsMeasured,
  type HeadsMeasured,
  type StackMeasured,
} from '../../../protocol/results/labelled-heads';
import { refusal } from '../../../protocol/wire/failures';
import type { Analysis, AnalysisJob } from '../../analysis';
import type { ModelFacts, ModelRunner, Prompt } from '../../model-runner/model-runner';
import { groupProblem, type KeyGroup } from '../../model-runner/sequence';
import { compare } from './compare';
import { headAsked, labelOffers } from '../../../protocol/results/sections/label-finding';
import type { LabelledHeads } from '../../shared/labels/label-heads';
import { labelSource } from '../../shared/labels/label-parameters';
import { measuredRun, workOf } from '../../shared/labels/measured-run';
import { routedBlocks, routerTapsOf } from '../../shared/routed-experts';
import { crossId, encoderId, encoderLabelledId } from '../../../protocol/results/sections/cross-heads';
import { attentionMap, crossMap, effectiveMap } from '../../shared/sections/head-maps';
import { effectiveId } from '../../../protocol/results/sections/effective';
import { headsFinding } from '../../../protocol/results/sections/heads-finding';
import { crossMapsOf, crossOf, textsOf } from '../../shared/cross-attention/cross-layer';
import { effectiveOf, measuresEffective } from './effective';
import { keptLayer, knownOf, type KeptLayer } from './layers';
import { headsParameters, labellingIn, type HeadsParameters } from './parameters';
import { headInRow, headsSections, lastQueryId } from '../../../protocol/results/sections/heads';

export const heads: Analysis<HeadsParameters, HeadsMeasured> = {
  ...headsAnalysis,
  question: 'What does every head read on this prompt?',
  group: 'patterns',
  source: labelSource,
  inputs: ['prompt'],
  readsMaps: true,
  sources: 'also',
  parameters: headsParameters,
  result: headsMeasured,
  recurrent: true,
  supports: () => ({ ok: true }),
  estimate: (facts, input, parameters) => workOf(facts, input, labellingIn(parameters)),
  async *run(model, job) {
    const { input, parameters } = job;
    const [prompt] = input.prompts;
    if (!prompt) throw new RangeError('the analysis reads a prompt');
    const labelling = labellingIn(parameters);
    if (labelling) requireAnywhere(job);
    const { chunk, pictures } = parameters;
    const request = { topKeys: 'last', thumbnails: pictures, ...(chunk === 0 ? {} : { chunk }) } as const;
    const own = measuredRun(model, job, {
      prompt,
      request: {
        ...request,
        groups: groupsOf(prompt, job),
        taps: routerTapsOf(routedBlocks(model.facts)),
        crossMaps: crossMapsOf(model.facts, prompt),
        effective: measuresEffective(model.facts, prompt.ids.length),
      },
      labelling,
      keep: keptLayer(model.facts, textsOf(model.facts, prompt)),
      numbersOf: ({ numbers }) => numbers,
      known: (layers) => decoderOf(layers, prompt, model.facts),
    });
    const encoder = model.source();
    const { source } = prompt;
    const measured = withClasses(yield* own);
    const readout = await job.step('readout', () => readoutFor(model, prompt, job));
    const decoder = { ...measured, ...(readout ? { readout } : {}) };
    if (!encoder || !source) return decoder;
    const beside = measuredRun(
      encoder,
      { ...job, variant: source.variant ?? [] },
      {
        prompt: source,
        request: { ...request, groups: source.variantGroups ?? [], taps: routerTapsOf(routedBlocks(encoder.facts)) },
        labelling: labelling && { ...labelling, causal: false },
        keep: keptLayer(encoder.facts, textsOf(encoder.facts, source)),
        numbersOf: ({ numbers }) => numbers,
        known: (layers) => knownOf(layers, source, encoder.facts),
        beside: 'encoder',
      },
    );
    for (;;) {
      const step = await beside.next();
      if (step.done) return { ...decoder, encoder: withClasses(step.value) };
      const { partial, ...at } = step.value;
      // What is known of some layers has all fields of the whole, but for labels.
      const known = partial?.statistics ? { encoder: withClasses(partial as StackMeasured) } : {};
      yield { ...at, partial: { ...decoder, ...known } };
    }
  },
  ask(model, job, result, question) {
    const { section, place } = question;
    if (section === effectiveId) return effectiveMap(model, job, headAsked(result, question), section);
    const inTable = section === lastQueryId && place.kind === 'row' ? headInRow(result, place.row) : undefined;
    if (section === crossId && place.kind === 'head') return crossMap(model, job, place, section);
    const [{ source }, encoder] = [job.input.prompts[0] ?? {}, model.source()];
    if ((section === encoderId || section === encoderLabelledId) && encoder && source && result.encoder) {
      const asked = headAsked(result.encoder, { ...question, section: section === encoderId ? 'heads' : 'labelled' });
      const read = {
        ...job,
        input: { ...job.input, prompts: [source] },
        variant: source.variant ?? [],
        groups: source.variantGroups ?? [],
      };
      return attentionMap(encoder, read, asked, section);
    }
    return attentionMap(model, job, inTable ?? headAsked(result, question), section);
  },
  finding: headsFinding,
  sections: headsSections,
  compare,
  offers: labelOffers,
};

/** What the model says of the prompt under the interventions; undefined where it says nothing but the next token. */
async function readoutFor(
  { readout }: ModelRunner,
  prompt: Prompt,
  { variant, groups }: AnalysisJob<HeadsParameters>,
): Promise<HeadsMeasured['readout']> {
  if (!readout) return undefined;
  const sequence = { ...prompt, groups };
  const { labels, embedding } = readout;
  const [rows = []] = labels ? await readout.logits(sequence, [variant]) : [];
  const [vector] = embedding ? await readout.embeddings(sequence, [variant]) : [];
  return {
    ...(labels ? { labels: { ...labels, logits: rows.map((row) => [...row]) } } : {}),
    ...(embedding && vector ? { embedding: { made: embedding.made, values: [...vector] } } : {}),
  };
}

/** A result without labels has an empty list of them. */
const withClasses = <Result extends Partial<LabelledHeads>>(result: Result) => ({
  ...result,
  classes: result.classes ?? [],
});

/** With the cross-attention of a decoder that reads a source. */
function decoderOf(layers: readonly KeptLayer[], prompt: Prompt, facts: ModelFacts) {
  const own = { ...knownOf(layers, prompt, facts), ...effectiveOf(layers, facts, prompt.ids.length) };
  if (!prompt.source) return own;
  return {
    ...own,
    cross: crossOf(
      layers.map(({ cross }) => cross),
      facts,
      textsOf(facts, prompt),
    ),
    ...(prompt.written === undefined ? {} : { written: prompt.written }),
  };
}

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
