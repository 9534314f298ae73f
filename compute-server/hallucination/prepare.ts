/** What a request about a span is turned into before anything runs: a runner, two sequences, a measure, all checked. */
import type { Variant } from '../../models/instrument/changes/changes';
import type { Prepared } from '../../diagnostics/shared/captions/caption-run';
import { requireAnywhere } from '../../diagnostics/shared/divergence/both-passes';
import { topHeads } from '../../diagnostics/shared/divergence/reinforcement';
import { spanPair } from '../../diagnostics/shared/divergence/span-pair';
import type { DivergenceRequest } from '../../protocol/compute/hallucination-requests';
import type { Parity } from '../../protocol/schema/parts';
import { ServerRunner } from '../runner/runner';
import type { Surroundings } from '../surroundings';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { requireParity } from '../model/checkpoint/parity';
import { requireHead, requireVision } from '../model/interventions/span-request';

/** The runner of a request, and what its two passes read; all checked. */
export interface PreparedRun extends Prepared {
  readonly runner: ServerRunner;
  readonly variant: Variant;
  /** The instrumented run against the plain one; a run that is too far from it is refused. */
  readonly parity: Parity;
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
  const { removed, positions, distance, outliers, k, interventions = [] } = request;
  requireAnywhere(interventions);
  const sequence = await runner.prompt(request.prompt);
  const pair = spanPair(sequence, removed, positions);
  const { variant } = await runner.variant(interventions, sequence);
  const parity = await requireParity(model, sequence, { signal });
  return {
    runner,
    sequence,
    pair,
    variant,
    parity,
    measure: { distance, outliers, k: topHeads(model.summary.heads, k) },
  };
}
