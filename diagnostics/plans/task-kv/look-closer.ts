import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { TaskKvParameters } from './parameters';
import { headPositions, layerChart } from './pictures';
import type { TaskKvResult } from './result';

/** Shows the vectors of the layer of a head, or the positions that the head keeps. */
export function lookCloser(
  _model: ModelRunner,
  _job: AnalysisJob<TaskKvParameters>,
  result: TaskKvResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const answer =
    place.kind !== 'head'
      ? undefined
      : section === 'kept'
        ? headPositions(result, place.layer, place.head)
        : layerChart(result, place.layer);
  if (!answer) throw new RangeError(`nothing is known of this place of ${section}`);
  return Promise.resolve(answer);
}
