/** Generation behind a prompt that was run: one token at a time against the cache, with gains held throughout. */
import type { HeadNumbers } from './head-numbers';
import type { CancelSignal, Continuation, Observation } from './model-runner';
import { sampler, type SamplingSettings } from './sampling';

export interface GenerationRequest {
  readonly maxNewTokens: number;
  readonly stopIds: readonly number[];
  readonly sampling: SamplingSettings;
  /** Report statistics of the heads for each generated token's query. */
  readonly statistics?: boolean;
  /** Give what the heads of each generated token's query put out and read. */
  readonly observe?: boolean;
  /** Observations give the keys read most as well. */
  readonly topKeys?: boolean;
}

export interface GeneratedToken {
  readonly id: number;
  /** Logits that chose it, [v]. */
  readonly logits: Float32Array;
  /** By layer, for the query that produced it (absent for the first token: that query is the prompt's last). */
  readonly statistics?: readonly HeadNumbers[];
  /** Observed at the same query. */
  readonly observation?: Observation;
}

/** Yields each token as it is chosen; ends after a stop token (which is yielded), `maxNewTokens`, or the end of the context. */
export async function* continued(
  run: Continuation,
  request: GenerationRequest,
  hooks: { readonly signal?: CancelSignal | undefined } = {},
): AsyncGenerator<GeneratedToken> {
  const choose = sampler(request.sampling);
  const wanted = {
    observe: request.observe ?? false,
    topKeys: request.topKeys ?? false,
    statistics: request.statistics ?? false,
  };
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
