/** What `headscope heads` asks and gives: the analysis `heads`, of a compute server or of a model that is open in the process of the test. */
import { analysisJob } from '../../compute-server/analyses/analysis-job';
import type { LoadedModel } from '../../compute-server/model/checkpoint/loaded-model';
import type { Surroundings } from '../../compute-server/surroundings';
import { heads } from '../../diagnostics/patterns/heads/analysis';
import type { CallOptions, ComputeClient } from '../../protocol/compute/client';
import { analysisOfHeads, headsOfAnalysis } from '../../protocol/compute/heads-of-analysis';
import type { HeadsRequest } from '../../protocol/compute/heads-of-analysis';
import type { AnalysisProgress } from '../../protocol/analysis/analysis';
import type { HeadsResult } from '../../protocol/results/heads-schema';
import { resultOf } from './model-jobs';

export const headsOn = async (
  client: ComputeClient,
  request: HeadsRequest,
  options?: CallOptions<'analysis'>,
): Promise<HeadsResult> => headsOfAnalysis(await client.call('analysis', [analysisOfHeads(request)], options));

export const headsIn = async (
  opened: LoadedModel,
  request: HeadsRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<HeadsResult> =>
  headsOfAnalysis(
    await resultOf(analysisJob({ opened, analysis: heads, surroundings, signal }, analysisOfHeads(request))),
  );

/** The layer that a run is about to measure, from 0; undefined where it does something else. */
export function layerIn(progress: AnalysisProgress): number | undefined {
  const [, layer] = (progress.kind === 'stage' && /^Layer (\d+) of \d+$/.exec(progress.sentence)) || [];
  return layer === undefined ? undefined : Number(layer) - 1;
}
