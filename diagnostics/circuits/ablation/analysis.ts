/** The analysis `ablation`: what the metric loses without the output of each head and of each MLP. */
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import { measures } from '../../shared/effects/metric';
import { outputBytes } from '../../shared/effects/outputs';
import { partsOf, replacing, withReplacements } from '../../shared/effects/parts';
import { measured, subjectsOf } from '../../shared/effects/subjects';
import type { ModelRunner } from '../../model-runner/model-runner';
import { ask } from './ask';
import { Changes } from './changes';
import { compare } from './compare';
import { finding, offers } from './finding';
import { ablationTable, type AblationParameters } from './parameters';
import { ablationResult, type AblationResult } from './result';
import { sections } from './sections';
import { StackChanges, stacksOf, stackWords, withoutHeads } from './stacks';
import { partners } from './partners';
import { meansOver, standInsFor } from '../../shared/effects/stand-ins';

export const ablation: Analysis<AblationParameters, AblationResult> = {
  id: 'ablation',
  title: 'Ablation of heads and MLPs',
  question: 'Which heads and MLPs does the model need for this?',
  group: 'circuits',
  source: {
    reference:
      'arXiv:1905.10650, section 3 (one head at a time); arXiv:2211.00593 (mean); arXiv:2404.15255 (zero, mean, resample)',
    trust: 'medium',
    note: 'The mean is one row over all positions of all prompts; resampling takes one draw. Intervals and their correction are choices of Headscope.',
  },
  inputs: ['prompt', 'prompt-pair', 'task'],
  sources: 'also',
  parameters: ablationTable,
  result: ablationResult,
  recurrent: true,
  supports: measures,
  estimate(facts, { prompts, task }, { mode }) {
    const runs = task ? task.samples.map(({ prompt }) => prompt) : prompts.slice(0, 1);
    const longest = Math.max(0, ...runs.map(({ ids }) => ids.length));
    const others = mode === 'zero' ? 0 : runs.length;
    return {
      passes: runs.length * (1 + partsOf(facts.blocks).length) + others,
      bytes: mode === 'zero' ? 0 : outputBytes(facts, ['head', 'mlp'], longest),
    };
  },
  run: removals,
  ask,
  finding,
  sections,
  compare,
  offers,
};

async function* removals(
  model: ModelRunner,
  job: AnalysisJob<AblationParameters>,
): AsyncGenerator<Step<AblationResult>, AblationResult> {
  const { variant, seed, step } = job;
  const { mode, resampleFrom: from } = job.parameters;
  const { subjects: all, ...settings } = await subjectsOf(model, job, job.parameters);
  const others = mode === 'resample' ? partners(all, from, seed) : [];
  const subjects = all
    .map((subject, at) => ({ ...subject, other: others[at] }))
    .filter(({ other }) => mode !== 'resample' || other !== undefined);
  const parts = partsOf(model.facts.blocks);
  const changes = new Changes(model.facts.blocks, { ...settings, mode, leftOut: all.length - subjects.length });

  const beside = mode === 'zero' ? stacksOf(model) : [];
  const furtherParts = beside.reduce((sum, { counts }) => sum + counts.reduce((all, count) => all + count, 0), 0);
  // Work is counted in parts removed; a mean costs a pass.
  const before = mode === 'mean' ? subjects.length : 0;
  const total = before + subjects.length * (parts.length + furtherParts);
  const means = mode === 'mean' ? yield* meansOver(model, subjects, job, (done) => ({ done, total })) : [];
  let done = before;
  let partial: AblationResult | undefined;
  for (const [at, subject] of subjects.entries()) {
    const standIn = await standInsFor(model, mode, variant, means, subject.other);
    // One prompt may be long: it can be left between two layers. Of a task each prompt is a step.
    const groups =
      subjects.length > 1
        ? [{ name: `prompt ${at + 1} of ${subjects.length}`, parts }]
        : model.facts.blocks.map((_, layer) => ({
            name: `layer ${layer + 1} of ${model.facts.blocks.length}`,
            parts: parts.filter((part) => part.layer === layer),
          }));
    for (const [number, { name, parts: some }] of groups.entries()) {
      yield { sentence: `Removing heads and MLPs: ${name}`, done, total, ...(partial ? { partial } : {}) };
      const [whole = [], ...without] = await step(`prompt ${at}, ${name}`, () =>
        measured(model, subject.sequence, subject, settings.metric, [
          variant,
          ...some.map((part) => withReplacements(variant, [replacing(part, standIn(part))])),
        ]),
      );
      if (number === 0) changes.addWhole(whole);
      some.forEach((part, to) => changes.addPart(part, whole, without[to] ?? []));
      done += some.length;
      partial = changes.result();
    }
  }
  let result = changes.result();
  for (const { stack, counts } of beside) {
    const own = new StackChanges(counts);
    for (const [at, subject] of subjects.entries()) {
      for (const [layer, count] of counts.entries()) {
        const heads = Array.from({ length: count }, (_, head) => head);
        const name = `${stackWords[stack]}, layer ${layer + 1} of ${counts.length}`;
        yield { sentence: `Removing heads of ${name}`, done, total, partial: result };
        const [whole = [], ...without] = await step(`prompt ${at}, ${name}`, () =>
          withoutHeads(model, { variant }, subject, settings.metric, { stack, layer, heads }),
        );
        heads.forEach((head) => own.add(layer, head, whole, without[head] ?? []));
        done += count;
      }
    }
    result = { ...result, [stack]: own.result() };
  }
  return result;
}
