/** The run of the Heads panel: that of the analysis `heads`, whose layers are given one by one. */
import { analyses } from '../../diagnostics/catalogue';
import type { HeadsProgress, HeadsReply } from '../../protocol/compute/models';
import type { HeadsRequest } from '../../protocol/compute/model-requests';
import { headStatisticNames, type HeadThumbnails } from '../../protocol/results/heads';
import { analysisOfHeads, headsOfAnalysis } from '../../protocol/compute/heads-of-analysis';
import { headsAnalysis, type HeadsMeasured } from '../../protocol/results/labelled-heads';
import { readThumbnails } from '../../protocol/results/thumbnails';
import { analysisRun } from '../analyses/analysis-job';
import type { Job } from '../dispatch/dispatcher';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import type { Surroundings } from '../surroundings';

export async function* headsJob(
  opened: LoadedModel,
  request: HeadsRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<HeadsProgress, HeadsReply> {
  const analysis = analyses.find(({ id }) => id === headsAnalysis.id);
  if (!analysis) throw new RangeError('the catalogue has no analysis of heads');
  const run = analysisRun({ opened, analysis, surroundings, signal }, analysisOfHeads(request));
  let said = 0;
  /** The layers that were not given before. */
  function* layersOf(measured: Partial<HeadsMeasured>): Generator<HeadsProgress> {
    const { topKeys = [], statistics, thumbnails } = measured;
    const pictures = thumbnails && readThumbnails(thumbnails);
    for (; statistics && said < topKeys.length; said++) {
      const rows = headStatisticNames.map((name) => [name, statistics[name][said] ?? []]);
      yield {
        kind: 'layer',
        layer: said,
        statistics: Object.fromEntries(rows) as Extract<HeadsProgress, { readonly kind: 'layer' }>['statistics'],
        ...(pictures ? { thumbnails: layerOf(pictures, said) } : {}),
      };
    }
  }
  for (;;) {
    const step = await run.next();
    if (step.done) {
      const { thumbnails } = step.value.result as HeadsMeasured;
      yield* layersOf(step.value.result);
      return {
        result: headsOfAnalysis(step.value),
        ...(thumbnails ? { thumbnails: readThumbnails(thumbnails) } : {}),
      };
    }
    if (step.value.kind === 'known') yield* layersOf(step.value.partial);
    else {
      const { kept: keptLayers, ...stage } = step.value;
      yield { ...stage, keptLayers };
    }
  }
}

function layerOf({ size, heads, data }: HeadThumbnails, layer: number): HeadThumbnails {
  const each = heads * size * size;
  return { size, layers: 1, heads, data: data.slice(layer * each, (layer + 1) * each) };
}
