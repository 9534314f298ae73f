/**
 * Visual attention sinks, marked (arXiv 2503.03321, ICLR 2025): tokens whose hidden state carries a massive activation in the
 * dimensions in which the first token carries it. They draw attention whatever the text is. Nothing is redistributed here.
 */
import { usualTau } from '../../../protocol/interventions/redistribute';

/** tau of the paper; a hidden state of width D can reach at most sqrt(D), so that a narrow model has no sink by this rule. */
export const sinkThreshold = 20;

/** RMS(x) = sqrt(mean x_d^2 + 1e-6), without a learned gain. */
function rootMeanSquare(state: ArrayLike<number>): number {
  let sum = 0;
  for (let d = 0; d < state.length; d++) sum += (state[d] ?? 0) ** 2;
  return Math.sqrt(sum / state.length + 1e-6);
}

/** phi(x): largest |x_d| / RMS(x) over the given dimensions; 0 without any. */
export function sinkValue(state: ArrayLike<number>, dimensions: readonly number[]): number {
  const root = rootMeanSquare(state);
  return dimensions.reduce((largest, d) => Math.max(largest, Math.abs(state[d] ?? 0) / root), 0);
}

/**
 * By dimension d: the largest number that |x_d| / RMS(x) exceeds or reaches in more than half of the states. `states`: of the first
 * token as it enters each of some layers, [hiddenSize].
 */
export function sinkProfile(states: readonly ArrayLike<number>[]): number[] {
  const roots = states.map(rootMeanSquare);
  return Array.from({ length: states[0]?.length ?? 0 }, (_, d) => {
    const values = states.map((state, at) => Math.abs(state[d] ?? 0) / (roots[at] ?? 1));
    return values.sort((a, b) => b - a)[values.length >> 1] ?? 0;
  });
}

/**
 * D_sink of a model: dimensions in which the first token's state, as it enters a layer, exceeds the threshold in more than
 * half of the layers from the third on (choice of Headscope: the paper inherits its lists from work on massive activations).
 * `firstToken[layer]` is that state, [hiddenSize].
 */
export const sinkDimensions = (firstToken: readonly ArrayLike<number>[], threshold = sinkThreshold): number[] =>
  sinkProfile(firstToken.slice(2)).flatMap((value, d) => (value > threshold ? [d] : []));

/** A state of width D has no value above sqrt(D) times its RMS: the tau of the paper needs more than this. */
export const narrowest = usualTau ** 2;

/** Root of the width of LLaVA-1.5-7B, for which tau = 20 was chosen. */
const paperRoot = 64;

/** The tau of the paper, or the same share of the largest value that a state of this width can have. */
export const tauOf = (width: number, given: number): number =>
  given > 0 ? given : width > narrowest ? usualTau : (usualTau / paperRoot) * Math.sqrt(width);
