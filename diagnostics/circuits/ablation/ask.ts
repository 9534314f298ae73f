/** Where one part matters: token by token of a prompt, or prompt by prompt of a task. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import { metricWords } from '../../shared/effects/metric';
import { partName, replacing, withReplacements, type Part } from '../../shared/effects/parts';
import { measured, subjectsOf, type Subjects } from '../../shared/effects/subjects';
import { finalResult } from '../../shared/final-result';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { AblationParameters } from './parameters';
import { ranked } from './ranking';
import type { AblationResult } from './result';
import { changeDefinition } from './sections';
import { partners } from './partners';
import { meansOver, standInsFor } from '../../shared/effects/stand-ins';
import * as build from '../../../protocol/sections/builders';

/** Longest text of a prompt whose change is listed. */
const longestText = 200;

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<AblationParameters>,
  result: AblationResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const part: Part | undefined =
    place.kind === 'head' ? place : place.kind === 'row' ? ranked(result)[place.row] : undefined;
  if (!part) throw new RangeError(`nothing is known of this place of ${section}`);
  const found = await subjectsOf(model, job, job.parameters);
  const changes = await changesOf(model, job, found, part);
  const { name, unit } = metricWords[found.metric];
  const changeTitle = `Change of the ${name}`;
  const definition = changeDefinition(result);
  const id = `${section}-L${part.layer}${part.head === undefined ? 'MLP' : `H${part.head}`}`;
  const title = `Where ${partName(part)} matters`;
  const [prompt] = job.input.prompts;
  if (found.unit === 'token' && prompt) {
    const values = new Array<number>(prompt.ids.length).fill(Number.NaN);
    found.subjects[0]?.asked.forEach(({ row }, at) => (values[row + 1] = changes[0]?.[at] ?? Number.NaN));
    return {
      kind: 'tokens',
      id,
      title,
      caption: `For each token, how the ${name} of predicting it changes.`,
      tokens: prompt.tokens,
      numbers: [build.signed('change', changeTitle, definition, values, unit)],
    };
  }
  const texts = job.input.task?.samples.map((sample) => sample.prompt.text) ?? [prompt?.text ?? 'the prompt'];
  const rows = texts.flatMap((text, at) => {
    const change = changes[at]?.[0];
    return change === undefined
      ? []
      : [{ text: text.length > longestText ? `${text.slice(0, longestText)}…` : text, change }];
  });
  return build.table(
    id,
    title,
    'Prompt by prompt, largest change first.',
    rows.sort((a, b) => Math.abs(b.change) - Math.abs(a.change)),
    [build.text('prompt', 'Prompt', ({ text }) => text), build.number('change', changeTitle, definition, unit)],
  );
}

/** [subjects][values]; undefined for one without another prompt to take outputs from. */
async function changesOf(
  model: ModelRunner,
  job: AnalysisJob<AblationParameters>,
  { subjects, metric }: Subjects,
  part: Part,
): Promise<readonly (readonly number[] | undefined)[]> {
  const { mode, resampleFrom: from } = job.parameters;
  const others = mode === 'resample' ? partners(subjects, from, job.seed) : [];
  const means =
    mode === 'mean' ? await finalResult(meansOver(model, subjects, job, () => ({ done: 0, total: 1 }))) : [];
  const changes: (readonly number[] | undefined)[] = [];
  for (const [at, subject] of subjects.entries()) {
    if (mode === 'resample' && !others[at]) {
      changes.push(undefined);
      continue;
    }
    const standIn = await standInsFor(model, mode, job.variant, means, others[at]);
    const [whole = [], without = []] = await measured(model, subject.sequence, subject, metric, [
      job.variant,
      withReplacements(job.variant, [replacing(part, standIn(part))]),
    ]);
    changes.push(whole.map((value, to) => (without[to] ?? Number.NaN) - value));
  }
  return changes;
}
