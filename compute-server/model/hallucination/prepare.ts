/** What a request about a span is turned into before anything runs: a runner, two sequences, a measure, all checked. */
import type { Prepared } from '../../../diagnostics/divergence/caption-run';
import { topHeads } from '../../../diagnostics/divergence/plan';
import { spanPair } from '../../../diagnostics/divergence/span-pair';
import type { DivergenceRequest } from '../../../protocol/compute/hallucination';
import { ServerRunner } from '../../analyses/runner';
import type { Surroundings } from '../../surroundings';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { requireHead, requireVision } from './span-request';

/** The runner of a request, and what its two passes read; all checked. */
export interface PreparedRun extends Prepared {
  readonly runner: ServerRunner;
}

export async function prepare(
  model: LoadedModel,
  request: DivergenceRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<PreparedRun> {
  requireHead(model);
  if (request.removed.kind === 'image' && (request.prompt.image === undefined || !model.vision)) requireVision(model);
  const runner = new ServerRunner(model, model, surroundings, signal);
  const { removed, positions, distance, outliers, k } = request;
  const sequence = await runner.prompt(request.prompt);
  const pair = spanPair(sequence, removed, positions);
  return { runner, sequence, pair, measure: { distance, outliers, k: topHeads(model.summary.heads, k) } };
}
