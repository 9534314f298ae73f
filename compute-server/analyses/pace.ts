/**
 * How long an analysis takes before it is run, from what runs of the model took here. A pass over n tokens is counted as n; a model
 * that has not run yet gets a first guess from its size.
 */
import { availableParallelism } from 'node:os';
import type { LoadedModel } from '../model/checkpoint/loaded-model';

interface Rate {
  /** Seconds a pass and token. */
  readonly all: number;
  readonly byAnalysis: ReadonlyMap<string, number>;
}

/** As long as the model is open. */
const rates = new WeakMap<LoadedModel, Rate>();

/**
 * Multiplications and additions a second and core of products of matrices of small models in float32, as a first guess: about a
 * fifth of what Linux x64 with 2 cores of AVX2 reached in large ones (2026-11-24: 96 GFLOP/s, docs/measured.md).
 */
const guessedFlops = 1e10;
/** What a pass costs beside its arithmetic: calls of the runtime, tables, copies. */
const leastSeconds = 0.002;

const workOf = (passes: number, tokens: number): number => Math.max(1, passes) * Math.max(1, tokens);

export function secondsOf(model: LoadedModel, analysis: string, passes: number, tokens: number): number {
  const rate = rates.get(model);
  const known = rate?.byAnalysis.get(analysis) ?? rate?.all;
  if (known !== undefined) return known * workOf(passes, tokens);
  // Two operations a weight and token. Most files hold a weight in two bytes.
  const weights = model.summary.weightBytes / 2;
  const perPass = Math.max(leastSeconds, (2 * weights * tokens) / (guessedFlops * availableParallelism()));
  return passes * perPass;
}

/** Takes over what a whole run took; one that found steps on disk says nothing. */
export function learn(
  model: LoadedModel,
  analysis: string,
  run: { readonly seconds: number; readonly passes: number; readonly tokens: number },
): void {
  if (run.passes <= 0) return;
  const rate = run.seconds / workOf(run.passes, run.tokens);
  rates.set(model, {
    all: rate,
    byAnalysis: new Map([...(rates.get(model)?.byAnalysis ?? []), [analysis, rate]]),
  });
}
