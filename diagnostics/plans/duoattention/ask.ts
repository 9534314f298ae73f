/** One head flipped: what the model does when a head that keeps everything streams, or the other way round. */
import { fullPlan } from '../../../protocol/plans/head-plan';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { TableSection } from '../../../protocol/sections/table';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { kvName } from '../../shared/plans/places';
import { counted } from '../../../protocol/wire/number-words';
import { checkRows, measured, type Choice, type Measured } from './check';
import { keyPrompt } from './pass-keys';
import type { DuoParameters } from './parameters';
import type { DuoResult } from './result';
import { keySource, onTraining } from './run';
import { planFigures } from './sections';
import { trainingPlan } from './two-way';
import * as build from '../../../protocol/sections/builders';

/** Prompts where the run has no check prompts. */
const usualPrompts = 2;

export async function ask(
  model: ModelRunner,
  { parameters, seed }: AnalysisJob<DuoParameters>,
  result: DuoResult,
  { section, place }: SectionQuestion,
): Promise<TableSection> {
  const known = place.kind === 'head' ? result.plan[place.layer]?.[place.head] : undefined;
  if (place.kind !== 'head' || !known) throw new RangeError(`nothing is known of this place of ${section}`);
  const plan = onTraining(result, parameters);
  const streams = trainingPlan(parameters);
  const name = kvName(place);
  const flipped = plan.map((row, layer) =>
    row.map((keep, head) =>
      layer === place.layer && head === place.head ? (keep.kind === 'full' ? streams : fullPlan) : keep,
    ),
  );
  const alone = plan.map((row, layer) =>
    row.map((_, head) => (layer === place.layer && head === place.head ? streams : fullPlan)),
  );
  const choices: readonly Choice[] = [
    { name: 'full cache', heads: () => plan.map((row) => row.map(() => fullPlan)) },
    { name: `${name} alone streams`, heads: () => alone },
    { name: 'chosen heads', heads: () => plan },
    {
      name: `chosen heads, ${name} ${known.kind === 'full' ? 'streams too' : 'keeps everything too'}`,
      heads: () => flipped,
    },
  ];
  const source = await keySource(model, parameters);
  const count = parameters.checks > 0 ? parameters.checks : usualPrompts;
  const prompts: (readonly Measured[])[] = [];
  for (let at = 0; at < count; at++) {
    prompts.push(await measured(model, keyPrompt(source, parameters, seed, `check ${at}`), choices));
  }
  return build.table(
    `${section}-${name}`,
    `${name} flipped`,
    `Means over ${counted(count, 'check prompt', 'check prompts')}. Streaming heads keep the first ${parameters.trainSinks} and the newest ${parameters.trainRecent} positions.`,
    checkRows(choices, prompts),
    [build.text('name', 'Plan', (row) => row.name), ...planFigures],
  );
}
