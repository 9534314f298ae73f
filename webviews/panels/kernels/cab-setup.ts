/** What is measured when the form's mechanisms are to run in all patterns of CAB. */
import type { AttentionPattern } from '../../../protocol/results/benchmark';
import type { BenchmarkSetup } from '../../../protocol/results/benchmark-schema';
import { setupOf, whyNot, type State } from './state';

/** CAB's order of the four patterns. */
export const patternOrder: readonly AttentionPattern[] = [
  'noncausal-self',
  'causal-self',
  'noncausal-cross',
  'causal-cross',
];

const leastLengths = 4;

/** The plan of CAB, or the sentence that says why it cannot be run. */
export function cabSetup(state: State): BenchmarkSetup | string {
  const plan = setupOf(state);
  const baseline = state.mechanisms.find(({ id }) => id === plan?.baseline);
  if (state.canRun !== true) return state.canRun;
  if (!plan || !baseline) return 'Correct the settings first.';
  if (plan.shape.mode === 'decode') return 'CAB measures whole sequences: choose another mode than decode.';
  if (plan.shape.lengths.length < leastLengths) {
    return `CAB fits a curve through the times of each mechanism, which takes ${leastLengths} lengths at least: add some.`;
  }
  const why = whyNot(state, baseline);
  if (why !== undefined) return why;
  const { keys: _keys, ...shape } = plan.shape;
  const furtherPatterns = patternOrder.filter(
    (pattern) => pattern !== shape.pattern && baseline.patterns[pattern] === true,
  );
  return furtherPatterns.length === 0
    ? `${baseline.title} runs no further pattern: choose another baseline.`
    : { ...plan, shape, furtherPatterns };
}
