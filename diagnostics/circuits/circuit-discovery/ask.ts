/** What a head of a circuit attends to from the last position. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import { pairsOf } from '../../shared/effects/pairs';
import type { AnalysisJob } from '../../analysis';
import { attentionRow } from '../../shared/circuits/attention-row';
import { partName } from '../../shared/effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { DiscoveryParameters } from './parameters';
import type { DiscoveryResult } from './result';
import * as build from '../../../protocol/sections/builders';

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<DiscoveryParameters>,
  { circuit }: DiscoveryResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const part = place.kind === 'head' ? place : place.kind === 'row' ? circuit?.nodes[place.row] : undefined;
  if (!part) throw new RangeError(`nothing is known of this place of ${section}`);
  const { layer, head } = part;
  if (head === undefined) {
    return build.paragraphs(`${section}-L${layer}MLP`, partName({ layer }), [
      'An MLP attends to nothing: it reads the residual stream of its own position.',
    ]);
  }
  const { pairs } = await pairsOf(model, job);
  const [pair] = pairs;
  if (!pair) throw new RangeError('there is no prompt to look at');
  return attentionRow(model, job.variant, pair, { layer, head }, pair.clean.ids.length - 1, section);
}
