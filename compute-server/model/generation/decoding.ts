/** Generation behind a prompt that was run: one token at a time against the cache, with gains held throughout. */
import type { HeadNumbers } from '../../../diagnostics/model-runner/head-numbers';
import type { RunHooks } from '../run/run-request';
import { sampler, type SamplingSettings } from './sampling';
import type { Observation } from '../../../diagnostics/model-runner/model-runner';
import type { SequenceRun } from './sequence-run';

export interface ContinuationRequest {
  readonly maxNewTokens: number;
  readonly stopIds: readonly number[];
  readonly sampling: SamplingSettings;
  /** Report statistics of the heads for each generated token's query. */
  readonly statistics?: boolean;
  /** Give what the heads of each generated token's query put out and read. */
  readonly observe?: boolean;
}

export interface GeneratedToken {
  readonly id: number;
  /** Logits that chose it, [v]. */
  readonly logits: Float32Array;
  /** By layer, for the query that produced it (absent for the first token: that query is the prompt's last). */
  readonly statistics?: readonly HeadNumbers[];
  /** Of the same query. */
  readonly observation?: Observation;
}

/** Yields each token as it is chosen; ends after a stop token (which is yielded), `maxNewTokens`, or the end of the context. */
export async function* continued(
  run: SequenceRun,
  request: ContinuationRequest,
  hooks: RunHooks = {},
): AsyncGenerator<GeneratedToken> {
  const choose = sampler(request.sampling);
  const wanted = { observe: request.observe ?? false, statistics: request.statistics ?? false };
  let { logits, observation } = run;
  let statistics: readonly HeadNumbers[] | undefined;
  for (let made = 0; made < request.maxNewTokens; made++) {
    const id = choose(logits);
    yield { id, logits, ...(statistics ? { statistics } : {}), ...(observation ? { observation } : {}) };
    if (request.stopIds.includes(id) || made + 1 === request.maxNewTokens || !run.canGoOn) return;
    hooks.signal?.throwIfAborted();
    const step = await run.extend([id], wanted);
    logits = step.logits;
    statistics = step.statistics;
    [observation] = step.observations;
  }
}
