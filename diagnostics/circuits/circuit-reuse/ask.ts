/** What a head attends to from the last position, on the first prompt of the first task. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import { pairsOf } from '../../shared/effects/pairs';
import type { AnalysisJob } from '../../analysis';
import { attentionRow } from '../../shared/circuits/attention-row';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { ReuseParameters } from './parameters';
import type { ReuseResult } from './result';

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<ReuseParameters>,
  result: ReuseResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const head = place.kind === 'head' ? place : place.kind === 'row' ? result.first.roles[place.row] : undefined;
  if (!head) throw new RangeError(`nothing is known of this place of ${section}`);
  const asked = { metric: job.parameters.metric, answer: '', against: '' };
  const { pairs } = await pairsOf(model, { ...job, parameters: asked });
  const [pair] = pairs;
  if (!pair) throw new RangeError('there is no prompt to look at');
  const { layer } = head;
  return attentionRow(model, job.variant, pair, { layer, head: head.head }, pair.clean.ids.length - 1, section);
}
