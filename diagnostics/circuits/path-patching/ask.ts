/** What a head attends to at the position of its stage, on the first prompt and on its counterpart. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import { pairsOf } from '../../shared/effects/pairs';
import { attentionRow } from '../../shared/circuits/attention-row';
import type { ModelRunner } from '../../model-runner/model-runner';
import { ranked } from './finding';
import type { PathParameters } from './parameters';
import type { PathResult } from './result';
import { positionsOf } from './stages';

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<PathParameters>,
  result: PathResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const stage = result.stages[Number(section.split('-').at(-1)) - 1];
  const head = place.kind === 'head' ? place : place.kind === 'row' && stage ? ranked(stage)[place.row] : undefined;
  if (!stage || !head) throw new RangeError(`nothing is known of this place of ${section}`);
  const { pairs } = await pairsOf(model, job);
  const [pair] = pairs;
  if (!pair) throw new RangeError('there is no prompt to look at');
  const row = positionsOf(stage.at, pairs)(pair).at(-1) ?? pair.clean.ids.length - 1;
  return attentionRow(model, job.variant, pair, head, row, section);
}
